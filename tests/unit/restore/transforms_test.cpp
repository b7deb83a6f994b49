// Rules and patterns, and Orbax's apply_transformations on trees in memory. Agreement with Orbax on generated cases: tests/transforms.
#include "orrery/restore/transforms.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "orrery/restore/apply_transformations.hpp"

namespace {

using namespace orrery;
using Texts = std::vector<std::string>;

Tree number(double value) { return Tree::scalar(value); }
Tree doubled(const Tree& tree) { return number(2 * tree.scalar<double>()); }

// {'a': 1, 'b': {'c': 5, 'd': [0, 1, 2, 3]}, 'f': 2, 'b1': {'c': 2}, 'b2': {'c': 3}}: the example in Orbax's documentation.
Tree original() {
  Tree tree = Tree::dict();
  tree["a"] = number(1);
  tree["b"]["c"] = number(5);
  tree["b"]["d"] = Tree::list({number(0), number(1), number(2), number(3)});
  tree["f"] = number(2);
  tree["b1"]["c"] = number(2);
  tree["b2"]["c"] = number(3);
  return tree;
}

Texts matching(const Transforms& transforms, const std::string& key) {
  Texts out;
  transforms.for_each_match(key, [&](const Transforms::Rule& rule, const auto&) { out.push_back(rule.pattern.text()); });
  return out;
}

std::string refusal(const std::string& pattern) {
  try {
    KeyPattern::compile(pattern);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the example of Orbax's documentation comes out as there") {
  Tree wanted = Tree::dict();
  for (const char* key : {"a1", "c1", "c2", "x", "z", "f"}) wanted[key] = number(-1);
  wanted["g"] = number(5);
  wanted["b"]["c"] = number(-1);
  wanted["x1"]["c"] = number(-1);
  wanted["x2"]["c"] = number(-1);
  const Transforms transforms{
      {"a1", Transform{.original_key = "a"}},
      {"b/c", Transform{.multi_value_fn = [](std::string_view, const Tree& tree) { return doubled(tree["b"]["c"]); }}},
      {"c1", Transform{.original_key = "b/c"}},
      {"c2", Transform{.original_key = "b/c", .value_fn = doubled}},
      {"x", Transform{.multi_value_fn = [](std::string_view key, const Tree& tree) { return key == "x" ? tree["b"]["d"][1] : Tree(); }}},
      {"z", Transform{.original_key = "b/d/3"}},
      {"x(\\d.*)", Transform{.original_key = "b\\1"}}};
  const Tree out = apply_transformations(original(), transforms, wanted);
  Tree expected = Tree::dict();
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, double>>{{"a1", 1}, {"c1", 5}, {"c2", 10}, {"x", 1}, {"z", 3}, {"f", 2}, {"g", 5}})
    expected[key] = number(value);
  expected["b"]["c"] = number(10);
  expected["x1"]["c"] = number(2);
  expected["x2"]["c"] = number(3);
  CHECK(out == expected);
  CHECK(out.keys() == wanted.keys());  // the structure, and its order, is the new tree's
}

TEST_CASE("all rules that match apply in sorted order, so that the last wins; a fallback keeps what it finds") {
  Tree wanted = Tree::dict();
  wanted["a"] = number(-1);
  const Transform rename{.original_key = "f"}, other{.original_key = "b/c"}, fallback{.use_fallback = true};
  CHECK(matching({{"a", rename}, {".*", other}, {"[a]", other}, {"b", other}}, "a") == Texts{".*", "[a]", "a"});
  CHECK(apply_transformations(original(), {{"a", rename}, {"[a]", other}}, wanted)["a"] == number(2));
  CHECK(apply_transformations(original(), {{"a", rename}, {"a|b", other}}, wanted)["a"] == number(5));
  CHECK(apply_transformations(original(), {{"a", fallback}, {".*", other}}, wanted)["a"] == number(5));
  CHECK(apply_transformations(original(), {{"a", fallback}}, wanted)["a"] == number(-1));
  CHECK(apply_transformations(original(), {{"a", fallback}}, wanted, {.default_to_original = false})["a"] == number(1));
  CHECK(matching({{"a", rename}, {"a", other}}, "a") == Texts{"a"});  // as in a dict, the second takes the place of the first
  CHECK(apply_transformations(original(), {{"a", rename}, {"a", other}}, wanted)["a"] == number(5));
}

TEST_CASE("without a rule a key takes the original's value, or keeps its own; None and empty containers stay") {
  Tree wanted = Tree::dict();
  wanted["a"] = number(-1);
  wanted["new"] = number(7);
  wanted["f"] = Tree::none();
  wanted["b"] = Tree::tuple();
  const Tree out = apply_transformations(original(), {}, wanted);
  CHECK(out["a"] == number(1));
  CHECK(out["new"] == number(7));
  CHECK(out["f"].is_none());
  CHECK(out["b"] == Tree::tuple());
  CHECK(apply_transformations(original(), {}, wanted, {.default_to_original = false}) == wanted);
  CHECK(apply_transformations(original(), {}, Tree::none()) == Tree::dict());
  CHECK(apply_transformations(number(3), {}, number(4)) == number(3));  // a bare leaf has the empty key
}

TEST_CASE("a key that a rule wants and the original lacks is a KeyError in Orbax's words, all of them at once") {
  Tree wanted = Tree::dict();
  for (const char* key : {"p", "q", "r"}) wanted[key] = number(0);
  const Transforms rules{{"(p|q)", Transform{.original_key = "none/\\1"}}, {"r", Transform{.original_key = "b"}}};
  try {
    apply_transformations(original(), rules, wanted);
    FAIL("nothing was thrown");
  } catch (const KeyError& error) {
    CHECK(std::string(error.what()).find("Transformation key \"none/p\" not found in origin tree.") != std::string::npos);
    REQUIRE(error.missing().size() == 3);  // "b" is no leaf
    CHECK(error.missing()[1].path == "q");
  }
  CHECK_THROWS_WITH_AS(apply_transformations(original(), {{"p", Transform{.use_fallback = true}}}, wanted, {.default_to_original = false}),
                       doctest::Contains("p not found in origin tree (`use_fallback` requested)."), KeyError);
}

TEST_CASE("keys with a slash of their own are found by their whole path") {
  Tree tree = Tree::dict();
  tree.insert({"a/b"}, number(1));
  tree["c"] = Tree::dict();
  tree["c"].insert({"d/"}, number(2));
  Tree wanted = Tree::dict();
  for (const char* key : {"x", "y"}) wanted[key] = number(0);
  const Tree out = apply_transformations(tree, {{"x", Transform{.original_key = "a/b"}}, {"y", Transform{.original_key = "c/d/"}}}, wanted);
  CHECK(out["x"] == number(1));
  CHECK(out["y"] == number(2));
}

TEST_CASE("members of a Transform that exclude each other are refused") {
  const auto value = [](const Tree& tree) { return tree; };
  const auto all = [](std::string_view, const Tree& tree) { return tree; };
  const std::vector<Transform> contradictions{{.original_key = "a", .use_fallback = true},
                                              {.use_fallback = true, .value_fn = value},
                                              {.use_fallback = true, .multi_value_fn = all},
                                              {.original_key = "a", .multi_value_fn = all},
                                              {.value_fn = value, .multi_value_fn = all},
                                              {.value_fn = value, .multi_value_fn_input_args = {}},
                                              {.use_fallback = true, .multi_value_fn_input_args = {}},
                                              {.original_key = "a", .multi_value_fn_input_args = {{"a", {}}}}};
  for (const Transform& transform : contradictions)
    CHECK_THROWS_WITH_AS((Transforms{{"key", transform}}), doctest::Contains("\"key\""), ArgumentError);
  CHECK_NOTHROW((Transforms{{"key", Transform{.original_key = "a", .value_fn = value}}}));
  CHECK_NOTHROW((Transforms{{"key", Transform{.multi_value_fn = all, .multi_value_fn_input_args = {}}}}));
}

TEST_CASE("{} is an empty set of rules; none() is no set") {
  struct Options {
    Transforms transforms = Transforms::none();
  };
  CHECK(Options{}.transforms.is_none());
  CHECK_FALSE(Options{.transforms = {}}.transforms.is_none());
  CHECK_FALSE(Options{.transforms = Transforms{{"a", Transform{.original_key = "b"}}}}.transforms.is_none());
}

TEST_CASE("an original_key is expanded as Python's match.expand does") {
  const auto expanded = [](const char* pattern, const char* key, const char* from) {
    detail::Captures captures;
    REQUIRE(KeyPattern::compile(pattern).matches(key, &captures));
    return detail::expand_key(from, captures);
  };
  CHECK(expanded("(.*)/(.*)", "a/b/c", "\\2-\\1") == "c-a/b");
  CHECK(expanded("(a)|(b)", "b", "[\\1\\2]") == "[b]");  // a group that took no part is empty
  CHECK(expanded("(.*)", "x", "\\g<1>1\\g<0>") == "x1x");
  CHECK(expanded("(.*)", "x", "\\1\\\\\\.") == "x\\\\.");
  for (const char* bad : {"\\2", "\\g<name>", "\\g<1", "\\q", "\\", "\\0", "\\123"})
    CHECK_THROWS_AS((Transforms{{"(.*)", Transform{.original_key = bad}}}), ArgumentError);
}

TEST_CASE("patterns match whole keys") {
  const auto matches = [](const char* pattern, const std::string& key) { return KeyPattern::compile(pattern).matches(key); };
  CHECK(matches("model/params/(.*)", "model/params/a/b"));
  CHECK_FALSE(matches("params", "model/params"));
  CHECK_FALSE(matches("model", "model/params"));
  CHECK(matches("layers/\\d+/(?:w|b)", "layers/12/w"));
  CHECK(matches("ab?c", "ac"));     // the literal start of a pattern ends before what may be absent
  CHECK(matches("a|b/.*", "b/x"));  // ... and alternatives have none
  CHECK(matches("(a|b)x{2,3}", "bxxx"));
  CHECK(matches("(.*?)/(?!b).*", "a/c"));
  CHECK_FALSE(matches("(.*?)/(?!b).*", "a/b"));
  CHECK(matches("é/(ü|ö)+", "é/üö"));
  CHECK(KeyPattern::compile("model/step").is_literal());
  CHECK_THROWS_WITH_AS(matches("(.*)", std::string(3000, 'x')), doctest::Contains("too long"), ArgumentError);
  CHECK_FALSE(matches("y(.*)", std::string(3000, 'x')));
}

TEST_CASE("what only Python's patterns have is refused by name") {
  const std::vector<std::pair<const char*, const char*>> cases{{"(?P<n>a)", "named groups"},
                                                               {"(?P=n)", "named groups"},
                                                               {"(?<n>a)", "numbers, not names"},
                                                               {"(?<=a)b", "look-behind (?<=...)"},
                                                               {"(?<!a)b", "look-behind"},
                                                               {"(?i)a", "inline flags"},
                                                               {"(?i:a)", "inline flags"},
                                                               {"(?s-i:a)", "inline flags"},
                                                               {"\\Aa", "\\A"},
                                                               {"a\\Z", "\\Z"},
                                                               {"a*+", "possessive"},
                                                               {"a{2}+", "possessive"},
                                                               {"(?>a)", "atomic"},
                                                               {"(a)?(?(1)b|c)", "conditional"},
                                                               {"(?#x)a", "comments"},
                                                               {"a{,3}", "{0,n}"},
                                                               {"\\N{DIGIT}", "\\N"},
                                                               {"\\u0041", "\\u"},
                                                               {"[]a]", "right after ["},
                                                               {"[[:alpha:]]", "[: :]"},
                                                               {"[é]", "ASCII"},
                                                               {"é+", "parentheses"},
                                                               {"(a", "(a"},
                                                               {"a**", "multiple repeat"},
                                                               {"[a", "not closed"},
                                                               {"a{x}", "repetitions"},
                                                               {"a\\", "backslash"},
                                                               {"*a", "*a"}};
  for (const auto& [pattern, word] : cases) {
    INFO(pattern);
    const std::string text = refusal(pattern);
    CHECK(text.find(word) != std::string::npos);
    CHECK(text.find(pattern) != std::string::npos);
  }
}

TEST_CASE("of several patterns for RestoreArgs the first that matches counts") {
  const KeyedRestoreArgs args{{"a/.*", {.dtype = DType::int8}}, {"a/b", {.dtype = DType::int16}}, {".*", {.placeholder = true}}};
  CHECK(args.find("a/b")->dtype == DType::int8);
  CHECK(args.find("c")->placeholder);
  const KeyedRestoreArgs literal{{"a/b", {.dtype = DType::int16}}, {"a/.*", {.dtype = DType::int8}}, {"a/b", {}}};
  CHECK(literal.find("a/b")->dtype == DType::int16);
  CHECK(literal.find("a/c")->dtype == DType::int8);
  CHECK(literal.find("b") == nullptr);
}
