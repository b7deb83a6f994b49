// expect: this class is no aggregate
#include <functional>

#include "orrery/reflect/reflectable.hpp"

struct State {
  int step;
  std::function<float(float)> activation;
};

auto view = orrery::describe(State{});
