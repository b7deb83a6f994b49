// The engine by itself: turns, jobs of several items, and what happens to a save that is never submitted.
#include "orrery/orbax/async_engine.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gate.hpp"
#include "item_files.hpp"
#include "orrery/orbax/save_item.hpp"

namespace {

using namespace orrery;
using namespace std::chrono_literals;
using orbax::AsyncEngine;
using orbax::SaveControl;
using storage_test::ScratchDirectory;

using State = std::map<std::string, Array<float>>;
State filled(float value, Dim elements = 1000) {
  Array<float> array({elements});
  for (Dim i = 0; i < elements; ++i) array.data()[i] = value;
  return {{"w", std::move(array)}};
}

}  // namespace

TEST_CASE("one save may have several snapshots, and makes what its job makes") {
  ScratchDirectory scratch;
  AsyncEngine engine;
  for (int round = 0; round < 3; ++round) {
    State small = filled(1, 10), large = filled(2, 3 << 20), lent = filled(3);
    const std::string step = scratch / ("step" + std::to_string(round));
    AsyncEngine::Turn turn = engine.start(step);
    auto first = turn.snapshot(small), second = turn.snapshot(large), third = turn.snapshot(borrow(lent)),
         fourth = turn.snapshot(filled(4));
    small = large = filled(9);
    turn.submit([=](SaveControl& control) {
      storage::AtomicDirectory directory(step, {.durability = Durability::fast});
      SaveOptions options{.durability = Durability::fast, .on_progress = control.on_progress()};
      int item = 0;
      for (const auto& snapshot : {first, second, third, fourth}) {
        const std::string path = directory.path() + "/" + std::to_string(++item);
        storage::make_directory(path);
        orbax::write_item(path, snapshot->view(), options);
      }
      control.enter(Phase::committing);
      directory.commit();
    });
    engine.wait_until_finished();
    for (int item = 1; item <= 4; ++item) {
      const auto found = PyTreeCheckpointer().restore<State>(step + "/" + std::to_string(item));
      CHECK(found.at("w").data()[5] == static_cast<float>(item));
    }
  }
  CHECK(engine.staged_bytes() < (16 << 20));
}

TEST_CASE("a turn that is not submitted saves nothing and lets the next one come") {
  AsyncEngine engine;
  { const AsyncEngine::Turn turn = engine.start("/nowhere/a"); }
  CHECK_FALSE(engine.is_pending("/nowhere/a"));
  bool ran = false;
  AsyncEngine::Turn turn = engine.start("/nowhere/b");
  CHECK(engine.is_pending("/nowhere/b"));
  AsyncEngine::Turn moved = std::move(turn);
  moved.submit([&](SaveControl&) { ran = true; });
  engine.wait_until_finished();
  CHECK(ran);
}

TEST_CASE("copying can be cancelled, and is late after the timeout") {
  AsyncEngine engine({.timeout = 20ms});
  const State state = filled(1, 8 << 20);
  {
    const AsyncEngine::Turn turn = engine.start("/nowhere/a");
    CHECK(engine.cancel());
    CHECK_THROWS_AS(turn.snapshot(state), CancelledError);
  }
  {
    const AsyncEngine::Turn turn = engine.start("/nowhere/a");
    std::this_thread::sleep_for(25ms);
    try {
      turn.snapshot(state);
      FAIL("nothing was thrown");
    } catch (const TimeoutError& error) {
      CHECK(std::string(error.what()).find("it was copying") != std::string::npos);
    }
  }
  engine.wait_until_finished();
}

TEST_CASE("a save that is cancelled before its job has begun does not begin it") {
  AsyncEngine engine;
  bool ran = false;
  AsyncEngine::Turn turn = engine.start("/nowhere/a");
  engine.cancel();
  turn.submit([&](SaveControl&) { ran = true; });
  CHECK_THROWS_AS(engine.wait_until_finished(), CancelledError);
  CHECK_FALSE(ran);
}

TEST_CASE("what a job has been given is gone when the wait is over, also after an error") {
  AsyncEngine engine;
  auto held = std::make_shared<int>(1);
  for (const bool fails : {false, true}) {
    AsyncEngine::Turn turn = engine.start("/nowhere/a");
    turn.submit([held, fails](SaveControl&) {
      if (fails) throw std::runtime_error("no");
    });
    if (fails)
      CHECK_THROWS_WITH(engine.wait_until_finished(), "no");
    else
      engine.wait_until_finished();
    CHECK(held.use_count() == 1);
  }
}

TEST_CASE("a pending path is known by any of its names, and by what is above and below it") {
  ScratchDirectory scratch;
  AsyncEngine engine;
  const AsyncEngine::Turn turn = engine.start(scratch / "root/7");
  storage::make_directory(scratch / "root");
  for (const char* name : {"root/7", "root/7/", "root/../root/./7", "root/7/item", "root"}) CHECK(engine.is_pending(scratch / name));
  for (const char* name : {"root/70", "root/8", "roo"}) CHECK_FALSE(engine.is_pending(scratch / name));
  REQUIRE(::symlink(scratch.path().c_str(), (scratch.path() + "-link").c_str()) == 0);
  CHECK(engine.is_pending(scratch.path() + "-link/root/7"));
  storage::remove_file(scratch.path() + "-link");
}
