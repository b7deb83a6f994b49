// expect: this Hana accessor returns a copy
#include <boost/hana/adapt_adt.hpp>

#include "orrery/adapters/hana.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  int units() const { return 3; }
};
BOOST_HANA_ADAPT_ADT(Layer, (units, [](const auto& layer) { return layer.units(); }));

auto view = orrery::describe(Layer());
