// The Flax guide "Save and load checkpoints", as far as it concerns flax.training.checkpoints: scenarios S3, S3', S6, S6', S9, S14 to S17,
// S22 to S26 and L1 to L3 of spec/flax-legacy.md 8.1; S22 and S23 with an array of one process. S18 is in tests/unit/orbax.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "guide_state.hpp"
#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"

using namespace orrery;
namespace fx = orrery::flax;

namespace {

struct CustomTrainState {
  std::int64_t step = 0;
  guide::Dense params{};
  optax::SgdState opt_state{};
  Array<std::int64_t> batch_stats{};
};
struct CustomCheckpoint {
  CustomTrainState model{};
  std::optional<guide::Config> config{};
  std::vector<Array<float>> data{Array<float>({5})};
};

CustomCheckpoint custom_target() {
  CustomCheckpoint target;
  target.model.params = guide::params();
  target.model.batch_stats = Array<std::int64_t>::arange(10);
  return target;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("S3': save_checkpoint writes the guide's state as one file of 249 bytes and returns its path") {
  guide::TemporaryDirectory root;
  const std::string path = fx::save_checkpoint(root / "flax-checkpointing", guide::checkpoint(), 0,
                                               {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});
  CHECK(path == root / "flax-checkpointing/checkpoint_0");
  CHECK(content(path) == guide::checkpoint_bytes());
}

TEST_CASE("S6': a raw restore has the keys in the order in which they were saved") {
  guide::TemporaryDirectory root;
  fx::save_checkpoint(root.path(), guide::checkpoint(), 0, {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});
  const Tree raw = fx::restore_checkpoint(root.path());
  CHECK(raw.keys() == std::vector<std::string>{"model", "config", "data"});
  CHECK(raw["model"].keys() == std::vector<std::string>{"step", "params", "opt_state"});
  CHECK(raw["model"]["step"] == Tree::scalar(1));
  CHECK(raw["model"]["params"]["kernel"].array().at<float>({0, 0}) == 0.26048955f);
  CHECK(raw["model"]["opt_state"]["0"] == Tree::dict());
  CHECK(raw["config"]["dimensions"] == Tree(Array<std::int64_t>::from({5, 3})));
  CHECK(raw["data"]["0"] == Tree(guide::x1()));
}

TEST_CASE("S9 after S3': a restore into a target fills it") {
  guide::TemporaryDirectory root;
  fx::save_checkpoint(root.path(), guide::checkpoint(), 0, {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});
  const guide::Checkpoint restored = fx::restore_checkpoint(root.path(), guide::Checkpoint{});
  CHECK(restored.model.step == 1);
  CHECK(restored.model.params.bias == guide::params().bias);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.config.dimensions == Array<std::int64_t>::from({5, 3}));
  CHECK(restored.data == std::vector{guide::x1()});
}

TEST_CASE("S14: an Orbax directory is restored into a target with more fields, which keep their values, with orbax_transforms or without") {
  guide::TemporaryDirectory root;
  const fx::SaveCheckpointOptions options{.keep = 2, .overwrite = true, .backend = fx::Backend::orbax};
  fx::save_checkpoint(root.path(), guide::checkpoint(), 0, options);
  fx::save_checkpoint(root.path(), guide::checkpoint(), 4, options);
  CHECK(root.names() == std::vector<std::string>{"checkpoint_0", "checkpoint_4"});
  for (const Transforms& transforms : {Transforms{}, Transforms::none()}) {
    const CustomCheckpoint restored = fx::restore_checkpoint(root.path(), custom_target(), {.step = 4, .orbax_transforms = transforms});
    CHECK(restored.model.step == 1);
    CHECK(restored.model.params.kernel == guide::params().kernel);
    CHECK(restored.model.batch_stats == Array<std::int64_t>::arange(10));
    CHECK_FALSE(restored.config.has_value());
    CHECK(restored.data == std::vector{guide::x1()});
  }
  const Transforms steps{{"model/batch_stats", Transform{.original_key = "config/dimensions"}}};
  CHECK(fx::restore_checkpoint(root.path(), custom_target(), {.orbax_transforms = steps}).model.batch_stats == Array<std::int64_t>::from({5, 3}));
  CHECK(fx::restore_checkpoint(root.path(), custom_target(), {.orbax_transforms = {}}).model.step == 1);
  CHECK_THROWS_AS(fx::restore_checkpoint<CustomCheckpoint>(root.path()), KeyError);  // a new value has nothing to keep
  CHECK_NOTHROW(fx::restore_checkpoint<CustomCheckpoint>(root.path(), {.orbax_transforms = {}}));
}

TEST_CASE("S15 to S17: a raw state is edited and taken by a struct with one field more") {
  guide::TemporaryDirectory root;
  std::filesystem::create_directories(root / "checkpoint_0/d");  // what Orbax had saved as steps 0 and 4
  std::filesystem::create_directories(root / "checkpoint_4/d");
  const std::string path =
      fx::save_checkpoint(root.path(), guide::checkpoint(), 5, {.keep = 2, .overwrite = true, .backend = fx::Backend::msgpack});
  CHECK(path == root / "checkpoint_5");
  CHECK(root.names() == std::vector<std::string>{"checkpoint_4", "checkpoint_5"});

  Tree raw = fx::restore_checkpoint(root.path(), {.step = 5});
  raw["model"]["batch_stats"] = Array<std::int64_t>::from({9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  const CustomCheckpoint restored = fx::from_state_dict(custom_target(), raw);
  CHECK(restored.model.step == 1);
  CHECK(restored.model.batch_stats == Array<std::int64_t>::from({9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
  CHECK(restored.model.params.kernel == guide::params().kernel);
  REQUIRE(restored.config.has_value());  // a None of the target takes what the state has
  CHECK(restored.config->dimensions == Array<std::int64_t>::from({5, 3}));
  CHECK(restored.data == std::vector{guide::x1()});
}

TEST_CASE("S3, S6: with the default switch save_checkpoint writes an Orbax directory, and a raw restore is its state dict") {
  guide::TemporaryDirectory root;
  const std::string ckpt_dir = root / "flax-checkpointing";
  CHECK(fx::save_checkpoint(ckpt_dir, guide::checkpoint(), 0, {.keep = 2, .overwrite = true}) == ckpt_dir + "/checkpoint_0");
  CHECK(std::filesystem::is_directory(ckpt_dir + "/checkpoint_0"));
  const Tree raw = fx::restore_checkpoint(ckpt_dir);
  CHECK(raw.keys() == std::vector<std::string>{"config", "data", "model"});
  CHECK(raw["config"]["dimensions"] == Tree(Array<std::int64_t>::from({5, 3})));
  CHECK(raw["data"]["0"] == Tree(guide::x1()));
  CHECK(raw["model"]["opt_state"]["0"].is_none());
  CHECK(raw["model"]["opt_state"]["1"].is_none());
  CHECK(raw["model"]["params"]["kernel"] == Tree(guide::params().kernel));
  CHECK(raw["model"]["step"].scalar<std::int64_t>() == 1);
}

TEST_CASE("S22, S23: a multiprocess save through an AsyncCheckpointer is Orbax's whatever the switch says, and a restore waits for it") {
  guide::TemporaryDirectory root;
  std::filesystem::create_directories(root / "orbax");
  std::filesystem::create_directories(root / "flax-checkpointing");
  AsyncCheckpointer async_checkpointer;
  const std::map<std::string, Array<std::int32_t>> state{{"model", Array<std::int32_t>::arange(16).reshape({8, 2})}};
  fx::config().flax_use_orbax_checkpointing = false;
  CHECK(fx::save_checkpoint_multiprocess(root.path(), state, 3, {.keep = 4, .overwrite = true, .orbax_checkpointer = &async_checkpointer}) ==
        root / "checkpoint_3");
  fx::config().flax_use_orbax_checkpointing = true;
  const std::map<std::string, Array<std::int32_t>> target{{"model", Array<std::int32_t>({4, 2})}};
  CHECK(fx::restore_checkpoint(root.path(), target, {.step = 3, .orbax_checkpointer = &async_checkpointer}) == state);
  CHECK(root.names() == std::vector<std::string>{"checkpoint_3", "flax-checkpointing", "orbax"});
}

TEST_CASE("S24: the switch says nothing about restoring") {
  guide::TemporaryDirectory root;
  fx::config().flax_use_orbax_checkpointing = false;
  fx::save_checkpoint(root.path(), guide::checkpoint(), 5);
  fx::config().flax_use_orbax_checkpointing = true;
  CHECK(std::filesystem::is_regular_file(root / "checkpoint_5"));
  CHECK(fx::restore_checkpoint(root.path(), guide::Checkpoint{}).model.step == 1);
}

TEST_CASE("S25: what save_checkpoint wrote with Orbax is an item that PyTreeCheckpointer restores") {
  guide::TemporaryDirectory root;
  const std::string path = fx::save_checkpoint(root.path(), guide::checkpoint(), 0);
  const Tree raw = PyTreeCheckpointer().restore(path);
  CHECK(raw["data"] == Tree::list({Tree(guide::x1())}));  // a list is a list here
  CHECK(raw["model"]["opt_state"] == Tree::list({Tree::none(), Tree::none()}));
  CHECK(raw["model"]["step"].scalar<std::int64_t>() == 1);
}

TEST_CASE("S26: a single array is no pytree to the Orbax backend; ArrayCheckpointer, a dict around it and msgpack are the ways out") {
  guide::TemporaryDirectory root;
  const Array<float> array = guide::x1();
  CHECK_THROWS_WITH_AS(fx::save_checkpoint(root.path(), array, 0),
                       doctest::Contains("Orbax backend only accept pytree as save target. To save singular objects like numbers or Numpy "
                                         "arrays, checkout https://flax.readthedocs.io/en/latest/guides/training_techniques/"
                                         "use_checkpointing.html#if-you-don-t-save-pytrees"),
                       ArgumentError);
  ArrayCheckpointer().save(root / "array", array);
  CHECK(ArrayCheckpointer().restore<Array<float>>(root / "array") == array);
  const std::map<std::string, Array<float>> wrapped{{"array", array}};
  fx::save_checkpoint(root.path(), wrapped, 0);
  CHECK(fx::restore_checkpoint<std::map<std::string, Array<float>>>(root.path()) == wrapped);
  fx::save_checkpoint(root.path(), array, 1, {.backend = fx::Backend::msgpack});
  CHECK(fx::restore_checkpoint<Array<float>>(root.path()) == array);
}

TEST_CASE("L1: a field too many is an error that names it") {
  Tree raw = fx::to_state_dict(guide::checkpoint());
  raw["model"]["batch_stats"] = Array<std::int64_t>::arange(10);
  CHECK_THROWS_WITH_AS(
      fx::from_state_dict(guide::Checkpoint{}, raw),
      doctest::Contains("Unknown field(s) \"batch_stats\" in state dict while restoring an instance of TrainState at path ./model"),
      StructureError);
}

TEST_CASE("L2: a missing field is an error that names it") {
  const Tree raw = fx::to_state_dict(guide::checkpoint());
  CHECK_THROWS_WITH_AS(
      fx::from_state_dict(custom_target(), raw),
      doctest::Contains("Missing field batch_stats in state dict while restoring an instance of CustomTrainState, at path ./model"),
      KeyError);
}

TEST_CASE("L3: the raw form of Orbax, with none for empty states, is taken although Python stops there") {
  Tree raw = fx::to_state_dict(guide::checkpoint());
  raw["model"]["opt_state"]["0"] = Tree::none();
  raw["model"]["opt_state"]["1"] = Tree::none();
  CHECK(fx::to_bytes(fx::from_state_dict(guide::Checkpoint{}, raw)) == guide::checkpoint_bytes());
}
