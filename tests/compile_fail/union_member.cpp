// expect: a union does not say which member is alive
#include "orrery/reflect/reflectable.hpp"

union Either {
  int a;
  float b;
};
struct State {
  Either either;
};

auto view = orrery::describe(State{});
