#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "guide_state.hpp"
#include "orrery/flax/checkpoints.hpp"

using namespace orrery;
using flax::Backend;

namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Large {
  std::int64_t step = 0;
  std::vector<Array<float>> layers{};
  Array<bool> mask{};
  Array<int4> small{};
};

Large large() {
  Large state;
  state.step = 7;
  for (Dim i = 0; i < 5; ++i) state.layers.push_back(Array<float>::arange(i * 10, i * 10 + 50000 * i));
  state.mask = Array<bool>::full({100000}, true);
  state.small = Array<int4>::full({100000}, int4(-3));
  return state;
}

}  // namespace

TEST_CASE("a checkpoint is one file with the bytes of to_bytes, appearing under its name at once") {
  for (Durability durability : {Durability::synced, Durability::fast}) {
    guide::TemporaryDirectory root;
    const std::string path =
        flax::save_checkpoint(root / "new//directory/", guide::checkpoint(), 0, {.backend = Backend::msgpack, .durability = durability});
    CHECK(path == root / "new/directory/checkpoint_0");
    CHECK(content(path) == guide::checkpoint_bytes());
    CHECK(root.names("new/directory") == std::vector<std::string>{"checkpoint_0"});
  }
}

TEST_CASE("large arrays go to the file and back to where they belong") {
  guide::TemporaryDirectory root;
  const Large state = large();
  const std::string path = flax::save_checkpoint(root.path(), state, 1, {.backend = Backend::msgpack});
  const Large back = flax::restore_checkpoint<Large>(root.path());
  CHECK(back.layers == state.layers);
  CHECK(back.mask == state.mask);
  CHECK(back.small == state.small);
  const Tree raw = flax::restore_checkpoint(path);
  CHECK(raw["layers"]["4"].array().view().at<float>({123}) == 163.0f);
  CHECK(raw["layers"].size() == 5);
  // Into arrays that have room already: nothing is allocated for them.
  Large target = state;
  const float* memory = target.layers[4].data();
  target = flax::restore_checkpoint(root.path(), std::move(target));
  CHECK(target.layers[4].data() == memory);
  CHECK(target.layers == state.layers);
}

TEST_CASE("an absent directory, or one without checkpoints, gives the target back") {
  guide::TemporaryDirectory root;
  guide::Checkpoint target;
  target.model.step = 99;
  CHECK(flax::restore_checkpoint(root / "absent", target).model.step == 99);
  CHECK(flax::restore_checkpoint(root.path(), target).model.step == 99);
  CHECK(flax::restore_checkpoint(root.path()).is_none());
  CHECK_THROWS_AS(flax::restore_checkpoint<guide::Checkpoint>(root.path()), NotFoundError);
  CHECK_THROWS_WITH_AS(flax::restore_checkpoint(root.path(), target, {.step = 5}),
                       doctest::Contains(("Matching checkpoint not found: " + (root / "checkpoint_5")).c_str()), NotFoundError);
}

TEST_CASE("the newest step, a given step and a given file are found") {
  guide::TemporaryDirectory root;
  for (int step : {0, 2, 10}) {
    guide::TrainState state;
    state.step = step;
    flax::save_checkpoint(root.path(), state, step, {.prefix = "test_", .keep = 5, .backend = Backend::msgpack});
  }
  const guide::TrainState target;
  CHECK(flax::restore_checkpoint(root.path(), target, {.prefix = "test_"}).step == 10);
  CHECK(flax::restore_checkpoint(root.path(), target, {.step = 2, .prefix = "test_"}).step == 2);
  CHECK(flax::restore_checkpoint(root / "test_0", target).step == 0);
  CHECK(flax::restore_checkpoint(root / "test_not_there", target).step == 0);
  CHECK(flax::restore_checkpoint(root.path() + "//", target, {.prefix = "test_"}).step == 10);
}

TEST_CASE("bare arrays and empty roots are states too") {
  guide::TemporaryDirectory root;
  flax::save_checkpoint(root.path(), Array<double>::arange(3), 0, {.backend = Backend::msgpack});
  CHECK(flax::restore_checkpoint(root.path()) == Tree(Array<double>::arange(3)));
  CHECK(flax::restore_checkpoint(root.path(), Array<double>()) == Array<double>::arange(3));
  flax::save_checkpoint(root.path(), std::vector<std::string>{}, 1, {.backend = Backend::msgpack});
  CHECK(flax::restore_checkpoint(root.path()) == Tree::dict());
  CHECK(flax::restore_checkpoint(root.path(), std::vector<std::string>{}).empty());
}

TEST_CASE("a state that cannot be stored leaves no file, a damaged file says where") {
  guide::TemporaryDirectory root;
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), std::string("\xff"), 0, {.backend = Backend::msgpack}), ArgumentError);
  CHECK(root.names().empty());
  const std::string path = flax::save_checkpoint(root.path(), large(), 0, {.backend = Backend::msgpack});
  std::filesystem::resize_file(path, 500000);
  try {
    flax::restore_checkpoint<Large>(root.path());
    FAIL("a truncated file was restored");
  } catch (const FormatError& error) {
    CHECK(std::string(error.what()).starts_with("Unpack failed: incomplete input"));
    CHECK(error.file() == path);
  }
  std::filesystem::resize_file(path, 0);
  CHECK_THROWS_WITH_AS(flax::restore_checkpoint(root.path()), doctest::Contains("Unpack failed: incomplete input"), FormatError);
}

TEST_CASE("a directory that is nobody's checkpoint, and a remote path, are refused by name") {
  guide::TemporaryDirectory root;
  std::filesystem::create_directories(root / "checkpoint_3/default");
  CHECK_THROWS_AS(flax::restore_checkpoint(root.path()), IoError);
  CHECK_THROWS_WITH_AS(flax::restore_checkpoint("gs://bucket/ckpt"), doctest::Contains("gs://"), ArgumentError);
  CHECK_THROWS_WITH_AS(flax::save_checkpoint("gs://bucket/ckpt", guide::Checkpoint{}, 0, {.backend = Backend::msgpack}),
                       doctest::Contains("gs://"), ArgumentError);
}

TEST_CASE("errors of a restore name the file") {
  guide::TemporaryDirectory root;
  const std::string path = flax::save_checkpoint(root.path(), guide::checkpoint(), 0, {.backend = Backend::msgpack});
  try {
    flax::restore_checkpoint<guide::TrainState>(root.path());
    FAIL("another struct was restored");
  } catch (const KeyError& error) {
    CHECK(error.file() == path);
  }
}
