// expect: a raw pointer does not say what it points at
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "orrery/reflect/reflectable.hpp"

struct State {
  std::map<std::string, std::vector<std::variant<std::string, const char*>>> texts;
};

auto view = orrery::describe(State{});
