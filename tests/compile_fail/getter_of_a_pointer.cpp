// expect: a raw pointer does not say what it points at
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  const float* weights() const { return &weight_; }

 private:
  float weight_ = 0;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field("weights", &Layer::weights));
};

auto view = orrery::describe(Layer{});
