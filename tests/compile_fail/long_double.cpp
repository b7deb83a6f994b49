// expect: no dtype for this type of number
#include "orrery/reflect/reflectable.hpp"

struct State {
  long double loss;
};

auto view = orrery::describe(State{});
