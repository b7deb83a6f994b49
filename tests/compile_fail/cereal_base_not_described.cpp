// expect: hands over a base class that nothing describes
#include "orrery/adapters/cereal.hpp"
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  Layer() {}

 protected:
  int units_ = 0;
};
class Dropout : public Layer {
 public:
  Dropout() {}
  float rate = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Layer>(this), CEREAL_NVP(rate));
  }
};

auto view = orrery::describe(Dropout());
