// on_progress: what it is told, how often, and that throwing from it ends a save or a restore.
#include "orrery/storage/progress.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "item_files.hpp"
#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;

const PyTreeCheckpointer checkpointer;
using State = std::map<std::string, Array<float>>;

Array<float> filled(Dim elements) {
  Array<float> array({elements});
  for (Dim i = 0; i < elements; ++i) array.data()[i] = static_cast<float>(i % 8191) * 1.37f;
  return array;
}
// 40 MiB in one array, 1000 small ones.
State sample() {
  State state;
  state.emplace("large", filled(10 << 20));
  for (int i = 0; i < 1000; ++i) state.emplace("small" + std::to_string(i), filled(10));
  return state;
}
constexpr std::uint64_t bytes = (std::uint64_t{10} << 22) + 40000;

struct Recorder {
  std::vector<Progress> seen{};
  std::mutex mutex{};
  ProgressFunction function() {
    return [this](const Progress& progress) {
      REQUIRE(mutex.try_lock());  // never two at a time
      seen.push_back(progress);
      mutex.unlock();
    };
  }
  void check_monotonic(std::uint64_t total_bytes, std::size_t total_leaves) const {
    REQUIRE(seen.size() > 1);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      CHECK(seen[i].bytes_total == total_bytes);
      CHECK(seen[i].leaves_total == total_leaves);
      if (i == 0) continue;
      CHECK(seen[i].bytes_done >= seen[i - 1].bytes_done);
      CHECK(seen[i].leaves_done >= seen[i - 1].leaves_done);
      CHECK(seen[i].phase >= seen[i - 1].phase);
    }
    CHECK(seen.front().bytes_done == 0);
    CHECK(seen.front().leaves_done == 0);
    CHECK(seen.back().bytes_done == total_bytes);
    CHECK(seen.back().leaves_done == total_leaves);
  }
};

const SaveOptions variants[] = {
    {},
    {.compression = Compression::zstd(1)},
    {.chunk_byte_size = 1 << 20},
    {.use_ocdbt = false, .use_zarr3 = true},
    {.cast = DType::bfloat16},
};

}  // namespace

TEST_CASE("a save tells its progress a bounded number of times, phase by phase") {
  ScratchDirectory scratch;
  const State state = sample();
  for (SaveOptions options : variants) {
    if (!options.use_ocdbt) options.durability = Durability::fast;
    Recorder recorder;
    options.force = true;
    options.on_progress = recorder.function();
    checkpointer.save(scratch / "item", state, options);
    recorder.check_monotonic(bytes, 1001);
    CHECK(recorder.seen.size() >= 10);
    CHECK(recorder.seen.size() <= 30);
    const std::size_t count = recorder.seen.size();
    CHECK(recorder.seen[count - 2].phase == Phase::flushing);
    CHECK(recorder.seen[count - 1].phase == Phase::committing);
    CHECK(recorder.seen[count - 3].phase == Phase::writing);
  }
}

TEST_CASE("progress changes nothing of what is saved") {
  ScratchDirectory scratch;
  const State state = sample();
  for (SaveOptions options : variants) {
    options.force = true;
    options.durability = Durability::fast;
    options.on_progress = [](const Progress&) {};
    checkpointer.save(scratch / "item", state, options);
    if (options.cast.empty())
      CHECK(checkpointer.restore<State>(scratch / "item") == state);
    else
      CHECK(checkpointer.restore<State>(scratch / "item").size() == state.size());
  }
}

TEST_CASE("a restore tells its progress, from plain and from compressed checkpoints") {
  ScratchDirectory scratch;
  const State state = sample();
  for (SaveOptions options : variants) {
    options.force = true;
    options.durability = Durability::fast;
    checkpointer.save(scratch / "item", state, options);
    Recorder recorder;
    const std::uint64_t stored = options.cast.empty() ? bytes : bytes / 2;
    checkpointer.restore<State>(scratch / "item", {.on_progress = recorder.function()});
    recorder.check_monotonic(stored, 1001);
    CHECK(recorder.seen.size() <= 30);
    CHECK(recorder.seen.front().phase == Phase::reading);
    const bool in_one_piece = options.compression.kind() == Compression::Kind::zstd || !options.cast.empty();  // decoded as a whole
    CHECK(recorder.seen.size() >= (in_one_piece ? 2u : 5u));
    Recorder raw;
    checkpointer.restore(scratch / "item", {.on_progress = raw.function()});
    raw.check_monotonic(stored, 1001);
  }
}

TEST_CASE("what on_progress throws reaches the caller, and nothing is left of that save") {
  ScratchDirectory scratch;
  const State state = sample(), old{{"old", filled(3)}};
  checkpointer.save(scratch / "item", old, {.durability = Durability::fast});
  for (SaveOptions options : variants) {
    options.durability = Durability::fast;
    options.force = true;
    std::size_t calls = 0;
    options.on_progress = [&](const Progress&) { ++calls; };
    checkpointer.save(scratch / "whole", state, options);
    for (std::size_t last = 0; last < calls; last += 3) {
      std::size_t call = 0;
      options.on_progress = [&](const Progress&) {
        if (call++ == last) throw CancelledError("enough");
      };
      CHECK_THROWS_AS(checkpointer.save(scratch / "item", state, options), CancelledError);
      CHECK(call == last + 1);
      CHECK(checkpointer.restore<State>(scratch / "item") == old);
      CHECK(storage::list_directory(scratch.path()).size() == 2);
    }
  }
}

TEST_CASE("what on_progress throws ends a restore") {
  ScratchDirectory scratch;
  for (SaveOptions options : variants) {
    options.force = true;
    options.durability = Durability::fast;
    checkpointer.save(scratch / "item", sample(), options);
    std::size_t call = 0;
    const auto stop = [&](const Progress&) {
      if (call++ == 2) throw std::runtime_error("enough");
    };
    CHECK_THROWS_WITH(checkpointer.restore<State>(scratch / "item", {.on_progress = stop}), "enough");
    CHECK(call == 3);
  }
}

TEST_CASE("single arrays tell their progress, too") {
  ScratchDirectory scratch;
  Recorder recorder;
  ArrayCheckpointer().save(scratch / "array", filled(3 << 20), {.durability = Durability::fast, .on_progress = recorder.function()});
  recorder.check_monotonic(std::uint64_t{3} << 22, 1);
}
