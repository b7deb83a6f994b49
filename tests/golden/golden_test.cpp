// Every checkpoint of the golden set, written by real Flax, Orbax and TensorStore, restores to what the real library restores from it.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <set>

#include "cases.hpp"
#include "load.hpp"
#include "orrery/flax.hpp"
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/safetensors.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

using namespace orrery;

TEST_CASE("every golden checkpoint restores to what the real library restores, or is refused where it refuses") {
  std::map<std::string, std::size_t> passed;
  std::size_t total = 0;
  for (const golden::Check& check : golden::all_checks()) {
    const std::string wrong = golden::what_is_wrong(check);
    CHECK_MESSAGE(wrong.empty(), check.name, ": ", wrong);
    ++total;
    ++passed[check.name.substr(0, check.name.find('/'))];
  }
  std::printf("golden: %zu checkpoints compared (", total);
  for (const auto& [writer, count] : passed) std::printf("%s%s %zu", writer == passed.begin()->first ? "" : ", ", writer.c_str(), count);
  std::printf(")\n");
  CHECK(total > 430);
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
    if (metadata.size() < 2)
      CHECK(again == bytes);
    else
      CHECK(again.size() == bytes.size());  // the library writes its texts in any order
    ++files;
  }
  CHECK(files == 27);
}

TEST_CASE("names, kinds, dtypes and shapes are known without reading a value") {
  for (const golden::Check& check : golden::all_checks()) {
    const std::string wrong = golden::what_is_wrong_with_metadata(check);
    CHECK_MESSAGE(wrong.empty(), check.name, ": ", wrong);
  }
}

TEST_CASE("what a legacy file holds, written again by to_bytes or msgpack_serialize, is that file byte for byte") {
  // Flax's chunk limit was lowered for these, so that small files show what large arrays do.
  const std::map<std::string, std::size_t> limits{
      {"chunked", 100}, {"chunked_root", 8}, {"chunked_tiny", 3}, {"chunked_raw_list", 64}, {"chunked_float64", 728}};
  // ml_dtypes of 2023 left noise in the unused bits of int4, which a restore clears.
  const std::set<std::string> noisy{"flax-0.7/dtype_int4", "flax-0.7/dtype_jax"};
  std::size_t same = 0;
  for (const golden::Check& check : golden::all_checks()) {
    if (check.wants_error || !check.name.starts_with("flax") || storage::is_directory(check.path)) continue;
    if (noisy.contains(check.name)) continue;
    const std::string bytes = storage::read_file(check.path, std::size_t{1} << 30);
    const Tree tree = flax::msgpack_restore(bytes);
    const auto limit = limits.find(check.name.substr(check.name.find('/') + 1));
    const msgpack_format::PackOptions options{limit == limits.end() ? msgpack_format::default_chunk_size : limit->second};
    std::string as_state, as_tree;
    msgpack_format::to_string(msgpack_format::image_of_state_dict(describe(tree), options), as_state);
    msgpack_format::to_string(msgpack_format::image_of_tree(tree, true, options), as_tree);
    const bool is_same = as_state == bytes || as_tree == bytes;
    CHECK_MESSAGE(is_same, check.name, " is encoded in another way");
    same += is_same;
  }
  std::printf("golden: %zu legacy files written again, byte for byte\n", same);
  CHECK(same > 110);
}

TEST_CASE("the latest step of a root is the one that Orbax finds, whatever else lies there") {
  for (const golden::LatestStep& latest : golden::latest_steps()) {
    INFO(latest.name);
    const std::vector<tools::Part> parts = tools::locate(latest.path, {});
    REQUIRE(!parts.empty());
    CHECK(parts[0].step == latest.step);
  }
}
