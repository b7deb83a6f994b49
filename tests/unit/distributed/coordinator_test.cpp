#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/distributed/rank_tree.hpp"
#include "orrery/distributed/single_process.hpp"
#include "orrery/distributed/thread_coordinator.hpp"

using namespace orrery;
using namespace std::chrono_literals;
using World = std::shared_ptr<Coordinator>;

namespace {

void rethrow_any(const std::vector<std::exception_ptr>& thrown) {
  for (const std::exception_ptr& error : thrown)
    if (error) std::rethrow_exception(error);
}

std::string text_of(const std::exception_ptr& error) {
  if (!error) return {};
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

template <class E>
bool is_a(const std::exception_ptr& error) {
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

TEST_CASE("one process waits for nobody") {
  const World world = single_process();
  CHECK(world->rank() == 0);
  CHECK(world->size() == 1);
  world->barrier("here", deadline_in(0s));
  CHECK(world->broadcast("news", "there", deadline_in(0s)) == "news");
  CHECK(world->gather("mine", "everywhere", deadline_in(0s)) == std::vector<std::string>{"mine"});
  world->all_reduce_error(nullptr, "end", deadline_in(0s));
  CHECK_THROWS_WITH_AS(world->attempt("writing", deadline_in(0s), [] { throw std::out_of_range("as it is"); }), "as it is",
                       std::out_of_range);
  CHECK(world->duplicate("another", deadline_in(0s))->size() == 1);
  CHECK_FALSE(world->has_failed());
}

TEST_CASE("every rank is below its parent, in a tree that is as deep as the number of ranks has bits") {
  for (const int size : {1, 2, 3, 5, 8, 13, 64, 100, 16384}) {
    std::vector<int> reached(static_cast<std::size_t>(size));
    for (int rank = 0; rank < size; ++rank) {
      int below = 1;
      for (const int child : distributed::children_of(rank, size)) {
        CHECK(distributed::parent_of(child) == rank);
        CHECK(distributed::depth_of(child) == distributed::depth_of(rank) + 1);
        ++reached[static_cast<std::size_t>(child)];
        const auto [first, end] = distributed::ranks_below(child, size);
        CHECK(first == child);
        below += end - first;
      }
      const auto [first, end] = distributed::ranks_below(rank, size);
      if (below != end - first) CHECK(below == end - first);
      if (distributed::depth_of(rank) > 14) CHECK(distributed::depth_of(rank) <= 14);
    }
    for (std::size_t rank = 1; rank < reached.size(); ++rank)
      if (reached[rank] != 1) CHECK(reached[rank] == 1);
  }
  CHECK(distributed::rank_list({7}) == "rank 7");
  CHECK(distributed::rank_list({4, 3, 4}) == "ranks 3 and 4");
  CHECK(distributed::rank_list({9, 1, 2, 3, 12, 8}) == "ranks 1 to 3, 8, 9 and 12");
}

TEST_CASE("nobody leaves a barrier before everybody has come") {
  for (const int size : {2, 3, 7, 12}) {
    std::atomic<int> arrived{0};
    rethrow_any(run_ranks(size, [&](const World& world) {
      for (int round = 1; round <= 20; ++round) {
        if (world->rank() == round % size) std::this_thread::sleep_for(1ms);
        ++arrived;
        world->barrier("round " + std::to_string(round), deadline_in(30s));
        if (arrived < size * round) throw std::runtime_error("too early");
      }
    }));
  }
}

TEST_CASE("broadcast, gather and messages between two ranks bring bytes to where they belong") {
  for (const int size : {2, 5, 8, 11}) {
    rethrow_any(run_ranks(size, [&](const World& world) {
      const auto until = deadline_in(30s);
      for (int round = 0; round < 5; ++round) {
        const std::string news = std::string(static_cast<std::size_t>(round) * 1000, 'x') + std::string(1, '\0') + std::to_string(round);
        if (world->broadcast(world->rank() == 0 ? news : "ignored", "news", until) != news) throw std::runtime_error("broadcast");
        const std::vector<std::string> all = world->gather("of " + std::to_string(world->rank()), "all", until);
        if (all.size() != (world->rank() == 0 ? static_cast<std::size_t>(size) : 0)) throw std::runtime_error("gather size");
        for (std::size_t i = 0; i < all.size(); ++i)
          if (all[i] != "of " + std::to_string(i)) throw std::runtime_error("gather");
        if (world->rank() == size - 1) world->send(0, news, "two", until);
        if (world->rank() == 0 && world->receive(size - 1, "two", until) != news) throw std::runtime_error("receive");
      }
    }));
  }
}

TEST_CASE("an error in one rank is thrown in all, as the same exception that names the rank, the phase and the leaf") {
  for (const int size : {2, 6}) {
    const int failing = size - 1;
    std::mutex mutex;
    int agreed = 0;
    const auto thrown = run_ranks(size, [&](const World& world) {
      world->attempt("reading", deadline_in(30s), [] {});
      try {
        world->attempt("writing the arrays", deadline_in(30s), [&] {
          if (world->rank() == failing) throw IoError("the disk is full", 28, {"params/kernel", "/ckpt/d/0", 4096});
        });
      } catch (const IoError& error) {
        const std::lock_guard lock(mutex);
        agreed += error.code() == 28 && error.key_path() == "params/kernel" && error.file() == "/ckpt/d/0" && error.offset() == 4096u;
        if (world->has_failed()) throw std::runtime_error("still usable");
      }
      world->barrier("goes on", deadline_in(30s));
      world->attempt("again", deadline_in(30s), [&] {
        if (world->rank() == failing) throw ArgumentError("wrong", {"a/b"});
      });
    });
    CHECK(agreed == size);
    for (const auto& error : thrown) {
      CHECK(is_a<ArgumentError>(error));
      CHECK(text_of(error) == "rank " + std::to_string(failing) + " failed at \"again\": wrong [at a/b]");
    }
  }
}

TEST_CASE("of several errors the lowest rank's is thrown, and the others are counted") {
  const auto thrown = run_ranks(7, [](const World& world) {
    world->attempt("work", deadline_in(30s), [&] {
      if (world->rank() == 2) throw KeyError("no kernel", {.missing = {{"a", "b"}}});
      if (world->rank() > 4) throw std::logic_error("odd");
    });
  });
  for (const auto& error : thrown) {
    CHECK(text_of(error) == "rank 2 failed at \"work\": no kernel (2 other ranks failed too)");
    REQUIRE(is_a<KeyError>(error));
    try {
      std::rethrow_exception(error);
    } catch (const KeyError& key) {
      REQUIRE(key.missing().size() == 1);
      CHECK(key.missing()[0].message == "b");
    }
  }
}

TEST_CASE("a rank that never arrives is named to all others in time, and nothing works from then on") {
  for (const int size : {2, 13})
    for (int absent = 0; absent < size; absent += size == 2 ? 1 : 4) {
      const auto begin = std::chrono::steady_clock::now();
      const auto thrown = run_ranks(size, [&](const World& world) {
        world->barrier("the start", deadline_in(30s));
        if (world->rank() == absent) return;
        CHECK_THROWS_AS(world->barrier("commit", deadline_in(400ms)), TimeoutError);
        const auto after = std::chrono::steady_clock::now();
        CHECK_THROWS_WITH_AS(world->gather("x", "later", deadline_in(30s)), doctest::Contains("it began so: waited"), TimeoutError);
        if (std::chrono::steady_clock::now() - after > 5s) throw std::runtime_error("a dead coordinator waited");
        if (world->missing().size() != 1 || world->missing()[0] != absent)
          throw std::runtime_error("rank " + std::to_string(world->rank()) + " of " + std::to_string(size) + " names " +
                                   distributed::rank_list({world->missing().begin(), world->missing().end()}) + ", not " +
                                   std::to_string(absent));
      });
      rethrow_any(thrown);
      CHECK(std::chrono::steady_clock::now() - begin < 5s);
    }
}

TEST_CASE("a gather names every rank that gave nothing; a rank that comes too late hears so") {
  const auto thrown = run_ranks(6, [](const World& world) {
    if (world->rank() == 2 || world->rank() == 5) std::this_thread::sleep_for(900ms);
    world->gather("sizes", "the sizes", deadline_in(300ms));
    world->barrier("commit", deadline_in(10s));
  });
  for (const auto& error : thrown) {
    CHECK(is_a<TimeoutError>(error));
    CHECK(text_of(error).find("at \"the sizes\" for ranks 2 and 5 of 6") != std::string::npos);
  }
  CHECK(text_of(thrown[2]).find("this is rank 2: it came too late") != std::string::npos);
}

TEST_CASE("ranks that take different steps are told which") {
  const auto thrown = run_ranks(4, [](const World& world) {
    world->barrier("begin", deadline_in(30s));
    world->barrier(world->rank() == 3 ? "restore" : "save", deadline_in(30s));
  });
  for (const auto& error : thrown) {
    CHECK(is_a<ArgumentError>(error));
    CHECK(text_of(error).find("rank 3 is at \"restore\" while rank 2 is at \"save\"") != std::string::npos);
  }
}

TEST_CASE("a duplicate is apart from its original") {
  rethrow_any(run_ranks(5, [](const World& world) {
    const World other = world->duplicate("for the background", deadline_in(30s));
    std::exception_ptr failed;
    std::thread background([&] {
      try {
        for (int i = 0; i < 50; ++i) other->barrier("background", deadline_in(30s));
      } catch (...) {
        failed = std::current_exception();
      }
    });
    for (int i = 0; i < 50; ++i) world->barrier("foreground", deadline_in(30s));
    background.join();
    if (failed) std::rethrow_exception(failed);
  }));
}

namespace {

// Counts messages, and fails on demand.
class WatchedChannel final : public distributed::Channel {
 public:
  WatchedChannel(std::unique_ptr<distributed::Channel> below, std::atomic<int>& sent, int fail_at)
      : below_(std::move(below)), sent_(sent), fail_at_(fail_at) {}
  int rank() const noexcept override { return below_->rank(); }
  int size() const noexcept override { return below_->size(); }
  bool send(int to, distributed::Lane lane, std::string bytes, Deadline deadline) override {
    ++sent_;
    if (--fail_at_ == 0) throw IoError("connection lost", 104);
    return below_->send(to, lane, std::move(bytes), deadline);
  }
  std::optional<std::pair<int, std::string>> receive(std::span<const int> from, distributed::Lane lane, Deadline deadline) override {
    return below_->receive(from, lane, deadline);
  }
  std::unique_ptr<distributed::Channel> duplicate(Deadline) override { return nullptr; }

 private:
  std::unique_ptr<distributed::Channel> below_;
  std::atomic<int>& sent_;
  int fail_at_;
};

std::vector<std::exception_ptr> run_watched(int size, std::atomic<int>& sent, int failing, int fail_at, void (*work)(Coordinator&)) {
  const auto group = std::make_shared<distributed::ThreadGroup>(size);
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      Coordinator world(
          std::make_unique<WatchedChannel>(std::make_unique<distributed::ThreadChannel<>>(group, rank), sent, rank == failing ? fail_at : 0));
      try {
        work(world);
      } catch (...) {
        thrown[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

}  // namespace

TEST_CASE("a barrier takes two messages a rank, a broadcast and a gather one") {
  std::atomic<int> sent{0};
  rethrow_any(run_watched(16, sent, -1, 0, [](Coordinator& world) { world.barrier("b", deadline_in(60s)); }));
  CHECK(sent.exchange(0) == 30);
  rethrow_any(run_watched(16, sent, -1, 0, [](Coordinator& world) { world.broadcast("x", "b", deadline_in(60s)); }));
  CHECK(sent.exchange(0) == 15);
  rethrow_any(run_watched(16, sent, -1, 0, [](Coordinator& world) { world.gather("x", "b", deadline_in(60s)); }));
  CHECK(sent.exchange(0) == 15);
}

TEST_CASE("a connection that breaks in one rank ends the meeting in all, and nobody waits for long") {
  std::atomic<int> sent{0};
  for (const int failing : {0, 1, 4, 6}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto thrown = run_watched(8, sent, failing, 1, [](Coordinator& world) {
      world.barrier("first", deadline_in(300ms));
      world.barrier("second", deadline_in(300ms));
    });
    for (std::size_t rank = 0; rank < thrown.size(); ++rank) CHECK(is_a<Error>(thrown[rank]));
    CHECK(is_a<IoError>(thrown[static_cast<std::size_t>(failing)]));
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
  }
}
