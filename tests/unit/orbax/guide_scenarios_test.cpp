// The Flax guide "Save and load checkpoints", as far as it concerns one Orbax checkpoint at one path: scenarios S1, S4 and S7 of
// spec/flax-legacy.md 8.1, and S8 and S11 to S13 without their manager.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "flax/guide_state.hpp"
#include "item_files.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/flax/train_state.hpp"
#include "orrery/optax/states.hpp"

namespace {

using namespace orrery;
using item_files::ScratchDirectory;

// nn.Dense's apply, and optax.sgd(0.001): what a train state carries along and no checkpoint holds.
using Apply = Array<float> (*)(const guide::Dense&, const Array<float>&);
struct Sgd {
  double learning_rate = 0;
};
Array<float> apply(const guide::Dense& params, const Array<float>& x) {
  Array<float> y = params.bias;
  for (Dim i = 0; i < 5; ++i)
    for (Dim j = 0; j < 3; ++j) y.data()[j] += x.data()[i] * params.kernel.data()[i * 3 + j];
  return y;
}

using TrainState = flax::TrainState<guide::Dense, std::tuple<optax::EmptyState, optax::EmptyState>, Apply, Sgd>;

template <class Model>
struct Checkpoint {
  Model model{};
  std::map<std::string, Array<std::int64_t>> config{};
  std::vector<Array<float>> data{};
};

// The guide's `ckpt`.
Checkpoint<TrainState> ckpt() {
  TrainState state{.step = 1, .apply_fn = {apply}, .params = guide::params(), .tx = {{0.001}}};
  return {state, {{"dimensions", Array<std::int64_t>::from({5, 3})}}, {guide::x1()}};
}
// ... and its `target`: zeros, another optimizer.
Checkpoint<TrainState> target() {
  TrainState state{.step = 0, .apply_fn = {apply}, .params = {}, .tx = {{0.5}}};
  return {state, {{"dimensions", Array<std::int64_t>::from({0, 0})}}, {Array<float>({5})}};
}

// The guide's CustomTrainState: one field more.
struct CustomTrainState {
  std::int64_t step = 0;
  guide::Dense params{};
  std::tuple<optax::EmptyState, optax::EmptyState> opt_state{};
  Array<std::int64_t> batch_stats = Array<std::int64_t>::arange(10);
};

}  // namespace

TEST_CASE("S1: PyTreeCheckpointer saves an Orbax directory at exactly that path") {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "orbax/single_save", ckpt());
  CHECK(storage::list_directory(root / "orbax") == std::vector<std::string>{"single_save"});
  CHECK(storage::exists(root / "orbax/single_save/_METADATA"));
  CHECK(storage::exists(root / "orbax/single_save/manifest.ocdbt"));
  CHECK_THROWS_AS(checkpointer.save(root / "orbax/single_save", ckpt()), AlreadyExistsError);
}

TEST_CASE("S4: a raw restore gives dicts, lists, and None for empty states") {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "orbax/single_save", ckpt());

  const Tree raw = checkpointer.restore(root / "orbax/single_save");
  Tree expected = Tree::dict();
  expected["config"]["dimensions"] = Array<std::int64_t>::from({5, 3});
  expected["data"] = Tree::list({Tree(guide::x1())});
  expected["model"]["opt_state"] = Tree::list({Tree::none(), Tree::none()});
  expected["model"]["params"]["bias"] = guide::params().bias;
  expected["model"]["params"]["kernel"] = guide::params().kernel;
  expected["model"]["step"] = std::int64_t{1};
  CHECK(raw == expected);
  CHECK(raw.keys() == std::vector<std::string>{"config", "data", "model"});
  CHECK(raw["model"].keys() == std::vector<std::string>{"opt_state", "params", "step"});
}

TEST_CASE("S7, S8: with a target the checkpoint fills its structure; apply_fn and tx are the target's") {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "orbax/single_save", ckpt());

  const Checkpoint<TrainState> restored = checkpointer.restore(root / "orbax/single_save", target());
  CHECK(restored.model.step == 1);
  CHECK(restored.model.params.bias == guide::params().bias);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.config.at("dimensions") == Array<std::int64_t>::from({5, 3}));
  CHECK(restored.data == std::vector{guide::x1()});
  CHECK(restored.model.tx->learning_rate == 0.5);
  REQUIRE((restored.model.apply_fn.value == apply));
  CHECK(restored.model.apply_fn.value(restored.model.params, guide::x1()) == apply(guide::params(), guide::x1()));
}

TEST_CASE("S18: AsyncCheckpointer saves in the background what a restore then finds") {
  ScratchDirectory root;
  AsyncCheckpointer async_checkpointer({.timeout = std::chrono::seconds(50)});
  async_checkpointer.save(root / "orbax/single_save_async", ckpt());
  async_checkpointer.wait_until_finished();
  const Checkpoint<TrainState> restored = async_checkpointer.restore(root / "orbax/single_save_async", target());
  CHECK(restored.model.step == 1);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.data == std::vector{guide::x1()});
  async_checkpointer.save(root / "orbax/second", ckpt());  // waits for the first
  CHECK(async_checkpointer.restore(root / "orbax/second") == PyTreeCheckpointer().restore(root / "orbax/single_save_async"));
}

TEST_CASE("S11: what the target does not mention is ignored") {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "custom", Checkpoint<CustomTrainState>{{0, guide::params()}, ckpt().config, ckpt().data});
  RestoreReport report;
  const auto restored = checkpointer.restore(root / "custom", target(), {.report = &report});
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(report.ignored() == std::vector<std::string>{"model/batch_stats"});
}

TEST_CASE("S12: a field of the target that the checkpoint lacks is a KeyError that names it") {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "single_save", ckpt());
  Checkpoint<CustomTrainState> custom{{}, ckpt().config, ckpt().data};
  CHECK_THROWS_WITH_AS(checkpointer.restore_into(root / "single_save", custom), doctest::Contains("model/batch_stats"), KeyError);
  CHECK(custom.model.step == 0);
  CHECK(custom.model.params.kernel == Array<float>({5, 3}));
}

// The guide's `custom_target`: the state of before with batch_stats, and None where the checkpoint has a config.
namespace {
struct CustomTarget {
  CustomTrainState model{0, guide::params()};
  std::optional<std::map<std::string, Array<std::int64_t>>> config{};
  std::vector<Array<float>> data{Array<float>({5})};
};
}  // namespace

TEST_CASE("S13: with transforms = {} what the checkpoint lacks is filled from the target, and a None of the target stays None") {
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "single_save", ckpt());
  const CustomTarget custom_target;
  CHECK_THROWS_AS(checkpointer.restore(root / "single_save", custom_target), KeyError);

  RestoreReport report;
  const CustomTarget restored = checkpointer.restore(root / "single_save", custom_target, {.transforms = {}, .report = &report});
  CHECK(restored.model.step == 1);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.model.batch_stats == Array<std::int64_t>::arange(10));
  CHECK_FALSE(restored.config.has_value());
  CHECK(restored.data == std::vector{guide::x1()});
  CHECK(report.filled() == std::vector<std::string>{"model/batch_stats"});
  CHECK(report.paths(LeafAction::kept) == std::vector<std::string>{"config"});
}

TEST_CASE("a checkpoint of other names is restored with rules that rename, compute and keep") {
  struct Old {
    struct Model {
      std::int64_t step = 1;
      guide::Dense weights = guide::params();
      Array<float> q = Array<float>::from({1, 2}), k = Array<float>::from({3});
    } model{};
  };
  struct New {
    struct Model {
      std::int64_t step = 7;
      guide::Dense params{};
      double scale = 0;
      Array<float> qk{};
    } model{};
  };
  ScratchDirectory root;
  PyTreeCheckpointer checkpointer;
  checkpointer.save(root / "old", Old{});
  const New restored = checkpointer.restore(root / "old", New{}, {.transforms = Transforms{
      {"model/params/(.*)", Transform{.original_key = "model/weights/\\1"}},
      {"model/step",        Transform{.use_fallback = true}},
      {"model/scale",       Transform{.original_key = "model/step", .value_fn = [](const Tree& v) { return Tree::scalar(v.scalar<double>() / 4); }}},
      {"model/qk",          Transform{.multi_value_fn = [](std::string_view, const Tree& original) {
                                        const Tree& model = original["model"];
                                        return Tree(Array<float>::from({model["q"].array().at<float>({1}), model["k"].array().at<float>({0})}));
                                      },
                                      .multi_value_fn_input_args = {{"model/(q|k)", {}}}}}}});
  CHECK(restored.model.step == 7);
  CHECK(restored.model.params.kernel == guide::params().kernel);
  CHECK(restored.model.scale == 0.25);
  CHECK(restored.model.qk == Array<float>::from({2, 3}));
}
