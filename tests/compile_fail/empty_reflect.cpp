// expect: Reflect<T> needs `static constexpr auto fields
#include "orrery/reflect/reflectable.hpp"

struct Layer {
  int a;
};
template <>
struct orrery::Reflect<Layer> {};

auto view = orrery::describe(Layer{});
