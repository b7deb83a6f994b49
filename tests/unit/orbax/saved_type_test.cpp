#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "item_files.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/reflect/schema.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;
using Texts = std::vector<std::string>;

struct Dense {
  std::vector<float> bias{1, 2};
  std::map<std::string, double> options{{"rate", 0.5}};
};
struct State {
  std::int64_t step = 3;
  Dense params{};
};

// What became of them.
struct LaterDense {
  std::vector<double> bias{};
  std::map<std::string, double> options{};
};
struct LaterState {
  std::int64_t step = 0;
  LaterDense params{};
};
struct OtherState {
  std::string step{};
  Dense params{};
  std::vector<float> extra{};
};

TEST_CASE("an item carries the schema of the type that was saved, and its fingerprint") {
  const ScratchDirectory scratch;
  PyTreeCheckpointer().save(scratch / "item", State());
  const json::Value root = json::parse(item_files::read(scratch / "item/_orrery.json"), {});
  const json::Value* type = root.find("type");
  REQUIRE(type);
  CHECK(*type->find("schema")->string() == schema<State>());
  CHECK(*type->find("fingerprint")->string() == fingerprint_text(fingerprint<State>()));
  AsyncCheckpointer async;
  async.save(scratch / "async", State());
  async.wait_until_finished();
  CHECK(item_files::read(scratch / "async/_orrery.json") == item_files::read(scratch / "item/_orrery.json"));
  Tree tree = Tree::dict();
  tree["x"] = Array<float>::arange(3);
  PyTreeCheckpointer().save(scratch / "tree", tree);
  CHECK_FALSE(json::parse(item_files::read(scratch / "tree/_orrery.json"), {}).find("type"));
}

TEST_CASE("a report says how the type has changed") {
  const ScratchDirectory scratch;
  PyTreeCheckpointer().save(scratch / "item", State());
  RestoreReport report;
  PyTreeCheckpointer().restore<State>(scratch / "item", {.report = &report});
  CHECK(report.type_changes.empty());
  PyTreeCheckpointer().restore<LaterState>(scratch / "item", {.report = &report});
  CHECK(report.type_changes == Texts{"params/bias: float32[?] is now float64[?]"});
  OtherState filled;
  report = PyTreeCheckpointer().restore_into(
      scratch / "item", filled, {.transforms = {{"step", Transform{.use_fallback = true}}, {"extra", Transform{.use_fallback = true}}}});
  CHECK(report.type_changes == Texts{"step: int64 is now string", "extra: float32[?] is new"});
  report = PyTreeCheckpointer().restore_into(scratch / "item", filled.params, {.subtree = "params"});
  CHECK(report.type_changes.empty());  // a part has another type, which is no change
  PyTreeCheckpointer().restore<Tree>(scratch / "item", {.report = &report});
  CHECK(report.type_changes.empty());
}

TEST_CASE("an error says how the type has changed, and is of the kind that it was") {
  const ScratchDirectory scratch;
  PyTreeCheckpointer().save(scratch / "item", State());
  try {
    PyTreeCheckpointer().restore<OtherState>(scratch / "item");
    FAIL("must not fit");
  } catch (const KeyError& e) {
    const std::string text = e.what();
    CHECK(text.starts_with(
        "the checkpoint does not fit the target. The type has changed since it was saved:\n    step: int64 is now string\n    "
        "extra: float32[?] is new\n  missing in the checkpoint:\n    extra"));
    CHECK(e.kinds().size() == 1);
    CHECK(e.file() == scratch / "item");
  }
  // The same type and another structure: nothing to add.
  State target{.params = {.options = {{"rate", 0}, {"decay", 0}}}};
  CHECK_THROWS_WITH_AS(PyTreeCheckpointer().restore_into(scratch / "item", target),
                       doctest::Contains("does not fit the target\n  missing in the checkpoint:\n    params/options/decay"), KeyError);
}

TEST_CASE("an item that does not know its type, or whose side file is damaged, is restored as ever") {
  const ScratchDirectory scratch;
  PyTreeCheckpointer().save(scratch / "item", State());
  const std::string side_file = scratch / "item/_orrery.json";
  for (const char* text : {R"({"format": "orrery", "version": 1, "crc32c": {}})", R"({"type": {"schema": 3, "fingerprint": []}})",
                           R"({"type": {"schema": {"schema": "x: int64\n"}}})", R"({"type": "schema"})"}) {
    storage::remove_file(side_file);
    storage::File file = storage::File::create(side_file);
    file.pwrite_all(text, std::string_view(text).size(), 0);
    file.close();
    RestoreReport report;
    PyTreeCheckpointer().restore<LaterState>(scratch / "item", {.report = &report});
    CHECK(report.type_changes.empty());
  }
  storage::remove_file(side_file);
  storage::File file = storage::File::create(side_file);
  file.pwrite_all("{", 1, 0);
  file.close();
  CHECK_THROWS_AS(PyTreeCheckpointer().restore<OtherState>(scratch / "item"), KeyError);
  CHECK_THROWS_AS(PyTreeCheckpointer().restore<State>(scratch / "item"), FormatError);
}

}  // namespace
