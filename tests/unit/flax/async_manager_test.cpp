#include "orrery/flax/async_manager.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "orbax/gate.hpp"
#include "orrery/flax.hpp"
#include "storage/scratch.hpp"

using namespace orrery;
namespace fx = orrery::flax;
using gate_test::Failing;
using gate_test::Gate;
using storage::FileOperation;
using storage::ScopedFileSystemHook;
using storage_test::ScratchDirectory;
using Names = std::vector<std::string>;

namespace {

struct State {
  std::int64_t step = 0;
  Array<double> data = Array<double>({1000});
};

State state_of(std::int64_t step) { return {step, Array<double>::full({1000}, static_cast<double>(step))}; }

fx::SaveCheckpointOptions with(fx::AsyncManager& manager) {
  return {.async_manager = &manager, .backend = fx::Backend::msgpack, .durability = Durability::fast};
}

Names names(const ScratchDirectory& root) {
  Names found = storage::list_directory(root.path());
  return fx::natural_sort(std::move(found));
}

// What the log handler has been told, from whichever thread.
struct Log {
  struct Line {
    LogLevel level;
    std::string text;
  };
  Log() {
    set_log_handler([this](LogLevel level, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back({level, std::string(text)});
    });
  }
  ~Log() { set_log_handler(nullptr); }
  int count(LogLevel level, std::string_view part) {
    const std::lock_guard lock(mutex_);
    int found = 0;
    for (const Line& line : lines_) found += line.level == level && line.text.find(part) != std::string::npos;
    return found;
  }

 private:
  std::mutex mutex_{};
  std::vector<Line> lines_{};
};

constexpr std::string_view not_finished =
    "The previous async save_checkpoint has not finished yet. Waiting for it to complete before the next save.";

}  // namespace

TEST_CASE("a save with a manager returns before the file is there, and stores the state as it was") {
  ScratchDirectory root;
  fx::AsyncManager manager;
  State state = state_of(3);
  {
    Gate gate(FileOperation::create);
    const ScopedFileSystemHook scope(gate);
    CHECK(fx::save_checkpoint(root.path(), state, 3, with(manager)) == root / "checkpoint_3");
    gate.wait_for_arrival();
    CHECK(names(root).empty());
    state.step = 4;
    state.data.data()[5] = -1;
    gate.open();
    manager.result();
  }
  const State back = fx::restore_checkpoint<State>(root.path());
  CHECK(back.step == 3);
  CHECK(back.data == state_of(3).data);
}

TEST_CASE("the next save waits for the one before, with a warning") {
  ScratchDirectory root;
  Log log;
  fx::AsyncManager manager;
  Gate gate(FileOperation::create);
  const ScopedFileSystemHook scope(gate);
  fx::save_checkpoint(root.path(), state_of(0), 0, with(manager));
  gate.wait_for_arrival();
  CHECK(log.count(LogLevel::warning, not_finished) == 0);
  std::thread late([&] { fx::save_checkpoint(root.path(), state_of(1), 1, with(manager)); });
  while (log.count(LogLevel::warning, not_finished) == 0) std::this_thread::yield();
  CHECK(names(root).empty());
  gate.open();
  late.join();
  manager.wait_previous_save();
  CHECK(names(root) == Names{"checkpoint_1"});
  CHECK(fx::restore_checkpoint<State>(root.path()).step == 1);
}

TEST_CASE("the next save sees what the one before has committed: an older step is refused, the directory cleaned up") {
  Log log;
  ScratchDirectory root;
  fx::AsyncManager manager;
  fx::SaveCheckpointOptions options = with(manager);
  options.keep = 2;
  for (int step : {1, 2, 3}) fx::save_checkpoint(root.path(), state_of(step), step, options);
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), state_of(2), 2, options), AlreadyExistsError);
  manager.wait_previous_save();
  CHECK(names(root) == Names{"checkpoint_2", "checkpoint_3"});
  options.overwrite = true;
  fx::save_checkpoint(root.path(), state_of(20), 2, options);
  manager.result();
  CHECK(names(root) == Names{"checkpoint_2"});
  CHECK(fx::restore_checkpoint<State>(root.path()).step == 20);
}

TEST_CASE("waiting where nothing is under way returns at once and warns nobody") {
  Log log;
  fx::AsyncManager manager;
  manager.wait_previous_save();
  manager.result();
  CHECK(log.count(LogLevel::warning, "") == 0);
}

TEST_CASE("what cannot be stored is an error of the call, and leaves no file") {
  ScratchDirectory root;
  fx::AsyncManager manager;
  CHECK_THROWS_AS(fx::save_checkpoint(root.path(), std::string("\xff"), 0, with(manager)), ArgumentError);
  manager.result();
  CHECK(names(root).empty());
  fx::save_checkpoint(root.path(), state_of(0), 0, with(manager));  // the turn was given back
  manager.result();
  CHECK(names(root) == Names{"checkpoint_0"});
}

TEST_CASE("what goes wrong in the background is thrown by the next save, once, and nothing is left of it") {
  Log log;
  ScratchDirectory root;
  fx::AsyncManager manager;
  {
    Failing full(FileOperation::write, ENOSPC);
    const ScopedFileSystemHook scope(full);
    fx::save_checkpoint(root.path(), state_of(0), 0, with(manager));
    CHECK_THROWS_AS(manager.result(), IoError);
    fx::save_checkpoint(root.path(), state_of(0), 0, with(manager));
    CHECK_THROWS_AS(fx::save_checkpoint(root.path(), state_of(1), 1, with(manager)), IoError);
  }
  CHECK(names(root).empty());
  fx::save_checkpoint(root.path(), state_of(2), 2, with(manager));
  manager.result();
  CHECK(names(root) == Names{"checkpoint_2"});
}

TEST_CASE("as in Flax, if so told, the next save does not throw what a finished one has failed with, but the log has it") {
  Log log;
  std::atomic<bool> done{false};
  fx::AsyncManager manager({.throw_finished_errors = false});
  const auto failing = [&done] {
    while (!done) std::this_thread::yield();
    throw std::runtime_error("no space");
  };
  manager.save_async(failing);
  std::thread late([&] { done = true; });
  CHECK_THROWS_WITH(manager.wait_previous_save(), "no space");  // it had to wait
  late.join();

  manager.save_async([] { throw std::runtime_error("too late"); });
  while (log.count(LogLevel::error, "a save in the background has failed: too late") == 0) {
    try {
      manager.wait_previous_save();
    } catch (const std::runtime_error&) {  // it had to wait after all
      manager.save_async([] { throw std::runtime_error("too late"); });
    }
  }
  CHECK_NOTHROW(manager.result());
  manager.save_async([] { throw std::runtime_error("asked"); });
  CHECK_THROWS_WITH(manager.result(), "asked");
}

TEST_CASE("an unseen error is told to the log by the destructor, which waits") {
  Log log;
  ScratchDirectory root;
  {
    fx::AsyncManager manager;
    fx::save_checkpoint(root.path(), state_of(0), 0, with(manager));
  }
  CHECK(names(root) == Names{"checkpoint_0"});
  {
    fx::AsyncManager manager;
    manager.save_async([] { throw std::runtime_error("nobody asks"); });
  }
  CHECK(log.count(LogLevel::error, "nobody asks") == 1);
}

TEST_CASE("with the Orbax backend a manager is only waited for") {
  Log log;
  ScratchDirectory root;
  fx::AsyncManager manager;
  manager.save_async([] { throw std::runtime_error("before"); });
  fx::SaveCheckpointOptions options = with(manager);
  options.backend = fx::Backend::orbax;
  CHECK_THROWS_WITH(fx::save_checkpoint(root.path(), state_of(0), 0, options), "before");
  CHECK(names(root).empty());
  fx::save_checkpoint(root.path(), state_of(0), 0, options);
  CHECK(storage::exists(root / "checkpoint_0/_METADATA"));
}

TEST_CASE("the last of many saves is the one that is there") {
  Log log;
  ScratchDirectory root;
  fx::AsyncManager manager;
  for (int step = 0; step < 50; ++step) fx::save_checkpoint(root.path(), state_of(step), step, with(manager));
  manager.wait_previous_save();
  CHECK(names(root) == Names{"checkpoint_49"});
  CHECK(fx::restore_checkpoint<State>(root.path()).data == state_of(49).data);
}
