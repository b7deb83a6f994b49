// How bytes get from one process to another: the one thing that a coordinator needs, and all that MPI, or threads in a test, have to
// provide. Whoever implements it owes no collectives and no error handling beyond these words.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// Every wait has an end.
using Deadline = std::chrono::steady_clock::time_point;

// How long a process waits for the others at each step, unless it is told otherwise: as Orbax's barriers do.
inline constexpr std::chrono::minutes default_meeting_timeout{20};

// That long from now; never later than the clock can say.
template <OnUse = OnUse()>
inline Deadline deadline_in(std::chrono::nanoseconds timeout) noexcept {
  const Deadline now = std::chrono::steady_clock::now();
  return timeout > Deadline::max() - now ? Deadline::max() : now + timeout;
}

namespace distributed {

// Messages of one lane do not overtake each other on their way between two ranks; those of different lanes are found separately.
enum class Lane : std::uint8_t { up, down, alive, data };

// Used by one thread at a time. Trouble of its own (a broken connection) it throws as an orrery::Error.
class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  virtual int rank() const noexcept = 0;
  virtual int size() const noexcept = 0;
  // May duplicates of it be used while other threads use theirs? (MPI: only under MPI_THREAD_MULTIPLE.)
  virtual bool is_for_any_thread() const noexcept { return true; }

  // Sends bytes to another rank, and returns when they will arrive without this process's further help, or, then false, when the deadline
  // passes. They may still arrive then: the channel keeps them until it is destroyed. A deadline that has passed already tries once; short
  // messages should need no more.
  virtual bool send(int to, Lane lane, std::string bytes, Deadline deadline) = 0;

  // The next message in that lane of any of those ranks, and whose it is; nothing where none has come by the deadline. One that has passed
  // already looks once.
  virtual std::optional<std::pair<int, std::string>> receive(std::span<const int> from, Lane lane, Deadline deadline) = 0;

  // Another channel between the same ranks, apart from this one (MPI: a private communicator). All ranks call it. Null where not all did
  // by the deadline.
  virtual std::unique_ptr<Channel> duplicate(Deadline deadline) = 0;

  // Said once the ranks are out of step: messages may come that nobody will look at.
  virtual void abandon() noexcept {}
};

}  // namespace distributed

}  // namespace orrery::inline v0
