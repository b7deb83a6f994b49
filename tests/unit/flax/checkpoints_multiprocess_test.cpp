// save_checkpoint_multiprocess as Flax has it in one process.
#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "guide_state.hpp"
#include "orrery/flax.hpp"

using namespace orrery;
namespace fx = orrery::flax;
using Names = std::vector<std::string>;

namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// {'b': [1, 2], 'a': {}}
Tree small() {
  Tree tree = Tree::dict();
  tree["b"] = Tree::list({Tree::scalar(1), Tree::scalar(2)});
  tree["a"] = Tree::dict();
  return tree;
}

Names after(std::initializer_list<std::pair<int, bool>> saves, fx::SaveCheckpointOptions options) {
  guide::TemporaryDirectory root;
  options.durability = Durability::fast;
  for (const auto& [step, overwrite] : saves) {
    options.overwrite = overwrite;
    fx::save_checkpoint_multiprocess(root.path(), guide::TrainState{}, step, options);
  }
  if (options.orbax_checkpointer) options.orbax_checkpointer->wait_until_finished();
  return fx::natural_sort(root.names());
}

}  // namespace

TEST_CASE("a msgpack file of the multiprocess function has its keys sorted, one of save_checkpoint has them as they come") {
  guide::TemporaryDirectory root;
  const fx::SaveCheckpointOptions options{.overwrite = true, .backend = fx::Backend::msgpack};
  CHECK(content(fx::save_checkpoint_multiprocess(root.path(), small(), 0, options)) ==
        guide::unhex("82 a1 61 80 a1 62 82 a1 30 01 a1 31 02"));
  CHECK(content(fx::save_checkpoint(root.path(), small(), 0, options)) == guide::unhex("82 a1 62 82 a1 30 01 a1 31 02 a1 61 80"));
}

TEST_CASE("sorted is what msgpack_serialize makes of the state dict, positions in lists included") {
  guide::TemporaryDirectory root;
  std::map<std::string, std::vector<guide::Checkpoint>> state{{"z", std::vector<guide::Checkpoint>(12)}, {"a", {guide::checkpoint()}}};
  const std::string path = fx::save_checkpoint_multiprocess(root.path(), state, 0, {.backend = fx::Backend::msgpack});
  CHECK(content(path) == fx::msgpack_serialize(fx::to_state_dict(state)));
  CHECK(fx::restore_checkpoint(path)["z"].keys() == Names{"0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"});
  fx::AsyncManager manager;
  const std::string late =
      fx::save_checkpoint_multiprocess(root.path(), state, 1, {.async_manager = &manager, .backend = fx::Backend::msgpack});
  manager.result();
  CHECK(content(late) == fx::msgpack_serialize(fx::to_state_dict(state)));
}

TEST_CASE("with msgpack what stays is what save_checkpoint leaves, and an older step is refused") {
  const fx::SaveCheckpointOptions options{.keep = 2, .backend = fx::Backend::msgpack};
  CHECK(after({{1, false}, {2, false}, {3, false}}, options) == Names{"checkpoint_2", "checkpoint_3"});
  CHECK_THROWS_AS(after({{2, false}, {1, false}}, options), AlreadyExistsError);
}

TEST_CASE("with Orbax what goes is chosen before the save, so that one more than keep stays") {
  AsyncCheckpointer async;
  for (AsyncCheckpointer* checkpointer : {static_cast<AsyncCheckpointer*>(nullptr), &async}) {
    const fx::SaveCheckpointOptions options{.orbax_checkpointer = checkpointer};
    CHECK(after({{0, false}, {1, false}, {2, false}}, options) == Names{"checkpoint_1", "checkpoint_2"});
    CHECK(after({{0, false}, {1, false}, {2, false}, {1, true}}, options) == Names{"checkpoint_1"});
    CHECK(after({{5, false}, {1, false}}, options) == Names{"checkpoint_1", "checkpoint_5"});
    CHECK(after({{0, false}, {1, false}}, {.keep = -1, .orbax_checkpointer = checkpointer}) == Names{"checkpoint_1"});
  }
}

TEST_CASE("nothing goes where the save is refused") {
  guide::TemporaryDirectory root;
  for (int step : {0, 1, 2}) fx::save_checkpoint(root.path(), guide::TrainState{}, step, {.keep = 3});
  CHECK_THROWS_AS(fx::save_checkpoint_multiprocess(root.path(), guide::TrainState{}, 2), AlreadyExistsError);
  CHECK_THROWS_AS(fx::save_checkpoint_multiprocess(root.path(), 1.5, 3), ArgumentError);
  CHECK(root.names() == Names{"checkpoint_0", "checkpoint_1", "checkpoint_2"});
}
