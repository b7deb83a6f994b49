// on_preemption: a signal becomes a flag, and everything is as before afterwards.
#include "orrery/storage/preemption.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <thread>

namespace {

using namespace orrery;

int handled = 0;
void count_signal(int) { ++handled; }

void (*current_handler(int signal))(int) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

}  // namespace

TEST_CASE("a signal that comes while a guard lives is a request, and does not end the program") {
  const auto preemption = on_preemption(SIGTERM);
  CHECK_FALSE(preemption.requested());
  ::raise(SIGTERM);
  CHECK(preemption.requested());
  CHECK(preemption.requested());  // stays so
  const auto later = on_preemption(SIGTERM);
  CHECK_FALSE(later.requested());
  std::thread([] { ::kill(::getpid(), SIGTERM); }).join();
  while (!later.requested()) std::this_thread::yield();
}

TEST_CASE("the handler that was there before comes back with the last guard") {
  const auto before = ::signal(SIGUSR1, count_signal);
  {
    std::optional<PreemptionGuard> first(std::in_place, SIGUSR1), second(std::in_place, SIGUSR1);
    ::raise(SIGUSR1);
    CHECK(handled == 0);
    CHECK(first->requested());
    CHECK(second->requested());
    first.reset();
    ::raise(SIGUSR1);
    CHECK(handled == 0);
  }
  CHECK((current_handler(SIGUSR1) == count_signal));
  ::raise(SIGUSR1);
  CHECK(handled == 1);
  ::signal(SIGUSR1, before);
}

TEST_CASE("guards of different signals do not see each other's") {
  const PreemptionGuard one(SIGUSR1), other(SIGUSR2);
  ::raise(SIGUSR2);
  CHECK_FALSE(one.requested());
  CHECK(other.requested());
}

TEST_CASE("signals that cannot be caught are refused") {
  CHECK_THROWS_AS(PreemptionGuard(SIGKILL), ArgumentError);
  CHECK_THROWS_AS(PreemptionGuard(0), ArgumentError);
  CHECK_THROWS_AS(PreemptionGuard(-3), ArgumentError);
  CHECK_THROWS_AS(PreemptionGuard(1000), ArgumentError);
}
