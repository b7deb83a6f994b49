// States that a type allows and a layout does not hold: refused by the value, before anything is written.
#include <doctest/doctest.h>

#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orrery/flax/checkpoints.hpp"
#include "orrery/flax/serialization.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/safetensors.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;
using Floats = std::map<std::string, float>;
using Nested = std::map<std::string, Floats>;

// The error's words, or nothing where the state was saved. Nothing may be left behind by a refusal.
template <class T>
std::string refusal(const T& state, const SaveOptions& options = {}) {
  const ScratchDirectory scratch;
  try {
    PyTreeCheckpointer().save(scratch / "item", state, options);
    return {};
  } catch (const ArgumentError& e) {
    CHECK(storage::list_directory(scratch.path()).empty());
    return e.what();
  }
}
bool says(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

// Two that differ may have one text.
struct Key {
  std::string text{};
  int number = 0;
  Key() = default;
  explicit Key(std::string_view t, int n = 0) : text(t), number(n) {}
  operator std::string_view() const { return text; }
  auto operator<=>(const Key&) const = default;
};

TEST_CASE("keys that have one name in Orbax's layout are refused") {
  CHECK(says(refusal(Nested{{"a.b", {{"c", 1}}}, {"a", {{"b.c", 2}}}}), "two leaves have the name \"a.b.c\" in storage"));
  CHECK(refusal(Nested{{"a.b", {{"c", 1}}}, {"a", {{"b.d", 2}}}}).empty());
  CHECK(says(refusal(Floats{{"a", 1}, {"a/b", 2}}), "\"a\" would lie inside another one"));
  CHECK(says(refusal(Floats{{"a/", 1}}), "ends in '/'"));
  CHECK(says(refusal(std::map<std::string, std::string>{{"a~b", "x"}}), "must not contain '~'"));
}

TEST_CASE("an empty key is a name like any other in a database, and none of a directory") {
  const ScratchDirectory scratch;
  const Nested state{{"", {{"x", 1}, {"", 2}}}, {"a", {{"", 3}}}};
  PyTreeCheckpointer().save(scratch / "item", state);
  CHECK(PyTreeCheckpointer().restore<Nested>(scratch / "item") == state);
  CHECK(flax::from_bytes<Nested>(flax::to_bytes(state)) == state);
  CHECK(says(refusal(Nested{{"", {{"", 2}}}}, {.use_ocdbt = false}), "the name of an array becomes a directory"));
}

TEST_CASE("keys and strings that are no UTF-8 are refused") {
  CHECK(says(refusal(Floats{{"caf\xe9", 1}}), "must be UTF-8"));
  CHECK(says(refusal(std::map<std::string, std::string>{{"a", "caf\xe9"}}), "must be UTF-8"));
  CHECK(refusal(Floats{{"caf\xc3\xa9", 1}}).empty());
}

TEST_CASE("a state without leaves is refused") {
  CHECK(says(refusal(Floats{}), "Found empty item"));
  struct Empty {};
  CHECK(says(refusal(Empty{}), "Found empty item"));
}

TEST_CASE("two keys with one text are refused by every layout") {
  const std::map<Key, float> ordered{{Key("a", 1), 1}, {Key("b"), 2}, {Key("a", 2), 3}};
  constexpr std::string_view words = "two keys of a map have one text, \"a\"";
  CHECK(says(refusal(ordered), words));
  CHECK_THROWS_WITH_AS(flax::to_bytes(ordered), doctest::Contains(words.data()), ArgumentError);
  const ScratchDirectory scratch;
  CHECK_THROWS_AS(flax::save_checkpoint(scratch / "legacy", ordered, 1, {.backend = flax::Backend::msgpack}), ArgumentError);
  CHECK_THROWS_AS(safetensors::save_file(ordered, scratch / "file.safetensors"), ArgumentError);
  CHECK_FALSE(storage::exists(scratch / "file.safetensors"));
  using Keys = std::map<Key, std::vector<float>>;
  CHECK(flax::from_bytes<Keys>(flax::to_bytes(Keys{{Key("a"), {1}}, {Key("b"), {}}})).size() == 2);
}

}  // namespace
