// expect: a setter of Reflect<T> must be callable with a T and what the getter returns
#include <string>

#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  int units() const { return units_; }
  void set_units(const std::string& units) { units_ = static_cast<int>(units.size()); }

 private:
  int units_ = 0;
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field("units", &Layer::units, &Layer::set_units));
};

auto view = orrery::describe(Layer{});
