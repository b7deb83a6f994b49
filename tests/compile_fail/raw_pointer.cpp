// expect: a raw pointer does not say what it points at
#include "orrery/reflect/reflectable.hpp"

struct Node {
  int value;
  Node* next;
};

auto view = orrery::describe(Node{});
