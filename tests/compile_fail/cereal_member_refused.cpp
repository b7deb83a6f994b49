// expect: a raw pointer does not say what it points at
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  float* weights = nullptr;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(weights));
  }
};

auto view = orrery::describe(Layer());
