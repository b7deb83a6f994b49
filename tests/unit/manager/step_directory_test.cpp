#include "orrery/manager/step_directory.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "orrery/manager/delete_steps.hpp"
#include "orrery/manager/root_metadata_file.hpp"
#include "orrery/manager/step_list.hpp"
#include "storage/scratch.hpp"

using namespace orrery;
using storage_test::contents;
using storage_test::ScratchDirectory;
using Names = std::vector<std::string>;

TEST_CASE("a step is what its items write, and nothing where one of them fails") {
  ScratchDirectory scratch;
  const auto item = [](std::string name, std::string text) {
    return StepItem{std::move(name), "some.Handler", [text](const std::string& directory, const SaveOptions&) {
                      if (text.empty()) throw ArgumentError("nothing to write");
                      storage::write_file(directory + "/text", text);
                      return Progress{};
                    }};
  };
  write_step(scratch / "r/3", {.items = {item("a", "1"), item("b", "2")}, .metrics = {{"loss", 0.5}}});
  CHECK(list_items(scratch / "r/3") == Names{"a", "b", "metrics"});
  CHECK(contents(scratch / "r/3/b/text") == "2");
  CHECK(contents(scratch / "r/3/commit_success.txt") == "Checkpoint commit was successful to " + (scratch / "r/3"));
  CHECK(read_metrics(scratch / "r/3")["loss"] == 0.5);
  CHECK_THROWS_AS(write_step(scratch / "r/4", {.items = {item("a", "1"), item("b", "")}}), ArgumentError);
  CHECK(storage::list_directory(scratch / "r") == Names{"3"});
  CHECK_THROWS_AS(write_step(scratch / "r/3", {.items = {item("a", "")}}), ArgumentError);
  CHECK(contents(scratch / "r/3/a/text") == "1");
}

TEST_CASE("foreign directories of a step are no items") {
  ScratchDirectory scratch;
  for (const char* name : {"state", "LOCKED", "_SNAPSHOTS", "x.orbax-checkpoint-tmp"})
    storage::make_directories(scratch / (std::string("3/") + name));
  storage::write_file(scratch / "3/file", "");
  CHECK(list_items(scratch / "3") == Names{"state"});
}

TEST_CASE("what a step says is read in every form that Orbax has written, and hostile ones are refused") {
  ScratchDirectory scratch;
  storage::make_directories(scratch / "3");
  const auto said = [&](const std::string& text) {
    storage::write_file(scratch / "3/_CHECKPOINT_METADATA", text);
    return read_step_files(scratch / "3");
  };
  CHECK_FALSE(read_step_files(scratch / "3").commit_time);
  CHECK(said(R"({"init_timestamp_nsecs": 5, "commit_timestamp_nsecs": null})").init_time == StepTime(std::chrono::nanoseconds(5)));
  CHECK(said(R"({"item_handlers": "a.B"})").handler == "a.B");
  CHECK(said(R"({"item_handlers": {"x": "a.B", "y": null}})").handlers == std::vector<std::pair<std::string, std::string>>{{"x", "a.B"}});
  CHECK(said(R"({"item_handlers": null, "custom_metadata": {"a": [1, NaN]}})").custom_metadata == R"({"a": [1, NaN]})");
  CHECK(said("{").handlers.empty());
  for (const char* text : {"[]", R"({"commit_timestamp_nsecs": 1.5})", R"({"commit_timestamp_nsecs": "x"})", R"({"item_handlers": 3})",
                           R"({"item_handlers": {"x": 3}})", R"({"custom_metadata": []})"})
    CHECK_THROWS_AS(said(text), FormatError);
}

TEST_CASE("metrics are a JSON object; a file that is something else is refused, none means none") {
  ScratchDirectory scratch;
  CHECK(read_metrics(scratch / "3").empty());
  storage::make_directories(scratch / "3/metrics");
  CHECK(read_metrics(scratch / "3").empty());
  storage::write_file(scratch / "3/metrics/metrics", R"({"loss": NaN, "nested": {"a": 1}, "n": 3})");
  const Metrics metrics = read_metrics(scratch / "3");
  CHECK(metrics["n"] == 3);
  CHECK(metrics["loss"] != metrics["loss"]);
  CHECK_THROWS_AS(metrics["nested"], FormatError);
  CHECK(metrics.text() == R"({"loss": NaN, "nested": {"a": 1}, "n": 3})");
  storage::write_file(scratch / "3/metrics/metrics", "[1]");
  CHECK_THROWS_WITH_AS(read_metrics(scratch / "3"), doctest::Contains("3/metrics/metrics"), FormatError);
  CHECK_THROWS_AS((Metrics{{"a", 1}, {"a", 2}}), ArgumentError);
}

TEST_CASE("deleting is a rename that nobody lists and no reader of Orbax takes for an unfinished step, then the removal") {
  ScratchDirectory scratch;
  storage::make_directories(scratch / "r/7/default");
  struct Pause final : storage::FileSystemHook {
    int before(storage::FileCall& call) noexcept override { return call.operation == storage::FileOperation::remove_directory ? EBUSY : 0; }
  } pause;
  {
    StepDeleter deleter(scratch / "r");
    storage::ScopedFileSystemHook installed(pause);
    deleter.remove("7");
    deleter.remove("8");  // has gone already
    CHECK_THROWS_AS(deleter.wait(), IoError);
  }
  const Names left = storage::list_directory(scratch / "r");
  REQUIRE(left.size() == 1);
  CHECK(StepDeleter::is_being_deleted(left[0]));
  CHECK(is_temporary_name(left[0]));
  CHECK_FALSE(left[0].starts_with("7"));
  CHECK(find_steps(scratch / "r", StepNames()).empty());
  StepDeleter deleter(scratch / "r");
  deleter.remove_later(scratch / "r/" + left[0]);
  deleter.wait();
  CHECK(storage::list_directory(scratch / "r").empty());
}

TEST_CASE("a root without metadata says nothing; one of today and of 2024 are read") {
  ScratchDirectory scratch;
  CHECK(read_root_metadata(scratch.path()).custom_metadata == "{}");
  storage::make_directories(scratch / "metadata");
  storage::write_file(scratch / "metadata/metadata", R"({"a": 1})");
  CHECK(read_root_metadata(scratch.path()).custom_metadata == R"({"a": 1})");
  write_root_metadata(scratch.path(), R"({"b": 2})");
  CHECK(read_root_metadata(scratch.path()).custom_metadata == R"({"b": 2})");
  storage::write_file(scratch / "metadata/_ROOT_METADATA", "[]");
  CHECK_THROWS_AS(read_root_metadata(scratch.path()), FormatError);
}
