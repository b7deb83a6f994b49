// expect: the keys of a map are strings or integers
#include <map>

#include "orrery/reflect/reflectable.hpp"

struct State {
  std::map<double, int> by_rate;
};

auto view = orrery::describe(State{});
