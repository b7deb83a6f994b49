// expect: a getter of Reflect<T> must be callable with a const T and nothing else, and return the value
#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  void units(int& out) const { out = units_; }
  void set_units(int units) { units_ = units; }

 private:
  int units_ = 0;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field("units", &Layer::units, &Layer::set_units));
};

auto view = orrery::describe(Layer{});
