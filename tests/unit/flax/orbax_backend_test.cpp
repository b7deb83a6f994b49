#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "flax/guide_state.hpp"
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

TEST_CASE("the switch takes the words that Python takes for true and false") {
  CHECK(fx::detail::truth_of("Yes", "X"));
  CHECK_FALSE(fx::detail::truth_of("OFF", "X"));
  CHECK_THROWS_WITH_AS(fx::detail::truth_of("maybe", "X"), "invalid truth value 'maybe' for environment 'X'", ArgumentError);
}
