// expect: a name in Reflect<T> is empty or has a '/'
#include "orrery/reflect/reflectable.hpp"

struct Layer {
  int units;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field<&Layer::units>(""));
};

auto view = orrery::describe(Layer{});
