// expect: this class has a cereal function for one direction alone
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  int units = 0;
  template <class Archive>
  void save(Archive& archive) const {
    archive(CEREAL_NVP(units));
  }
};

auto view = orrery::describe(Layer());
