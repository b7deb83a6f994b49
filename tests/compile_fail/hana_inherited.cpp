// expect: inherits the Hana description of its base
#include <boost/hana/define_struct.hpp>

#include "orrery/adapters/hana.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  BOOST_HANA_DEFINE_STRUCT(Layer, (int, units));
};
class Dropout : public Layer {
 public:
  Dropout() {}
  float rate = 0;
};

auto view = orrery::describe(Dropout());
