#include "orrery/storage/worker_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

using orrery::storage::WorkerPool;

TEST_CASE("every index is worked through once, run after run") {
  WorkerPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> done(97, 0);
    pool.run(done.size(), [&](std::size_t index) { ++done[index]; });
    CHECK(done == std::vector<int>(97, 1));
  }
}

TEST_CASE("the first exception reaches the caller, and the pool works on afterwards") {
  WorkerPool pool(3);
  std::atomic<int> begun = 0;
  CHECK_THROWS_WITH_AS(pool.run(100'000,
                                [&](std::size_t index) {
                                  ++begun;
                                  if (index == 5) throw std::runtime_error("five");
                                }),
                       "five", std::runtime_error);
  CHECK(begun < 100'000);
  int sum = 0;
  pool.run(1, [&](std::size_t index) { sum += static_cast<int>(index) + 1; });
  CHECK(sum == 1);
}

TEST_CASE("threads work at the same time") {
  WorkerPool pool(2);
  std::atomic<int> arrived = 0;
  pool.run(2, [&](std::size_t) {  // each waits for the other
    ++arrived;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST_CASE("small work stays on the caller's thread, and so does work within work") {
  WorkerPool pool(4);
  std::thread::id by;
  pool.run(1, [&](std::size_t) { by = std::this_thread::get_id(); });
  CHECK(by == std::this_thread::get_id());
  pool.run(0, [](std::size_t) { FAIL("nothing to do"); });
  std::atomic<int> calls = 0;
  pool.run(4, [&](std::size_t) {
    const std::thread::id mine = std::this_thread::get_id();
    pool.run(4, [&](std::size_t) { calls += std::this_thread::get_id() == mine ? 1 : 100; });
  });
  CHECK(calls == 16);
}
