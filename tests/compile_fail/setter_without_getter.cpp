// expect: a field of Reflect<T> has a setter and no getter
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  void set_units(int units) { units_ = units; }

 private:
  int units_ = 0;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field("units", nullptr, &Layer::set_units));
};

auto view = orrery::describe(Layer{});
