// expect: a base class of this struct has members of its own
#include "orrery/reflect/reflectable.hpp"

struct State {
  int step;
};
struct Custom : State {
  int batch;
};

auto view = orrery::describe(Custom{});
