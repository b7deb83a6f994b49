// expect: a member of this struct is a reference or a bit-field
#include "orrery/reflect/reflectable.hpp"

struct Flags {
  int ready : 1;
  int count;
};

auto view = orrery::describe(Flags{});
