// Several processes that do one thing together: they meet, one tells all, all tell one, and what goes wrong in one of them is thrown in
// all. Every wait has a deadline, and a wait in vain names the ranks that were missing. The bytes travel through a Channel (channel.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/distributed/channel.hpp"
#include "orrery/distributed/encoded_error.hpp"
#include "orrery/distributed/rendezvous.hpp"

namespace orrery::inline v0 {

// Used by one thread at a time; duplicate() makes one for another thread. All ranks call the same functions with the same phases in the
// same order. A phase is what the processes are at, for messages: "commit of /ckpt/7".
//
// TimeoutError where a rank is missing at the deadline; ranks that wait for the verdict on that may take a few seconds more. ArgumentError
// where ranks call different things. After either the coordinator is out of use in every rank: each later call throws at once.
class Coordinator {
 public:
  template <OnUse = OnUse()>
  explicit Coordinator(std::unique_ptr<distributed::Channel> channel) : ranks_(std::move(channel)) {}

  int rank() const noexcept { return ranks_.rank(); }
  int size() const noexcept { return ranks_.size(); }
  // May another thread use a duplicate() while this one is in use?
  bool is_for_any_thread() const noexcept { return ranks_.channel().is_for_any_thread(); }

  // Until all ranks are here.
  template <OnUse = OnUse()>
  void barrier(std::string_view phase, Deadline deadline) {
    ranks_.run(phase, false, [&] { ranks_.meet({}, deadline, [](std::string&, std::string_view) {}); });
  }

  // What rank 0 gives, in every rank; what the others give is ignored. Rank 0 does not wait for them.
  template <OnUse = OnUse()>
  std::string broadcast(std::string bytes, std::string_view phase, Deadline deadline) {
    return ranks_.run(phase, false, [&]() -> std::string {
      if (rank() != 0) return ranks_.come_down(deadline);
      ranks_.send_down(bytes, deadline);
      return std::move(bytes);
    });
  }

  // In rank 0 what every rank gives, by ranks; nothing elsewhere, where it returns once the bytes are on their way.
  template <OnUse = OnUse()>
  std::vector<std::string> gather(std::string bytes, std::string_view phase, Deadline deadline) {
    return ranks_.run(phase, false, [&]() -> std::vector<std::string> {
      if (rank() != 0) {
        ranks_.send(0, bytes, deadline);
        return {};
      }
      std::vector<std::string> all{std::move(bytes)};
      all.resize(static_cast<std::size_t>(size()));
      std::vector<int> missing;
      for (int from = 1; from < size(); ++from) {
        if (auto got = ranks_.receive(from, deadline))
          all[static_cast<std::size_t>(from)] = std::move(*got);
        else
          missing.push_back(from);
      }
      if (!missing.empty()) ranks_.fail({std::move(missing), {}});
      return all;
    });
  }

  // Throws in all ranks if any has an error: that of the lowest such rank, as the same exception with its key path and file, under a
  // message that names the rank and the phase. Until all ranks are here.
  template <OnUse = OnUse()>
  void all_reduce_error(const std::exception_ptr& mine, std::string_view phase, Deadline deadline);

  // Does the work, and throws in all ranks what it throws in any: all_reduce_error() behind it.
  template <class Work>
  void attempt(std::string_view phase, Deadline deadline, Work&& work) {
    std::exception_ptr mine;
    try {
      std::forward<Work>(work)();
    } catch (...) {
      if (has_failed()) throw;
      mine = std::current_exception();
    }
    all_reduce_error(mine, phase, deadline);
  }

  // From one rank to one other, which has to ask for it; the rest have no part in it.
  template <OnUse = OnUse()>
  void send(int to, std::string_view bytes, std::string_view phase, Deadline deadline) {
    check_other(to);
    ranks_.run(phase, true, [&] { ranks_.send(to, bytes, deadline); });
  }
  template <OnUse = OnUse()>
  std::string receive(int from, std::string_view phase, Deadline deadline) {
    check_other(from);
    return ranks_.run(phase, true, [&]() -> std::string {
      auto got = ranks_.receive(from, deadline);
      if (!got) ranks_.fail({{from}, {}});
      return std::move(*got);
    });
  }

  // Another coordinator of the same ranks, for another thread or purpose. All ranks call it.
  template <OnUse = OnUse()>
  std::shared_ptr<Coordinator> duplicate(std::string_view phase, Deadline deadline) {
    barrier(phase, deadline);
    return ranks_.run(phase, false, [&] {
      std::unique_ptr<distributed::Channel> channel = ranks_.channel().duplicate(deadline);
      if (!channel) throw TimeoutError("not all processes were there by the deadline at \"" + std::string(phase) + "\"");
      return std::make_shared<Coordinator>(std::move(channel));
    });
  }

  // Out of use: a rank was missing, or not all took the same steps.
  template <OnUse = OnUse()>
  bool has_failed() const noexcept {
    return ranks_.failure().has_value();
  }
  // Which ranks were missing then, as far as this one knows.
  template <OnUse = OnUse()>
  std::span<const int> missing() const noexcept {
    return has_failed() ? std::span<const int>(ranks_.failure()->missing) : std::span<const int>();
  }

 private:
  void check_other(int other) const {
    if (other < 0 || other >= size() || other == rank())
      throw ArgumentError("rank " + std::to_string(rank()) + " of " + std::to_string(size()) +
                          " has nothing to send to or receive from rank " + std::to_string(other));
  }

  distributed::Rendezvous ranks_;
};

template <OnUse>
inline void Coordinator::all_reduce_error(const std::exception_ptr& mine, std::string_view phase, Deadline deadline) {
  if (size() == 1 && mine) std::rethrow_exception(mine);
  // Nothing, or the lowest rank that has an error, how many have one, and the error.
  std::string error;
  if (mine) {
    ByteWriter out(error);
    out.u32le(static_cast<std::uint32_t>(rank()));
    out.u32le(1);
    out.text(distributed::EncodedError::of(mine).bytes());
  }
  const auto keep_first = [](std::string& kept, std::string_view other) {
    if (other.empty()) return;
    if (kept.empty()) {
      kept = other;
      return;
    }
    ByteReader a(kept), b(other);
    const std::uint32_t rank_a = a.u32le(), rank_b = b.u32le(), count_a = a.u32le(), count_b = b.u32le();
    ByteReader& lower = rank_a < rank_b ? a : b;
    std::string first;
    ByteWriter out(first);
    out.u32le(std::min(rank_a, rank_b));
    out.u32le(count_a + count_b);
    out.text(lower.text(lower.remaining()));
    kept = std::move(first);
  };
  const std::string first = ranks_.run(phase, false, [&] { return ranks_.meet(std::move(error), deadline, keep_first); });
  if (first.empty()) return;
  ByteReader in(first, "message of another process");
  const std::uint32_t rank = in.u32le(), count = in.u32le();
  distributed::EncodedError thrown = distributed::EncodedError::from(in.text(in.remaining()));
  thrown.message = "rank " + std::to_string(rank) + " failed at \"" + std::string(phase) + "\": " + thrown.message;
  if (count > 1) thrown.message += " (" + std::to_string(count - 1) + (count > 2 ? " other ranks failed too)" : " other rank failed too)");
  thrown.raise();
}

}  // namespace orrery::inline v0
