// Every checkpoint of the golden set, written by real Flax, Orbax and TensorStore, restores to what the real library restores from it.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <set>

#include "cases.hpp"
#include "later.hpp"
#include "load.hpp"
#include "orrery/safetensors.hpp"

using namespace orrery;

namespace {

// Checks that later.hpp names, by themselves or by their case ("orbax-0.12/zarr3" for all its steps).
std::string listed_as(const std::string& check) {
  const std::string name = check.substr(0, check.find(": "));
  for (const golden::Later& later : golden::later)
    if (later.name == check || later.name == name) return std::string(later.name);
  return {};
}

}  // namespace

TEST_CASE("every golden checkpoint that is not left for later restores to what the real library restores") {
  std::map<std::string, std::size_t> passed;
  std::size_t total = 0;
  for (const golden::Check& check : golden::all_checks()) {
    if (!listed_as(check.name).empty()) continue;
    const std::string wrong = golden::what_is_wrong(check);
    CHECK_MESSAGE(wrong.empty(), check.name, ": ", wrong);
    ++total;
    ++passed[check.name.substr(0, check.name.find('/'))];
  }
  std::printf("golden: %zu checkpoints compared (", total);
  for (const auto& [writer, count] : passed) std::printf("%s%s %zu", writer == passed.begin()->first ? "" : ", ", writer.c_str(), count);
  std::printf("), %zu names left for later\n", std::size(golden::later));
  CHECK(total > 200);
}

TEST_CASE("what is read from a golden safetensors file and written again is the same file, byte for byte") {
  std::size_t files = 0;
  for (const golden::Check& check : golden::all_checks()) {
    if (check.layout != "safetensors file") continue;
    INFO(check.name);
    const std::string bytes = storage::read_file(check.path, std::size_t{1} << 20);
    safetensors::Metadata metadata;
    const Tree tree = safetensors::load_file(check.path, {.metadata = &metadata});
    const std::string again = safetensors::save(tree, metadata);
    if (metadata.size() < 2) CHECK(again == bytes);
    else CHECK(again.size() == bytes.size());  // the library writes its texts in any order
    ++files;
  }
  CHECK(files == 27);
}

TEST_CASE("names, kinds, dtypes and shapes are known without reading a value") {
  for (const golden::Check& check : golden::all_checks()) {
    if (!listed_as(check.name).empty()) continue;
    const std::string wrong = golden::what_is_wrong_with_metadata(check);
    CHECK_MESSAGE(wrong.empty(), check.name, ": ", wrong);
  }
}

TEST_CASE("what is left for later cannot be restored yet, so the list shrinks with every format that is added") {
  CHECK(std::size(golden::later) <= 60);
  std::map<std::string, bool> all_right;
  for (const golden::Later& later : golden::later) CHECK_MESSAGE(all_right.emplace(later.name, true).second, "listed twice: ", later.name);
  std::set<std::string> seen;
  for (const golden::Check& check : golden::all_checks()) {
    const std::string name = listed_as(check.name);
    if (name.empty()) continue;
    seen.insert(name);
    if (all_right[name] && !golden::what_is_wrong(check).empty()) all_right[name] = false;
  }
  for (const auto& [name, right] : all_right) {
    CHECK_MESSAGE(seen.contains(name), "later.hpp names a case that the golden set does not have: ", name);
    CHECK_MESSAGE(!right, "this works now; take it off the list in later.hpp: ", name);
  }
}

TEST_CASE("the latest step of a root is the one that Orbax finds, whatever else lies there") {
  for (const golden::LatestStep& latest : golden::latest_steps()) {
    INFO(latest.name);
    const std::vector<tools::Part> parts = tools::locate(latest.path, {});
    REQUIRE(!parts.empty());
    CHECK(parts[0].step == latest.step);
  }
}
