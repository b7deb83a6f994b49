// A state that cannot even be described in one of the processes that save it together: all of them hear of it, and none waits.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/distributed/thread_coordinator.hpp"
#include "orrery/flax.hpp"
#include "orrery/sharding.hpp"
#include "storage/scratch.hpp"

namespace save_together_errors_test {

using namespace orrery;

// What a simulation holds in memory of a device that may be gone.
struct Device {
  bool is_lost = false;
  Array<float> read() const {
    if (is_lost) throw IoError("read the device's memory", EIO);
    return Array<float>({2});
  }
};

struct State {
  std::int64_t step = 0;
  Device before{};
  std::variant<std::int64_t, std::map<std::string, std::int64_t>> choice{};
  std::map<std::string, ShardedArray<float>> params{};
  Device after{};
};
// ... without sharded arrays.
struct Plain {
  Device before{};
  std::variant<std::int64_t, std::map<std::string, std::int64_t>> choice{};
  Device after{};
};

}  // namespace save_together_errors_test

template <>
struct orrery::Reflect<save_together_errors_test::Device> {
  static constexpr auto fields = orrery::fields(orrery::field("memory", &save_together_errors_test::Device::read));
};

namespace save_together_errors_test {

namespace {

using storage_test::ScratchDirectory;

SaveOptions quick(SaveOptions options = {}) {
  options.durability = Durability::fast;
  options.meeting_timeout = std::chrono::seconds(5);
  return options;
}

State state_of(const std::shared_ptr<Coordinator>& world) {
  State state;
  state.params.emplace("cut", ShardedArray<float>({12}, NamedSharding(Mesh(world, {world->size()}, {"x"}), {"x"})));
  return state;
}

// Ranks 0 to 2; the state of rank 1 is broken. What each call throws, by ranks.
using Save = std::function<void(const std::shared_ptr<Coordinator>&, State&)>;
using Break = std::function<void(State&)>;
std::vector<std::string> troubles_of(const Save& save, const Break& spoil) {
  std::vector<std::string> troubles(3);
  const auto start = std::chrono::steady_clock::now();
  const auto thrown = run_ranks(3, [&](const std::shared_ptr<Coordinator>& world) {
    State state = state_of(world);
    if (world->rank() == 1) spoil(state);
    save(world, state);
  });
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
  for (std::size_t rank = 0; rank < thrown.size(); ++rank) try {
      if (thrown[rank]) std::rethrow_exception(thrown[rank]);
    } catch (const std::exception& error) {
      troubles[rank] = error.what();
    }
  return troubles;
}

void check_all_hear(const Save& save) {
  struct Throws {
    operator std::map<std::string, std::int64_t>() const { throw Error("no map"); }
  };
  const std::pair<Break, std::string> cases[] = {
      {[](State& state) { state.before.is_lost = true; }, "read the device's memory"},
      {[](State& state) { state.after.is_lost = true; }, "read the device's memory"},
      {[](State& state) {
         try {
           state.choice.emplace<1>(Throws());
         } catch (const Error&) {
         }
       },
       "a valueless variant cannot be stored"},
  };
  for (const auto& [spoil, message] : cases) {
    const std::vector<std::string> troubles = troubles_of(save, spoil);
    for (const std::string& trouble : troubles) {
      INFO(trouble);
      CHECK(trouble.find("rank 1 failed at \"the beginning of ") != std::string::npos);
      CHECK(trouble.find(message) != std::string::npos);
      CHECK(trouble == troubles[0]);
    }
  }
}

TEST_CASE("PyTreeCheckpointer: all processes hear of a state that cannot be described in one") {
  ScratchDirectory scratch;
  check_all_hear([&](const std::shared_ptr<Coordinator>&, State& state) { PyTreeCheckpointer().save(scratch / "item", state, quick()); });
  CHECK(storage::list_entries(scratch.path()).empty());
}

TEST_CASE("AsyncCheckpointer: copied, lent or given away, and the next save works") {
  ScratchDirectory scratch;
  const auto check = [&](const auto& save) {
    check_all_hear([&](const std::shared_ptr<Coordinator>&, State& state) {
      AsyncCheckpointer checkpointer;
      save(checkpointer, state);
      checkpointer.wait_until_finished();
    });
    CHECK(storage::list_entries(scratch.path()).empty());
  };
  check([&](AsyncCheckpointer& checkpointer, State& state) { checkpointer.save(scratch / "item", state, quick()); });
  check([&](AsyncCheckpointer& checkpointer, State& state) { checkpointer.save(scratch / "item", borrow(state), quick()); });
  check([&](AsyncCheckpointer& checkpointer, State& state) { checkpointer.save(scratch / "item", std::move(state), quick()); });

  for (const std::exception_ptr& thrown : run_ranks(2, [&](const std::shared_ptr<Coordinator>& world) {
         AsyncCheckpointer checkpointer;
         State state = state_of(world);
         state.before.is_lost = world->rank() == 1;
         checkpointer.save(scratch / "item", state, quick());
         state.before.is_lost = false;
         CHECK_THROWS_AS(checkpointer.save(scratch / "item", state, quick()), IoError);  // what the one before failed with
         checkpointer.save(scratch / "item", state, quick());
         checkpointer.wait_until_finished();
       }))
    CHECK(!thrown);
  CHECK(storage::list_entries(scratch.path()).size() == 1);
}

TEST_CASE("CheckpointManager: at once and in the background, one state or several items, and the next step is saved") {
  ScratchDirectory scratch;
  const ManagerSaveArgs args{.save = quick()};
  for (const bool in_background : {false, true})
    for (const bool several : {false, true}) {
      const auto save = [&](CheckpointManager& manager, std::int64_t step, State& state) {
        if (several)
          manager.save(step, Composite{{"config", JsonItem{"{}"}}, {"state", state}}, args);
        else
          manager.save(step, state, args);
      };
      const std::string directory = scratch / (std::string(in_background ? "background" : "at_once") + (several ? "_several" : "_one"));
      storage::make_directory(directory);
      check_all_hear([&](const std::shared_ptr<Coordinator>&, State& state) {
        const AsyncCheckpointer checkpointer;
        CheckpointManager manager = in_background ? CheckpointManager(directory, checkpointer) : CheckpointManager(directory);
        std::exception_ptr failure;
        try {
          save(manager, 1, state);
          manager.wait_until_finished();
        } catch (...) {
          failure = std::current_exception();
        }
        CHECK(manager.all_steps().empty());
        State next = state_of(state.params.at("cut").sharding().mesh().coordinator());
        save(manager, 2, next);
        manager.wait_until_finished();
        CHECK(manager.all_steps() == std::vector<std::int64_t>{2});
        manager.delete_step(2);
        std::rethrow_exception(failure);
      });
    }
}

TEST_CASE("CheckpointManager: a manager that knows its processes tells them of a state without sharded arrays") {
  ScratchDirectory scratch;
  for (const bool in_background : {false, true})
    check_all_hear([&](const std::shared_ptr<Coordinator>& world, State& state) {
      const AsyncCheckpointer checkpointer;
      const CheckpointManagerOptions options{.processes = world};
      CheckpointManager manager =
          in_background ? CheckpointManager(scratch / "steps", checkpointer, options) : CheckpointManager(scratch / "steps", options);
      const Plain plain{state.before, std::move(state.choice), state.after};
      manager.save(1, plain, {.save = quick()});
      manager.wait_until_finished();
    });
}

TEST_CASE("save_checkpoint_multiprocess: at once and in the background") {
  ScratchDirectory scratch;
  for (const bool in_background : {false, true})
    check_all_hear([&](const std::shared_ptr<Coordinator>&, State& state) {
      AsyncCheckpointer checkpointer;
      flax::SaveCheckpointOptions options{
          .backend = flax::Backend::orbax, .durability = Durability::fast, .meeting_timeout = std::chrono::seconds(5)};
      if (in_background) options.orbax_checkpointer = &checkpointer;
      flax::save_checkpoint_multiprocess(scratch / "flax", state, 1, options);
      checkpointer.wait_until_finished();
    });
}

TEST_CASE("a process that is alone throws what it has found, as it is and at once") {
  ScratchDirectory scratch;
  Plain plain;
  plain.before.is_lost = true;
  AsyncCheckpointer in_background;
  const auto is_plain = [](const auto& save) {
    try {
      save();
    } catch (const IoError& error) {
      return std::string(error.what()).find("rank") == std::string::npos;
    }
    return false;
  };
  CHECK(is_plain([&] { PyTreeCheckpointer().save(scratch / "item", plain, quick()); }));
  CHECK(is_plain([&] { in_background.save(scratch / "item", plain, quick()); }));
  CHECK(is_plain([&] { CheckpointManager(scratch / "steps").save(1, plain, {.save = quick()}); }));
  CHECK(is_plain([&] { flax::save_checkpoint(scratch / "flax", plain, 1); }));
  State whole;
  whole.before.is_lost = true;
  whole.params.emplace("cut", ShardedArray<float>({8}, NamedSharding(Mesh::local({4}, {"x"}), {"x"})));
  CHECK(is_plain([&] { PyTreeCheckpointer().save(scratch / "item", whole, quick()); }));
}

}  // namespace

}  // namespace save_together_errors_test
