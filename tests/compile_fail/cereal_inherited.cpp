// expect: inherits the cereal function serialize of its base
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  int units = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(units));
  }
};
class Dropout : public Layer {
 public:
  Dropout() {}
  float rate = 0;
};

auto view = orrery::describe(Dropout());
