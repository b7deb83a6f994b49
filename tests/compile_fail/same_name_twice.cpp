// expect: Reflect<T> gives two members the same name
#include "orrery/reflect/reflectable.hpp"

struct Layer {
  int a;
  int b;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field<&Layer::a>("x"), orrery::field<&Layer::b>("x"));
};

auto view = orrery::describe(Layer{});
