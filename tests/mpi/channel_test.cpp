// The channel over MPI: what the coordinator asks of it, between real processes.
#include "orrery/adapters/mpi.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "orrery/core/error.hpp"
#include "orrery/distributed/coordinator.hpp"

namespace {

namespace channel_test {

using namespace orrery;
using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(60)); }

TEST_CASE("ranks meet, tell each other and gather") {
  const std::shared_ptr<Coordinator> world = mpi::world();
  world->barrier("start", soon());
  CHECK(world->broadcast(world->rank() == 0 ? "of rank 0" : "", "tell", soon()) == "of rank 0");
  const std::vector<std::string> all = world->gather(std::string(static_cast<std::size_t>(world->rank()) + 1, 'x'), "gather", soon());
  if (world->rank() == 0) {
    REQUIRE(all.size() == static_cast<std::size_t>(world->size()));
    for (std::size_t rank = 0; rank < all.size(); ++rank) CHECK(all[rank].size() == rank + 1);
  } else {
    CHECK(all.empty());
  }
}

TEST_CASE("long messages, and those that fill a piece, arrive whole") {
  const std::shared_ptr<Coordinator> world = mpi::world();
  std::string text(std::size_t{5} << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 253);
  CHECK(world->broadcast(world->rank() == 0 ? text : std::string(), "long", soon()) == text);
  if (world->size() < 2) return;
  if (world->rank() == 1) world->send(0, text, "back", soon());
  if (world->rank() == 0) CHECK(world->receive(1, "back", soon()) == text);
  world->barrier("end of long messages", soon());
}

TEST_CASE("an error of one rank is thrown in all") {
  const std::shared_ptr<Coordinator> world = mpi::world();
  const int last = world->size() - 1;
  try {
    world->attempt("work", soon(), [&] {
      if (world->rank() == last) throw DataLossError("the file is short", {"model/kernel", "/ckpt/d", 12});
    });
    FAIL("nothing was thrown");
  } catch (const DataLossError& error) {
    CHECK(error.key_path() == "model/kernel");
    if (world->size() > 1)
      CHECK(std::string(error.what()).find("rank " + std::to_string(last) + " failed at \"work\"") != std::string::npos);
  }
  world->barrier("all go on", soon());
}

TEST_CASE("a duplicate is another group of the same ranks, and its failure is its own") {
  const std::shared_ptr<Coordinator> world = mpi::world();
  const std::shared_ptr<Coordinator> other = world->duplicate("another", soon());
  CHECK(other->rank() == world->rank());
  CHECK(other->broadcast(world->rank() == 0 ? "apart" : "", "tell", soon()) == "apart");
  if (world->size() > 1) {
    // All but the last come to a meeting of the duplicate's.
    if (world->rank() != world->size() - 1) {
      const auto started = std::chrono::steady_clock::now();
      try {
        other->barrier("a lonely meeting", deadline_in(milliseconds(300)));
        FAIL("the meeting took place");
      } catch (const TimeoutError& error) {
        CHECK(std::string(error.what()).find("rank " + std::to_string(world->size() - 1)) != std::string::npos);
        CHECK(std::string(error.what()).find("a lonely meeting") != std::string::npos);
      }
      CHECK(std::chrono::steady_clock::now() - started < seconds(20));
      CHECK(other->has_failed());
    }
  }
  world->barrier("the first group lives on", soon());
}

TEST_CASE("world() is one group, whoever asks") { CHECK(mpi::world().coordinator() == mpi::world().coordinator()); }

}  // namespace channel_test

}  // namespace
