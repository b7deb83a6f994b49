// expect: what a getter of Reflect<T> refers to is copied before a restore
#include <memory>

#include "orrery/reflect/reflectable.hpp"

class Layer {
 public:
  const std::unique_ptr<int>& units() const { return units_; }
  void set_units(std::unique_ptr<int> units) { units_ = std::move(units); }

 private:
  std::unique_ptr<int> units_{};
};
template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field("units", &Layer::units, &Layer::set_units));
};

auto view = orrery::describe(Layer{});
