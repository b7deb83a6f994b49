#include "orrery/restore/dotted_names.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/optax/states.hpp"
#include "orrery/reflect/reflectable.hpp"

using namespace orrery;

namespace {

struct Dense {
  Array<float> bias{};
  Array<float> kernel{};
};
struct State {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{};
  std::vector<Array<float>> data{};
  std::optional<Array<float>> ema{};
  std::tuple<optax::EmptyState, Array<float>> opt_state{};
};

Tree flat(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  Tree tree = Tree::dict();
  for (std::size_t i = 0; i < names.size(); ++i)
    tree.insert({names[i]}, Tree::described(LeafKind::array, DType::float32, {2}, static_cast<std::uint32_t>(i)));
  return tree;
}

// "{a: *, b: [*, none]}": leaves are stars.
std::string shape_of(const Tree& tree) {
  if (tree.is_none()) return "none";
  if (tree.is_leaf()) return "*";
  std::string out = tree.is_dict() ? "{" : "[";
  for (const Tree::Item& item : tree.items()) out += (out.size() > 1 ? ", " : "") + item.key.text + ": " + shape_of(item.value);
  for (const Tree& element : tree.elements()) out += (out.size() > 1 ? ", " : "") + shape_of(element);
  return out + (tree.is_dict() ? "}" : "]");
}

template <class T>
NestedTree nested(const std::vector<std::string>& names) {
  return nest(ops<T>(), nullptr, flat(names));
}
template <class T>
NestedTree nested(T& target, const std::vector<std::string>& names) {
  return nest(ops<T>(), &target, flat(names));
}
template <class T>
std::string nested_shape(const std::vector<std::string>& names) {
  return shape_of(nested<T>(names).tree);
}

}  // namespace

TEST_CASE("members take what begins with their name and a dot, and what is absent and holds nothing is empty") {
  CHECK(nested_shape<State>({"step", "params.a.bias", "params.a.kernel", "data.0", "data.1", "ema", "opt_state.1"}) ==
        "{step: *, params: {a: {bias: *, kernel: *}}, data: [*, *], ema: *, opt_state: [none, *]}");
  CHECK(nested_shape<State>({"step"}) == "{step: *, params: {}, data: [], ema: none}");
  CHECK(nested_shape<Array<float>>({""}) == "*");
  std::vector<std::string> twelve;
  for (int i = 0; i < 12; ++i) twelve.push_back(std::to_string(i) + (i == 2 ? ".kernel" : ".bias"));
  const NestedTree list = nested<std::vector<Dense>>(twelve);
  CHECK(list.tree.size() == 12);
  CHECK(list.tree[2].contains("kernel"));
  CHECK(list.tree[11].contains("bias"));
}

TEST_CASE("a name between two others does not confuse the search: what sorts before a dot, or behind it, is another name") {
  CHECK(nested_shape<std::map<std::string, Dense>>({"a!.bias", "a-b.bias", "a.bias", "a.kernel", "a/.bias", "a0.bias"}) ==
        "{a: {bias: *, kernel: *}, a!: {bias: *}, a-b: {bias: *}, a/: {bias: *}, a0: {bias: *}}");
}

TEST_CASE("maps of arrays keep whole names, maps of structs cut before the rest that fits a member") {
  CHECK(nested_shape<std::map<std::string, Array<float>>>({"a.b.c", "a.b", "d", ""}) == "{: *, a.b: *, a.b.c: *, d: *}");
  CHECK(nested_shape<std::map<std::string, Dense>>({"a.bias", "a.b.kernel", "a.b.bias.kernel"}) ==
        "{a: {bias: *}, a.b: {kernel: *}, a.b.bias: {kernel: *}}");
  CHECK(nested_shape<std::map<std::string, std::vector<Array<float>>>>({"a.b.0", "a.b.1", "c.0"}) == "{a.b: [*, *], c: [*]}");
  CHECK(nested_shape<std::map<std::string, std::map<std::string, Array<float>>>>({"a.b.c", "a.d", "e.f"}) ==
        "{a: {b.c: *, d: *}, e: {f: *}}");
  CHECK(nested_shape<std::map<int, Array<float>>>({"7", "10"}) == "{10: *, 7: *}");
}

TEST_CASE("a target's own keys and lengths decide") {
  std::map<std::string, Dense> two{{"a", {}}, {"a.b", {}}};
  const NestedTree tree = nested(two, {"a.bias", "a.b.bias", "c.bias"});
  CHECK(shape_of(tree.tree) == "{a: {bias: *}, a.b: {bias: *}}");
  CHECK(tree.unplaced == std::vector<std::string>{"c.bias"});

  std::vector<std::optional<Array<float>>> three(3);
  three[1].emplace();
  const NestedTree list = nested(three, {"0", "1"});
  CHECK(shape_of(list.tree) == "[none, *, none]");
  CHECK(list.unplaced.empty());  // given and empty: not read
}

TEST_CASE("what nothing wants is an entry of a record, or is listed") {
  const NestedTree tree = nested<Dense>({"bias", "kernel", "kernel.scale", "z.y"});
  CHECK(shape_of(tree.tree) == "{bias: *, kernel: *, kernel.scale: *, z.y: *}");
  CHECK(tree.unplaced.empty());
  CHECK(nested<std::vector<Array<float>>>({"0", "00", "x", "1.y"}).unplaced == std::vector<std::string>{"00", "1.y", "x"});
  CHECK(nested_shape<std::map<std::string, Dense>>({"a.bias", "step"}) == "{a: {bias: *}, step: *}");  // for match() to refuse
}

TEST_CASE("a Tree takes its names flat, a variant is the alternative that could have the names") {
  struct Holder {
    Tree any{};
    std::variant<Array<float>, Dense, std::monostate> one{};
  };
  CHECK(nested_shape<Holder>({"any.a.b", "any.c", "one.bias", "one.kernel"}) == "{any: {a.b: *, c: *}, one: {bias: *, kernel: *}}");
  CHECK(nested_shape<Holder>({"any", "one"}) == "{any: *, one: *}");
  CHECK(nested_shape<Holder>({}) == "{any: none, one: none}");
}

TEST_CASE("a large index makes no large list, and deep names no deep recursion") {
  struct Deep {
    std::vector<Deep> below{};
    std::optional<Array<float>> leaf{};
  };
  CHECK(nested_shape<std::vector<std::optional<Array<float>>>>({"0", "3"}) == "[*, none, none, *]");
  CHECK_THROWS_WITH_AS(nested<std::vector<Array<float>>>({"4000000000"}), doctest::Contains("more gaps than elements"), StructureError);
  CHECK(nested<std::vector<Array<float>>>({"99999999999999999999"}).unplaced.size() == 1);
  std::string name;
  for (int i = 0; i < 5000; ++i) name += "below.0.";
  CHECK_THROWS_WITH_AS(nested<Deep>({name + "leaf"}), doctest::Contains("512 levels"), FormatError);
}
