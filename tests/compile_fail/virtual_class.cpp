// expect: this class is no aggregate
#include <memory>

#include "orrery/reflect/reflectable.hpp"

struct Layer {
  virtual ~Layer() = default;
  int units = 0;
};
struct State {
  std::unique_ptr<Layer> layer;
};

auto view = orrery::describe(State{});
