// The Flax guide "Save and load checkpoints", as far as it uses a CheckpointManager: scenarios S2, S5, S8, S10 to S13 and S19 of
// spec/flax-legacy.md 8.1.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "flax/guide_state.hpp"
#include "orrery/checkpoint.hpp"
#include "orrery/flax/train_state.hpp"
#include "orrery/optax/states.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;
using Names = std::vector<std::string>;

struct Sgd {
  double learning_rate = 0;
};
using TrainState = flax::TrainState<guide::Dense, std::tuple<optax::EmptyState, optax::EmptyState>, int, Sgd>;

// The guide's CustomTrainState: one field more.
struct CustomTrainState {
  std::int64_t step = 0;
  guide::Dense params{};
  std::tuple<optax::EmptyState, optax::EmptyState> opt_state{};
  Array<std::int64_t> batch_stats = Array<std::int64_t>::arange(10);
};

template <class Model>
struct Checkpoint {
  Model model{};
  std::map<std::string, Array<std::int64_t>> config{};
  std::vector<Array<float>> data{};
};
struct CustomTarget {
  CustomTrainState model{0, guide::params()};
  std::optional<std::map<std::string, Array<std::int64_t>>> config{};
  std::vector<Array<float>> data{Array<float>({5})};
};

Checkpoint<TrainState> ckpt() {
  return {{.step = 1, .apply_fn = {7}, .params = guide::params(), .tx = {{0.001}}},
          {{"dimensions", Array<std::int64_t>::from({5, 3})}},
          {guide::x1()}};
}
Checkpoint<TrainState> target() {
  return {
      {.step = 0, .apply_fn = {9}, .params = {}, .tx = {{0.5}}}, {{"dimensions", Array<std::int64_t>::from({0, 0})}}, {Array<float>({5})}};
}
Checkpoint<CustomTrainState> custom_ckpt() { return {{0, guide::params()}, ckpt().config, ckpt().data}; }

// The manager of S2, after its saves.
struct Managed {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  CheckpointManager manager{root / "orbax/managed", checkpointer, {.max_to_keep = 2, .create = true}};
  Managed() {
    for (std::int64_t step = 0; step < 5; ++step) manager.save(step, ckpt());
  }
  Names listed() {
    manager.wait_until_finished();
    return storage::list_directory(root / "orbax/managed");
  }
};

Tree raw() {
  Tree expected = Tree::dict();
  expected["config"]["dimensions"] = Array<std::int64_t>::from({5, 3});
  expected["data"] = Tree::list({Tree(guide::x1())});
  expected["model"]["opt_state"] = Tree::list({Tree::none(), Tree::none()});
  expected["model"]["params"]["bias"] = guide::params().bias;
  expected["model"]["params"]["kernel"] = guide::params().kernel;
  expected["model"]["step"] = std::int64_t{1};
  return expected;
}

}  // namespace

TEST_CASE("S2: of five steps the manager keeps the last two, in a directory made on demand") {
  Managed managed;
  CHECK(managed.listed() == Names{"3", "4"});
}

TEST_CASE("S5: the latest step is 4, and comes back as dicts, lists and None") {
  Managed managed;
  CHECK(managed.manager.latest_step() == 4);
  CHECK(managed.manager.restore(4) == raw());
}

TEST_CASE("S8: a step fills the structure of a target; apply_fn and tx are the target's") {
  Managed managed;
  const Checkpoint<TrainState> restored = managed.manager.restore(4, target());
  CHECK(restored.model.step == 1);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.config.at("dimensions") == Array<std::int64_t>::from({5, 3}));
  CHECK(restored.data == std::vector{guide::x1()});
  CHECK(restored.model.apply_fn.value == 9);
  CHECK(restored.model.tx->learning_rate == 0.5);
}

TEST_CASE("S10: another structure is saved as the next step") {
  Managed managed;
  CHECK(managed.manager.save(5, custom_ckpt()));
  CHECK(managed.manager.all_steps() == std::vector<std::int64_t>{4, 5});
  CHECK(managed.listed() == Names{"4", "5"});
}

TEST_CASE("S11: what the reference does not mention is ignored") {
  Managed managed;
  managed.manager.save(5, custom_ckpt());
  RestoreReport report;
  const auto restored = managed.manager.restore(5, target(), {.report = &report});
  CHECK(restored.model.step == 0);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(report.ignored() == Names{"model/batch_stats"});
}

TEST_CASE("S12: a field that the step lacks is a KeyError that names it") {
  Managed managed;
  CHECK_THROWS_WITH_AS(managed.manager.restore(4, Checkpoint<CustomTrainState>{{}, ckpt().config, ckpt().data}),
                       doctest::Contains("model/batch_stats"), KeyError);
}

TEST_CASE("S13: with transforms = {} the gaps are filled from the target") {
  Managed managed;
  const CustomTarget restored = managed.manager.restore(4, CustomTarget{}, {.transforms = {}});
  CHECK(restored.model.step == 1);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.model.batch_stats == Array<std::int64_t>::arange(10));
  CHECK_FALSE(restored.config.has_value());
  CHECK(restored.data == std::vector{guide::x1()});
}

TEST_CASE("S19: a manager around an AsyncCheckpointer, which has nothing to wait for and then something") {
  ScratchDirectory root;
  AsyncCheckpointer async({.timeout = std::chrono::seconds(50)});
  CheckpointManager managed(root / "orbax/managed_async", async, {.max_to_keep = 2});
  managed.wait_until_finished();
  for (std::int64_t step = 0; step < 5; ++step) managed.save(step, ckpt());
  managed.wait_until_finished();
  CHECK(storage::list_directory(root / "orbax/managed_async") == Names{"3", "4"});
  CHECK(managed.restore(4) == raw());
}
