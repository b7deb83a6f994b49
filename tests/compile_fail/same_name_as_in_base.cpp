// expect: Reflect<T> gives two members the same name
#include "orrery/reflect/reflectable.hpp"

struct Layer {
  int units;
};
struct Dense : Layer {
  int size;
};
template <>
struct orrery::Reflect<Dense> {
  static constexpr auto fields = orrery::fields(orrery::base<Layer>(), orrery::field<&Dense::size>("units"));
};

auto view = orrery::describe(Dense{});
