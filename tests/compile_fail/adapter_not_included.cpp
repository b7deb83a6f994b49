// expect: include orrery/adapters/hana.hpp or cereal.hpp before the first use
#include "orrery/reflect/reflectable.hpp"

struct Layer {
  int a;
};
template <>
struct orrery::Reflect<Layer> : orrery::via_cereal<Layer> {};

auto view = orrery::describe(Layer{});
