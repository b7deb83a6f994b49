// expect: a member of this struct is a reference or a bit-field
#include "orrery/reflect/reflectable.hpp"

struct View {
  const int& step;
  int batch;
};

auto view(const View& value) { return orrery::describe(value); }
