#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "guide_state.hpp"
#include "orrery/flax/checkpoints.hpp"

using namespace orrery;
using flax::Backend;
using Names = std::vector<std::string>;

namespace {

struct State {
  std::int64_t value = 0;
};

// Saves the steps in order and says what is there then.
template <class S>
Names after(std::initializer_list<S> steps, flax::SaveCheckpointOptions options) {
  guide::TemporaryDirectory root;
  options.backend = Backend::msgpack;
  options.durability = Durability::fast;
  for (const S& step : steps) flax::save_checkpoint(root.path(), State{}, step, options);
  Names names = root.names();
  std::vector<std::string> steps_left;
  for (const std::string& name : flax::natural_sort(names)) steps_left.push_back(name.substr(options.prefix.size()));
  return steps_left;
}

void touch(const std::string& path) { std::ofstream(path) << "x"; }

flax::SaveCheckpointOptions fast(flax::SaveCheckpointOptions options) {
  options.backend = Backend::msgpack;
  options.durability = Durability::fast;
  return options;
}

}  // namespace

TEST_CASE("keep and keep_every_n_steps leave what Flax leaves") {
  CHECK(after({17, 22, 27, 32}, {.keep = 3, .keep_every_n_steps = 7}) == Names{"17", "22", "27", "32"});
  CHECK(after({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {.keep = 1, .keep_every_n_steps = 3}) == Names{"1", "4", "7", "10"});
  CHECK(after({1, 2, 3, 4, 5, 6, 7}, {.keep = 2, .keep_every_n_steps = 4}) == Names{"1", "5", "6", "7"});
  CHECK(after({1, 2, 3, 4, 5, 6, 7, 8, 9}, {.keep = 2, .keep_every_n_steps = 4}) == Names{"1", "5", "8", "9"});
  CHECK(after({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {.keep = 2, .keep_every_n_steps = 4}) == Names{"1", "5", "9", "10"});
  CHECK(after({0, 10, 20, 30}, {.keep = 1, .keep_every_n_steps = 10}) == Names{"10", "20", "30"});
  CHECK(after({0, 1, 2, 3, 4}, {.prefix = "test_", .keep = 3, .keep_every_n_steps = 2}) == Names{"1", "2", "3", "4"});
  CHECK(after({0.5, 1.5, 1e5, 1e16, 1e-5}, {.keep = 9, .overwrite = true}) == Names{"1e-05"});
  CHECK(after({1, 2, 3}, {.keep = 0}) == Names{"1", "2", "3"});
  CHECK(after({1}, {.keep = -1}).empty());
  CHECK(after({5}, {.keep = -1, .overwrite = true}).empty());
}

TEST_CASE("an equal or lower step is refused in Flax's words, and overwriting removes what is newer") {
  guide::TemporaryDirectory root;
  flax::save_checkpoint(root.path(), State{1}, 5, fast({.keep = 3}));
  const std::string text = "Trying to save an outdated checkpoint at step: \"3\" and path: \"" + (root / "checkpoint_3") +
                           "\". (https://flax.readthedocs.io/en/latest/api_reference/flax.errors.html#flax.errors.InvalidCheckpointError)";
  CHECK_THROWS_WITH_AS(flax::save_checkpoint(root.path(), State{}, 3, fast({.keep = 3})), doctest::Contains(text.c_str()),
                       AlreadyExistsError);
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), State{}, 5, fast({.keep = 3})), AlreadyExistsError);
  CHECK(root.names() == Names{"checkpoint_5"});
  flax::save_checkpoint(root.path(), State{}, 3, fast({.keep = 3, .overwrite = true}));
  CHECK(root.names() == Names{"checkpoint_3"});
  flax::save_checkpoint(root.path(), State{}, 4, fast({.keep = 3}));
  CHECK(root.names() == Names{"checkpoint_3", "checkpoint_4"});
}

TEST_CASE("a left-over temporary file is tolerated and overwritten, together with a stray name it is not") {
  guide::TemporaryDirectory root;
  touch(root / "checkpoint_tmp");
  flax::save_checkpoint(root.path(), State{}, 1, fast({}));
  CHECK(root.names() == Names{"checkpoint_1"});
  touch(root / "checkpoint_best");
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), State{}, 2, fast({})), AlreadyExistsError);
  touch(root / "checkpoint_tmp");
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), State{}, 2, fast({})), AlreadyExistsError);
}

TEST_CASE("with a prefix that ends in a dash step 2 comes before step 1") {
  guide::TemporaryDirectory root;
  flax::save_checkpoint(root.path(), State{}, 1, fast({.prefix = "model-"}));
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), State{}, 2, fast({.prefix = "model-"})), AlreadyExistsError);
}

TEST_CASE("directories count as checkpoints, and those of multiprocess arrays stay behind") {
  guide::TemporaryDirectory root;
  std::filesystem::create_directories(root / "checkpoint_0/d");
  std::filesystem::create_directories(root / "checkpoint_4/d");
  std::filesystem::create_directories(root / "checkpoint_2_gda");
  flax::save_checkpoint(root.path(), State{}, 5, fast({.keep = 2, .overwrite = true}));
  CHECK(root.names() == Names{"checkpoint_2_gda", "checkpoint_4", "checkpoint_5"});
  std::filesystem::create_directories(root / "checkpoint_9.orbax-checkpoint-tmp");
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), State{}, 9, fast({})), AlreadyExistsError);
  flax::save_checkpoint(root.path(), State{}, 10, fast({}));
  CHECK(root.names() == Names{"checkpoint_10", "checkpoint_2_gda"});
}

TEST_CASE("a step that is a directory is not replaced by a file") {
  guide::TemporaryDirectory root;
  std::filesystem::create_directories(root / "checkpoint_4");
  CHECK_THROWS_AS(flax::save_checkpoint(root.path(), State{}, 4, fast({.overwrite = true})), IoError);
  CHECK(root.names() == Names{"checkpoint_4"});
}

TEST_CASE("latest_checkpoint and available_steps see what is finished") {
  guide::TemporaryDirectory root;
  CHECK_FALSE(flax::latest_checkpoint(root / "absent").has_value());
  CHECK(flax::available_steps(root / "absent").empty());
  for (const char* name : {"test_tmp", "test_0", "test_10", "test_9", "test_0_gda", "orbaxtest_.orbax-checkpoint-tmp_10", "other_1"})
    touch(root / name);
  CHECK(flax::latest_checkpoint(root.path(), "test_") == root / "test_10");
  CHECK(flax::available_steps(root.path(), "test_") == std::vector<std::int64_t>{0, 9, 10});
  CHECK_FALSE(flax::latest_checkpoint(root.path(), "orbaxtest_").has_value());
  CHECK_FALSE(flax::latest_checkpoint(root.path(), "none_").has_value());
  touch(root / "f_1.5");
  CHECK_THROWS_WITH_AS(flax::available_steps(root.path(), "f_"), doctest::Contains("invalid literal for int() with base 10: '1.5'"),
                       ArgumentError);
  CHECK(flax::available_steps<double>(root.path(), "f_") == std::vector<double>{1.5});
}

TEST_CASE("a prefix is a shell pattern") {
  guide::TemporaryDirectory root;
  touch(root / "ckpt1_5");
  touch(root / "ckpt[1]_6");
  CHECK(flax::latest_checkpoint(root.path(), "ckpt[1]_") == root / "ckpt1_5");
}

TEST_CASE("a prefix with a slash saves into a directory below") {
  guide::TemporaryDirectory root;
  flax::save_checkpoint(root.path(), State{7}, 1, fast({.prefix = "run/c_"}));
  flax::save_checkpoint(root.path(), State{8}, 2, fast({.prefix = "run/c_"}));
  CHECK(root.names("run") == Names{"c_2"});
  CHECK(flax::restore_checkpoint(root.path(), State{}, {.step = 2, .prefix = "run/c_"}).value == 8);
}
