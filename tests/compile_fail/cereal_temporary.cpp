// expect: serialize hands over a temporary
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}
  int units() { return 3; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("units", units()));
  }
};

auto view = orrery::describe(Layer());
