// expect: the members of this struct cannot be counted
#include "orrery/reflect/reflectable.hpp"

struct View {
  int& step;
};

auto view(const View& value) { return orrery::describe(value); }
