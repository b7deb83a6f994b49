// Ranks of an MPI program as the processes of a mesh: orrery::mpi::world() goes where a Coordinator is wanted. Every group that is made
// here has a communicator of its own, so that no message of orrery's meets one of the program's; every wait polls, and so has an end, also
// where another rank is dead. OpenMPI and MPICH; MPI itself is the program's to start and to end.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/distributed/channel.hpp"
#include "orrery/distributed/coordinator.hpp"

namespace orrery::inline v0::mpi {

namespace detail {

inline void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (::MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw Error(std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)) +
              "; another rank may have died, and this communicator with it");
}

inline bool is_running() noexcept {
  int started = 0, ended = 0;
  ::MPI_Initialized(&started);
  if (started) ::MPI_Finalized(&ended);
  return started && !ended;
}

// What lies between two looks: nothing at first, as most news are there within microseconds, then ever longer naps, because ranks may
// share a processor.
class Patience {
 public:
  explicit Patience(Deadline deadline) : deadline_(deadline) {}
  // False once the deadline has passed.
  bool wait() {
    const Deadline now = std::chrono::steady_clock::now();
    if (now >= deadline_) return false;
    if (looks_++ < 64) {
      std::this_thread::yield();
      return true;
    }
    std::this_thread::sleep_until(deadline_ - now < nap_ ? deadline_ : now + nap_);
    if (nap_ < std::chrono::milliseconds(1)) nap_ *= 2;
    return true;
  }

 private:
  Deadline deadline_;
  int looks_ = 0;
  std::chrono::steady_clock::duration nap_ = std::chrono::microseconds(20);
};

}  // namespace detail

// The messages of one communicator, which it frees at its end. A message goes as pieces: one that fills a piece has another behind it.
class MpiChannel final : public distributed::Channel {
 public:
  static constexpr std::size_t piece = std::size_t{1} << 30;  // MPI counts in ints

  explicit MpiChannel(MPI_Comm own) : comm_(own) {
    ::MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    detail::check(::MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    detail::check(::MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  // What is still on its way after a deadline can be neither waited for nor forgotten: MPI may look at it until the program ends. Nor is
  // the communicator freed then, or where messages of it may still come: MPICH gives its number to a later one, which would find them.
  ~MpiChannel() override {
    if (!detail::is_running()) return;
    const bool all_gone = !abandoned_ && std::all_of(late_.begin(), late_.end(), [](Sent& sent) {
      bool done = false;
      return sent.try_finish(done) == MPI_SUCCESS && done;
    }) && std::none_of(coming_.begin(), coming_.end(), [](const auto& entry) { return entry.second.size.has_value(); });
    if (all_gone) {
      ::MPI_Comm_free(&comm_);
    } else {
      new std::deque<Sent>(std::move(late_));
      new std::map<std::pair<int, distributed::Lane>, Coming>(std::move(coming_));
    }
  }

  void abandon() noexcept override { abandoned_ = true; }
  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }
  bool is_for_any_thread() const noexcept override {
    int level = MPI_THREAD_SINGLE;
    return ::MPI_Query_thread(&level) == MPI_SUCCESS && level == MPI_THREAD_MULTIPLE;
  }

  bool send(int to, distributed::Lane lane, std::string bytes, Deadline deadline) override {
    std::erase_if(late_, [](Sent& sent) { return sent.is_gone(); });
    Sent sent{std::make_unique<std::string>(std::move(bytes)), {}};
    for (std::size_t at = 0;; at += piece) {
      const std::size_t size = std::min(piece, sent.bytes->size() - at);
      MPI_Request& request = sent.requests.emplace_back(MPI_REQUEST_NULL);
      detail::check(::MPI_Isend(sent.bytes->data() + at, static_cast<int>(size), MPI_BYTE, to, static_cast<int>(lane), comm_, &request),
                    "MPI_Isend");
      if (size < piece) break;
    }
    detail::Patience patience(deadline);
    do {
      if (sent.is_gone()) return true;
    } while (patience.wait());
    if (sent.is_gone()) return true;
    late_.push_back(std::move(sent));
    return false;
  }

  std::optional<std::pair<int, std::string>> receive(std::span<const int> from, distributed::Lane lane, Deadline deadline) override {
    detail::Patience patience(deadline);
    do {
      for (const int rank : from)
        if (auto bytes = take(rank, lane, deadline)) return std::pair(rank, std::move(*bytes));
    } while (patience.wait());
    return std::nullopt;
  }

  std::unique_ptr<distributed::Channel> duplicate(Deadline deadline) override {
    // Both stay where they are: a rank that comes after the deadline may make MPI write to them.
    auto other = std::make_unique<MPI_Comm>(MPI_COMM_NULL);
    auto request = std::make_unique<MPI_Request>(MPI_REQUEST_NULL);
    detail::check(::MPI_Comm_idup(comm_, other.get(), request.get()), "MPI_Comm_idup");
    detail::Patience patience(deadline);
    int done = 0;
    do {
      detail::check(::MPI_Test(request.get(), &done, MPI_STATUS_IGNORE), "MPI_Test");
    } while (!done && patience.wait());
    if (done) return std::make_unique<MpiChannel>(*other);
    other.release();
    request.release();
    return nullptr;
  }

 private:
  // Bytes lie where MPI finds them, whoever has these.
  struct Coming {
    std::unique_ptr<std::string> bytes = std::make_unique<std::string>();
    MPI_Request request = MPI_REQUEST_NULL;
    std::optional<std::size_t> size{};  // of the piece that is being received

    bool is_new() const noexcept { return !size && bytes->empty(); }
  };
  struct Sent {
    std::unique_ptr<std::string> bytes;
    std::vector<MPI_Request> requests;

    int try_finish(bool& done) noexcept {
      int all = 0;
      const int code = ::MPI_Testall(static_cast<int>(requests.size()), requests.data(), &all, MPI_STATUSES_IGNORE);
      done = all != 0;
      return code;
    }
    bool is_gone() {
      bool done = false;
      detail::check(try_finish(done), "MPI_Testall");
      return done;
    }
  };

  // The next message, if it has begun to come; the rest of it is waited for. Its sender may die amid it, so that nothing here blocks.
  std::optional<std::string> take(int from, distributed::Lane lane, Deadline deadline) {
    Coming& coming = coming_[{from, lane}];
    for (detail::Patience patience(deadline);;) {
      int there = coming.size.has_value();
      if (!there) {
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        detail::check(::MPI_Improbe(from, static_cast<int>(lane), comm_, &there, &message, &status), "MPI_Improbe");
        if (there) {
          int size = 0;
          detail::check(::MPI_Get_count(&status, MPI_BYTE, &size), "MPI_Get_count");
          const std::size_t before = coming.bytes->size();
          coming.bytes->resize(before + static_cast<std::size_t>(size));
          detail::check(::MPI_Imrecv(coming.bytes->data() + before, size, MPI_BYTE, &message, &coming.request), "MPI_Imrecv");
          coming.size = static_cast<std::size_t>(size);
        }
      }
      if (there) {
        detail::check(::MPI_Test(&coming.request, &there, MPI_STATUS_IGNORE), "MPI_Test");
        if (there && *std::exchange(coming.size, std::nullopt) < piece) return std::exchange(*coming.bytes, {});
      }
      if (coming.is_new() || !patience.wait()) return std::nullopt;
    }
  }

  MPI_Comm comm_;
  int rank_ = 0, size_ = 1;
  bool abandoned_ = false;
  std::deque<Sent> late_{};
  std::map<std::pair<int, distributed::Lane>, Coming> coming_{};
};

// The ranks of a communicator. A cheap handle; copies are of the same group.
class Communicator {
 public:
  // Of all ranks of `comm`, which all call this, and which stays the program's. ArgumentError before MPI_Init or after MPI_Finalize.
  explicit Communicator(MPI_Comm comm) {
    if (!detail::is_running())
      throw ArgumentError(
          "MPI is not running: call MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &provided) before, and MPI_Finalize after the last "
          "use");
    MPI_Comm own = MPI_COMM_NULL;
    detail::check(::MPI_Comm_dup(comm, &own), "MPI_Comm_dup");
    coordinator_ = std::make_shared<Coordinator>(std::make_unique<MpiChannel>(own));
  }

  int rank() const noexcept { return coordinator_->rank(); }
  int size() const noexcept { return coordinator_->size(); }
  const std::shared_ptr<Coordinator>& coordinator() const noexcept { return coordinator_; }
  operator const std::shared_ptr<Coordinator>&() const noexcept { return coordinator_; }

 private:
  std::shared_ptr<Coordinator> coordinator_;
};

// All ranks of the program: of MPI_COMM_WORLD. All ranks call it the first time; afterwards it is the same group.
inline Communicator world() {
  static const Communicator all(MPI_COMM_WORLD);
  return all;
}

}  // namespace orrery::inline v0::mpi
