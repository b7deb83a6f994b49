// expect: names base<B>() for a B that is no base class of T
#include "orrery/reflect/reflectable.hpp"

struct Other {
  int a;
};
struct Layer {
  int b;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::base<Other>(), orrery::field<&Layer::b>("b"));
};

auto view = orrery::describe(Layer{});
