#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "orrery/reflect/visit.hpp"

namespace {

struct Printer {
  std::string text{};
  void enter_dict(std::size_t n) { text += "{" + std::to_string(n) + " "; }
  void enter_list(std::size_t n) { text += "[" + std::to_string(n) + " "; }
  void enter_tuple(std::size_t n) { text += "(" + std::to_string(n) + " "; }
  void key(std::string_view key) { text += std::string(key) + ":"; }
  void leaf(const orrery::LeafView& leaf) {
    if (leaf.kind == orrery::LeafKind::string)
      text += "'" + std::string(leaf.text) + "' ";
    else
      text += std::string(name(leaf.array.dtype)) + orrery::to_string(leaf.array.shape) + " ";
  }
  void none() { text += "none "; }
  void leave() { text += "; "; }
};
struct Empty {};
struct Layer {
  std::vector<float> w;
  std::string name;
};
struct State {
  std::int64_t step;
  std::map<std::string, Layer> layers;
  std::tuple<Empty, std::optional<int>> rest;
  std::vector<std::string> tags;
  std::map<int, int> nothing;
};

TEST_CASE("a visitor hears of everything, in order") {
  Printer printer;
  orrery::visit(State{1, {{"a", {{1, 2}, "x"}}}, {Empty(), 3}, {"t"}, {}}, printer);
  CHECK(printer.text == "{5 step:int64() layers:{1 a:{2 w:float32(2,) name:'x' ; ; rest:(2 none int32() ; tags:[1 't' ; nothing:{0 ; ; ");
}

TEST_CASE("a bare leaf and nothing at all can be visited") {
  Printer printer;
  orrery::visit(2.0f, printer);
  orrery::visit(std::optional<int>(), printer);
  CHECK(printer.text == "float32() none ");
}

}  // namespace
