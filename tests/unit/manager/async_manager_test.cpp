// CheckpointManager in the background: what it counts, when it waits, what a failure does to the list of steps.
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;
using Steps = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

struct State {
  std::int64_t number = 0;
  Array<float> values{{3}};
};

State numbered(std::int64_t n) { return {n, Array<float>::full({3}, static_cast<float>(n))}; }
bool is_whole(const State& state, std::int64_t n) { return state.number == n && state.values == numbered(n).values; }

// Holds the save in the background until told to go on; may then fail it.
struct Gate {
  std::atomic<bool> open{false};
  std::atomic<bool> fails{false};
  ManagerSaveArgs args() {
    ManagerSaveArgs held;
    held.save.durability = Durability::fast;
    held.save.on_progress = [this](const Progress&) {
      while (!open) std::this_thread::sleep_for(std::chrono::microseconds(100));
      if (fails) throw IoError("the disk is full", ENOSPC);
    };
    return held;
  }
};

}  // namespace

TEST_CASE("a step counts from the call on, here, and for others when it is whole") {
  ScratchDirectory scratch;
  AsyncCheckpointer async;
  CheckpointManager manager(scratch / "m", async, {.max_to_keep = 1});
  CheckpointManager other(scratch / "m", {.read_only = true});
  manager.save(0, numbered(0));
  manager.wait_until_finished();
  Gate gate;
  State state = numbered(1);
  CHECK(manager.save(1, state, gate.args()));
  state = numbered(100);  // a copy was taken
  CHECK(manager.is_saving_in_progress());
  CHECK(manager.all_steps() == Steps{1});
  CHECK(manager.all_steps(true) == Steps{1});
  CHECK(manager.latest_step() == 1);
  CHECK(other.all_steps(true) == Steps{0});
  CHECK_FALSE(manager.save(1, state));
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    gate.open = true;
  });
  CHECK(is_whole(manager.restore<State>(1), 1));  // waits
  opener.join();
  CHECK_FALSE(manager.is_saving_in_progress());
  manager.wait_until_finished();
  CHECK(other.all_steps(true) == Steps{1});
  CHECK(storage::list_directory(scratch / "m") == Names{"1"});
}

TEST_CASE("states are copied, taken over or lent, alone and among items") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "a", {.enable_async_checkpointing = true});
  CheckpointManager several(scratch / "b", {.enable_async_checkpointing = true});
  State lent = numbered(2);
  auto config = std::make_unique<JsonItem>(JsonItem{R"({"a": 1})"});
  Array<double> noise = Array<double>::full({4}, 0.5);
  manager.save(0, numbered(0));
  State given = numbered(1);
  manager.save(1, std::move(given));
  manager.save(2, borrow(lent));
  State named = numbered(3);
  several.save(
      0, Composite{{"state", named}, {"lent", borrow(lent)}, {"given", numbered(4)}, {"config", *config}, {"noise", ArrayItem{noise}}});
  named = numbered(100);
  config.reset();
  for (std::int64_t step = 0; step < 3; ++step) CHECK(is_whole(manager.restore<State>(step), step));
  const auto [a, b, c, d, e] =
      several.restore(0, items<State, State, State, JsonItem, ArrayItem<Array<double>>>("state", "lent", "given", "config", "noise"));
  CHECK(is_whole(a, 3));
  CHECK(is_whole(b, 2));
  CHECK(is_whole(c, 4));
  CHECK(d.text == R"({"a": 1})");
  CHECK(e.array == noise);
}

namespace {

// An item that cannot be copied.
struct Log {
  std::unique_ptr<std::string> text = std::make_unique<std::string>("log");
};

}  // namespace

template <>
struct orrery::ItemHandler<Log> {
  static constexpr std::string_view name = "logs.LogHandler";
  static void save(const std::string& directory, const Log& log, const SaveOptions&) { storage::write_file(directory + "/log", *log.text); }
  static Log restore(const std::string& directory, const RestoreOptions&) {
    return {std::make_unique<std::string>(storage::read_file(directory + "/log", 1000))};
  }
};

TEST_CASE("an item that cannot be copied is given away or lent to a save in the background") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.enable_async_checkpointing = true}), at_once(scratch / "n");
  Log log;
  CHECK_THROWS_WITH_AS(manager.save(0, log), doctest::Contains("cannot be copied"), ArgumentError);
  CHECK(manager.all_steps().empty());
  manager.save(0, borrow(log));
  manager.wait_until_finished();
  manager.save(1, std::move(log));
  CHECK(*manager.restore<Log>(0).text == "log");
  CHECK(*manager.restore<Log>(1).text == "log");
  Log other;
  at_once.save(0, other);
  CHECK(*at_once.restore<Log>(0).text == "log");
}

TEST_CASE("a save that fails behind is thrown by the next call, once, and its step no longer counts") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.max_to_keep = 1, .enable_async_checkpointing = true});
  manager.save(0, numbered(0));
  manager.wait_until_finished();
  for (const bool by_save : {true, false}) {
    Gate gate;
    gate.fails = true;
    manager.save(1, numbered(1), gate.args());
    CHECK(manager.all_steps() == Steps{1});
    gate.open = true;
    if (by_save)
      CHECK_THROWS_WITH_AS(manager.save(2, numbered(2)), doctest::Contains("the disk is full"), IoError);
    else
      CHECK_THROWS_WITH_AS(manager.wait_until_finished(), doctest::Contains("the disk is full"), IoError);
    CHECK(manager.all_steps() == Steps{0});  // what would have gone for it is still there
    CHECK_NOTHROW(manager.check_for_errors());
    CHECK(storage::list_directory(scratch / "m") == Names{"0"});
  }
  CHECK(manager.save(1, numbered(1)));
  manager.close();
  CHECK(manager.all_steps() == Steps{1});
  CHECK(storage::list_directory(scratch / "m") == Names{"1"});
}

TEST_CASE("a cancelled save leaves the steps there were") {
  ScratchDirectory scratch;
  AsyncCheckpointer async;
  CheckpointManager manager(scratch / "m", async);
  CHECK_FALSE(manager.cancel());
  manager.save(0, numbered(0));
  manager.wait_until_finished();
  Gate gate;
  manager.save(1, numbered(1), gate.args());
  CHECK(async.cancel());
  gate.open = true;
  CHECK_THROWS_AS(manager.wait_until_finished(), CancelledError);
  CHECK(manager.all_steps() == Steps{0});
  CHECK(storage::list_directory(scratch / "m") == Names{"0"});
}

TEST_CASE("the destructor waits for the pending save") {
  ScratchDirectory scratch;
  AsyncCheckpointer async;
  Gate gate;
  std::thread opener;
  {
    CheckpointManager manager(scratch / "m", async, {.max_to_keep = 1});
    manager.save(0, numbered(0));
    manager.save(1, numbered(1), gate.args());
    opener = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      gate.open = true;
    });
  }
  opener.join();
  CHECK(storage::list_directory(scratch / "m") == Names{"1"});
}

TEST_CASE("deleting the step that is being saved waits until it is there") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.enable_async_checkpointing = true});
  manager.save(0, numbered(0));
  manager.delete_step(0);
  manager.wait_until_finished();
  CHECK(manager.all_steps(true).empty());
  CHECK(storage::list_directory(scratch / "m").empty());
}

TEST_CASE("continuous checkpointing skips while a save is under way") {
  ScratchDirectory scratch;
  CheckpointManager manager(scratch / "m", {.enable_async_checkpointing = true, .save_decision_policy = ContinuousCheckpointingPolicy{}});
  Gate gate;
  CHECK(manager.save(0, numbered(0), gate.args()));
  CHECK_FALSE(manager.save(1, numbered(1)));
  gate.open = true;
  manager.wait_until_finished();
  CHECK(manager.save(2, numbered(2)));
  manager.close();
  CHECK(manager.all_steps(true) == Steps{0, 2});
}

TEST_CASE("a thousand saves in the background keep what they should") {
  ScratchDirectory scratch;
  AsyncCheckpointer async;
  CheckpointManager manager(scratch / "m", async, {.max_to_keep = 3});
  for (std::int64_t step = 0; step < 1000; ++step) manager.save(step, numbered(step), {.save = {.durability = Durability::fast}});
  manager.close();
  CHECK(manager.all_steps(true) == Steps{997, 998, 999});
  CHECK(storage::list_directory(scratch / "m") == Names{"997", "998", "999"});
  CHECK(is_whole(manager.restore<State>(), 999));
}
