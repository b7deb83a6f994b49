// expect: this struct has more than 100 members
#include "orrery/reflect/reflectable.hpp"

#define TEN(n) int n##0, n##1, n##2, n##3, n##4, n##5, n##6, n##7, n##8, n##9;
struct Large {
  TEN(a) TEN(b) TEN(c) TEN(d) TEN(e) TEN(f) TEN(g) TEN(h) TEN(i) TEN(j) int last;
};

auto view = orrery::describe(Large{});
