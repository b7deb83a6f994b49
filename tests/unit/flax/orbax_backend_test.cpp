#include <doctest/doctest.h>

#include <stdlib.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orbax/gate.hpp"
#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"
#include "storage/scratch.hpp"

using namespace orrery;
namespace fx = orrery::flax;

namespace {

struct State {
  std::int64_t step = 0;
  std::vector<Array<float>> data{Array<float>::from({1, 2})};
};

// Puts the switch back.
struct Switched {
  explicit Switched(bool value) { fx::config().flax_use_orbax_checkpointing = value; }
  ~Switched() { fx::config().flax_use_orbax_checkpointing = true; }
};

}  // namespace

TEST_CASE("without a backend save_checkpoint writes an Orbax directory, as Flax has done since 2023") {
  storage_test::ScratchDirectory root;
  const std::string path = fx::save_checkpoint(root.path(), State{3}, 0, {.overwrite = true});
  CHECK(path == root / "checkpoint_0");
  CHECK(storage::exists(path + "/_METADATA"));
  CHECK(PyTreeCheckpointer().restore<State>(path).step == 3);
}

TEST_CASE("the switch turned off makes it a msgpack file, and restoring tells the two apart") {
  storage_test::ScratchDirectory root;
  fx::save_checkpoint(root.path(), State{1}, 1, {.keep = 3});
  {
    Switched off(false);
    const std::string path = fx::save_checkpoint(root.path(), State{2}, 2, {.keep = 3});
    CHECK_FALSE(storage::is_directory(path));
  }
  CHECK(fx::restore_checkpoint<State>(root.path(), {.step = 1}).step == 1);
  CHECK(fx::restore_checkpoint<State>(root.path()).step == 2);
  CHECK(fx::restore_checkpoint(root.path(), State{}, {.step = 1}).step == 1);
}

TEST_CASE("a raw restore of an Orbax directory is in state-dict form: lists are dicts of their positions") {
  storage_test::ScratchDirectory root;
  fx::save_checkpoint(root.path(), State{4}, 0, {.backend = fx::Backend::orbax});
  const Tree raw = fx::restore_checkpoint(root.path());
  CHECK(raw["data"]["0"].array().at<float>({1}) == 2);
  CHECK(raw["step"].scalar<int>() == 4);
}

TEST_CASE("the Orbax backend keeps the newest and lets an older step be saved") {
  storage_test::ScratchDirectory root;
  for (int step : {0, 1, 2}) fx::save_checkpoint(root.path(), State{step}, step, {.keep = 2});
  CHECK(fx::available_steps(root.path()) == std::vector<std::int64_t>{1, 2});
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), State{}, 2, {.keep = 2}), AlreadyExistsError);
}

TEST_CASE("a bare leaf is refused by the Orbax backend with Flax's words and both ways out") {
  storage_test::ScratchDirectory root;
  CHECK_THROWS_WITH_AS(fx::save_checkpoint(root.path(), Array<float>({3}), 0, {.backend = fx::Backend::orbax}),
                       doctest::Contains("Orbax backend only accept pytree as save target."), ArgumentError);
  CHECK_THROWS_WITH_AS(fx::save_checkpoint(root.path(), 1.5, 0),
                       doctest::Contains("save it with orrery::ArrayCheckpointer, or wrap it in a struct or map"), ArgumentError);
  CHECK(storage::list_directory(root.path()).empty());
}

TEST_CASE("through an AsyncCheckpointer the state is stored as it was, in the background, whatever the switch says") {
  storage_test::ScratchDirectory root;
  Switched off(false);
  AsyncCheckpointer async;
  State state{3};
  {
    gate_test::Gate gate(storage::FileOperation::create);
    const storage::ScopedFileSystemHook scope(gate);
    CHECK(fx::save_checkpoint(root.path(), state, 3, {.orbax_checkpointer = &async}) == root / "checkpoint_3");
    gate.wait_for_arrival();
    CHECK_FALSE(storage::exists(root / "checkpoint_3"));
    CHECK_FALSE(fx::latest_checkpoint(root.path()).has_value());  // a save under way is no checkpoint
    state.step = 4;
    state.data[0].data()[0] = -1;
  }
  const State back = fx::restore_checkpoint(root.path(), State{}, {.step = 3, .orbax_checkpointer = &async});  // waits
  CHECK(back.step == 3);
  CHECK(back.data[0] == Array<float>::from({1, 2}));
}

TEST_CASE("what should not stay goes when the new step is there, and not before") {
  storage_test::ScratchDirectory root;
  AsyncCheckpointer async;
  const fx::SaveCheckpointOptions options{.orbax_checkpointer = &async, .durability = Durability::fast};
  fx::save_checkpoint(root.path(), State{0}, 0, options);
  async.wait_until_finished();
  {
    gate_test::Gate gate(storage::FileOperation::create);
    const storage::ScopedFileSystemHook scope(gate);
    fx::save_checkpoint(root.path(), State{1}, 1, options);
    gate.wait_for_arrival();
    CHECK(fx::restore_checkpoint<State>(root.path()).step == 0);
    gate.open(ENOSPC);
    CHECK_THROWS_AS(async.wait_until_finished(), IoError);
  }
  CHECK(storage::list_directory(root.path()) == std::vector<std::string>{"checkpoint_0"});
  fx::save_checkpoint(root.path(), State{2}, 2, options);
  async.wait_until_finished();
  CHECK(storage::list_directory(root.path()) == std::vector<std::string>{"checkpoint_2"});
}

TEST_CASE("in the background the directory ends as if the save had been waited for") {
  const auto steps_after = [](AsyncCheckpointer* async, std::initializer_list<std::pair<int, bool>> saves, std::int64_t keep) {
    storage_test::ScratchDirectory root;
    storage::make_directories(root / "checkpoint_3_gda/w");
    for (const auto& [step, overwrite] : saves)
      fx::save_checkpoint(root.path(), State{step}, step,
                          {.keep = keep, .overwrite = overwrite, .orbax_checkpointer = async, .durability = Durability::fast});
    if (async) async->wait_until_finished();
    return fx::natural_sort(storage::list_directory(root.path()));
  };
  using Names = std::vector<std::string>;
  AsyncCheckpointer async;
  for (AsyncCheckpointer* checkpointer : {static_cast<AsyncCheckpointer*>(nullptr), &async}) {
    CHECK(steps_after(checkpointer, {{3, false}, {4, false}, {5, false}, {3, true}}, 9) == Names{"checkpoint_3", "checkpoint_3_gda"});
    CHECK(steps_after(checkpointer, {{5, false}, {1, false}}, 1) == Names{"checkpoint_3_gda", "checkpoint_5"});
    CHECK(steps_after(checkpointer, {{3, false}, {4, false}}, 1) == Names{"checkpoint_4"});  // the arrays beside a removed step go too
  }
}

TEST_CASE("an AsyncCheckpointer refuses at once what it will not store, and throws later what went wrong") {
  storage_test::ScratchDirectory root;
  AsyncCheckpointer async;
  const fx::SaveCheckpointOptions options{.orbax_checkpointer = &async};
  fx::save_checkpoint(root.path(), State{1}, 1, options);
  CHECK_THROWS_WITH_AS(fx::save_checkpoint(root.path(), State{1}, 1, options),
                       doctest::Contains(("Destination " + (root / "checkpoint_1") + " already exists.").c_str()), AlreadyExistsError);
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), 1.5, 2, options), ArgumentError);
  CHECK_THROWS_WITH_AS(fx::save_checkpoint(root.path(), State{}, 2, {.orbax_checkpointer = &async, .backend = fx::Backend::msgpack}),
                       doctest::Contains("an orbax_checkpointer writes no msgpack files"), ArgumentError);
  {
    gate_test::Failing full(storage::FileOperation::create, ENOSPC);
    const storage::ScopedFileSystemHook scope(full);
    fx::save_checkpoint(root.path(), State{2}, 2, options);
    CHECK_THROWS_AS(fx::restore_checkpoint(root.path(), State{}, {.orbax_checkpointer = &async}), IoError);
  }
  CHECK(fx::restore_checkpoint(root.path(), State{}, {.orbax_checkpointer = &async}).step == 1);
}

TEST_CASE("a msgpack file of the same step is replaced by a directory") {
  storage_test::ScratchDirectory root;
  AsyncCheckpointer async;
  for (AsyncCheckpointer* checkpointer : {static_cast<AsyncCheckpointer*>(nullptr), &async}) {
    fx::save_checkpoint(root.path(), State{1}, 3, {.backend = fx::Backend::msgpack});
    fx::save_checkpoint(root.path(), State{2}, 3, {.overwrite = true, .orbax_checkpointer = checkpointer, .backend = fx::Backend::orbax});
    CHECK(fx::restore_checkpoint(root.path(), State{}, {.orbax_checkpointer = checkpointer}).step == 2);
    CHECK(storage::list_directory(root.path()).size() == 1);
    storage::remove_tree(root / "checkpoint_3");
  }
}

TEST_CASE("the switch takes the words that Python takes for true and false") {
  CHECK(fx::detail::truth_of("Yes", "X"));
  CHECK_FALSE(fx::detail::truth_of("OFF", "X"));
  CHECK_THROWS_WITH_AS(fx::detail::truth_of("maybe", "X"), "invalid truth value 'maybe' for environment 'X'", ArgumentError);
}

TEST_CASE("the switch is on unless the environment says otherwise") {
  ::unsetenv("FLAX_USE_ORBAX_CHECKPOINTING");
  CHECK(fx::detail::switch_of_environment());
  ::setenv("FLAX_USE_ORBAX_CHECKPOINTING", "0", 1);
  CHECK_FALSE(fx::detail::switch_of_environment());
  ::setenv("FLAX_USE_ORBAX_CHECKPOINTING", "perhaps", 1);
  CHECK_THROWS_AS(fx::detail::switch_of_environment(), ArgumentError);
  ::unsetenv("FLAX_USE_ORBAX_CHECKPOINTING");
}

TEST_CASE("what a restore does not find, and what a save removes, the log handler is told without a warning") {
  storage_test::ScratchDirectory root;
  std::vector<std::string> told;
  set_log_handler([&told](LogLevel level, std::string_view text) {
    CHECK(level == LogLevel::info);
    told.emplace_back(text);
  });
  fx::restore_checkpoint(root / "absent");
  fx::restore_checkpoint(root.path(), {.prefix = "c_"});
  for (int step : {0, 1}) fx::save_checkpoint(root.path(), State{step}, step);
  set_log_handler(nullptr);
  CHECK(told == std::vector<std::string>{"Found no checkpoint directory at " + (root / "absent"),
                                         "Found no checkpoint files in " + root.path() + " with prefix c_",
                                         "Removing checkpoint at " + (root / "checkpoint_0")});
}
