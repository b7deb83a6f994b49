// How the ranks of a coordinator come together: what they have goes up a tree of ranks, combined on the way, and the outcome comes down
// again; who waits in vain finds out who is missing, and leaves word for the others. What is exchanged is coordinator.hpp's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
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
#include "orrery/distributed/rank_tree.hpp"

namespace orrery::inline v0::distributed {

// Why nothing goes on: ranks that did not come in time, or else an error.
struct RankFailure {
  std::vector<int> missing{};
  EncodedError error{};
};

// Every message carries the number and the phase of the call it belongs to. After the first failure each call throws at once.
class Rendezvous {
 public:
  template <OnUse = OnUse()>
  explicit Rendezvous(std::unique_ptr<Channel> channel)
      : channel_(std::move(channel)),
        rank_(channel_->rank()),
        size_(channel_->size()),
        parent_(parent_of(rank_)),
        children_(children_of(rank_, size_)) {}

  Channel& channel() noexcept { return *channel_; }
  const Channel& channel() const noexcept { return *channel_; }
  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }
  const std::optional<RankFailure>& failure() const noexcept { return failure_; }

  // Does the work of one call; all below is for it. `between_two`: a call that the other ranks do not make.
  template <class Work>
  auto run(std::string_view phase, bool between_two, Work&& work) {
    if (failure_) raise("the processes of this group are out of step and cannot work together any more; it began so: ");
    phase_ = phase;
    number_ = between_two ? 0 : ++calls_;
    started_ = std::chrono::steady_clock::now();
    told_alive_ = rank_ == 0 || between_two;
    try {
      return work();
    } catch (...) {  // the channel's own trouble, if not fail()'s
      if (!failure_) give_up({{}, EncodedError::of(std::current_exception())});
      throw;
    }
  }

  // combine(std::string& mine, std::string_view of_a_child) in every rank on the way up; returns what rank 0 has in the end.
  template <class Combine>
  std::string meet(std::string mine, Deadline deadline, Combine combine) {
    RankFailure trouble;
    bool failed = false;
    std::vector<int> waiting = children_;
    Deadline until = deadline;
    while (!waiting.empty()) {
      auto got = await(waiting, Lane::up, until);
      if (!got) break;
      waiting.erase(std::find(waiting.begin(), waiting.end(), got->first));
      const Frame frame = parsed(got->second);
      if (!frame.failed && is_of_now(frame)) {
        combine(mine, frame.content);
        continue;
      }
      merge(trouble, frame.failed ? decoded(frame.content) : out_of_step(frame, got->first));
      failed = true;
      until = std::min(until, later(std::chrono::steady_clock::now(), step(deadline)));  // others may have more to tell
    }
    if (failed || !waiting.empty()) fail_meeting(std::move(trouble), waiting, deadline);
    if (rank_ == 0) {
      pass_down(framed(mine), deadline);
      return mine;
    }
    if (!channel_->send(parent_, Lane::up, framed(mine), deadline)) fail({{parent_}, {}});
    return come_down(deadline);
  }

  // The content that rank 0 sends down.
  template <OnUse = OnUse()>
  void send_down(std::string_view content, Deadline deadline) {
    pass_down(framed(content), deadline);
  }
  template <OnUse = OnUse()>
  std::string come_down(Deadline deadline) {
    // Every level waits a little longer than the one above, so that bad news arrive with their reason.
    auto got = await(std::span(&parent_, 1), Lane::down, later(deadline, step(deadline) * depth_of(rank_)));
    if (!got) fail({{parent_}, {}});
    const std::string_view found = content(got->second, parent_);
    pass_down(got->second, deadline);
    return std::string(found);
  }

  template <OnUse = OnUse()>
  void send(int to, std::string_view content, Deadline deadline) {
    if (!channel_->send(to, Lane::data, framed(content), deadline)) fail({{to}, {}});
  }
  // The next one of a rank, or nothing.
  template <OnUse = OnUse()>
  std::optional<std::string> receive(int from, Deadline deadline) {
    auto got = channel_->receive(std::span(&from, 1), Lane::data, deadline);
    if (!got) return std::nullopt;
    return std::string(content(got->second, from));
  }

  template <OnUse = OnUse()>
  [[noreturn]] void fail(RankFailure failure) {
    give_up(std::move(failure));
    raise("");
  }

 private:
  struct Frame {
    bool failed;
    std::uint64_t number;
    std::string_view phase, content;
  };

  template <OnUse = OnUse()>
  void pass_down(const std::string& frame, Deadline deadline) {
    for (const int child : children_)
      if (!channel_->send(child, Lane::down, frame, deadline)) fail({{child}, {}});
  }

  // Who waits long tells rank 0 so: whoever is missing in the end has not.
  template <OnUse = OnUse()>
  std::optional<std::pair<int, std::string>> await(std::span<const int> from, Lane lane, Deadline until) {
    if (!told_alive_) {
      const Deadline first = later(started_, std::min<std::chrono::nanoseconds>(std::chrono::seconds(1), (until - started_) / 4));
      if (first < until) {
        if (auto got = channel_->receive(from, lane, first)) return got;
        told_alive_ = true;
        channel_->send(0, Lane::alive, framed({}), started_);
      }
    }
    return channel_->receive(from, lane, until);
  }

  template <OnUse = OnUse()>
  static Deadline later(Deadline time, std::chrono::nanoseconds by) noexcept {
    return by > Deadline::max() - time ? Deadline::max() : time + by;
  }
  template <OnUse = OnUse()>
  std::chrono::nanoseconds step(Deadline deadline) const noexcept {
    using std::chrono::milliseconds;
    return std::clamp<std::chrono::nanoseconds>((deadline - started_) / 8, milliseconds(20), milliseconds(250));
  }

  // ----------------------------------------------------------------- messages

  template <OnUse = OnUse()>
  std::string framed(std::string_view content, bool failed = false) const {
    std::string text;
    text.reserve(content.size() + phase_.size() + 24);
    ByteWriter out(text);
    out.u8(failed);
    out.u64le(number_);
    detail::put_text(out, phase_);
    out.text(content);
    return text;
  }
  template <OnUse = OnUse()>
  static Frame parsed(std::string_view bytes) {
    ByteReader in(bytes, "message of another process");
    const bool failed = in.u8() != 0;
    const std::uint64_t number = in.u64le();
    const std::string_view phase = in.text(in.v64());
    return {failed, number, phase, in.text(in.remaining())};
  }
  template <OnUse = OnUse()>
  bool is_of_now(const Frame& frame) const noexcept {
    return frame.number == number_ && frame.phase == phase_;
  }
  // Of a message that must belong to this very call.
  template <OnUse = OnUse()>
  std::string_view content(std::string_view bytes, int from) {
    const Frame frame = parsed(bytes);
    if (frame.failed) fail(decoded(frame.content));
    if (!is_of_now(frame)) fail(out_of_step(frame, from));
    return frame.content;
  }

  template <OnUse = OnUse()>
  static std::string encoded(const RankFailure& failure) {
    std::string text;
    ByteWriter out(text);
    out.varint(failure.missing.size());
    for (const int rank : failure.missing) out.u32le(static_cast<std::uint32_t>(rank));
    out.text(failure.error.bytes());
    return text;
  }
  template <OnUse = OnUse()>
  static RankFailure decoded(std::string_view bytes) {
    ByteReader in(bytes, "message of another process");
    RankFailure failure;
    for (std::uint64_t left = in.v64(); left > 0; --left) failure.missing.push_back(static_cast<int>(in.u32le()));
    failure.error = EncodedError::from(in.text(in.remaining()));
    return failure;
  }

  // ----------------------------------------------------------------- failing

  template <OnUse = OnUse()>
  RankFailure out_of_step(const Frame& frame, int from) const {
    RankFailure failure;
    failure.error.type = EncodedError::Type::argument;
    failure.error.message = "rank " + std::to_string(from) + " is at \"" + std::string(frame.phase) + "\" while rank " +
                            std::to_string(rank_) + " is at \"" + phase_ + "\": every process has to take the same steps in the same order";
    return failure;
  }
  template <OnUse = OnUse()>
  static void merge(RankFailure& into, RankFailure other) {
    into.missing.insert(into.missing.end(), other.missing.begin(), other.missing.end());
    if (into.error.message.empty()) into.error = std::move(other.error);
  }

  // Rank 0 knows best who is missing; others give it a moment to say so.
  template <OnUse = OnUse()>
  [[noreturn]] void fail_meeting(RankFailure trouble, const std::vector<int>& waiting, Deadline deadline) {
    if (std::chrono::steady_clock::now() >= deadline) merge(trouble, {waiting, {}});
    if (rank_ == 0) fail(only_the_absent(std::move(trouble)));
    tell(parent_, Lane::up, trouble);
    const Deadline until = later(std::chrono::steady_clock::now(), step(deadline) * (1 + depth_of(rank_)));
    const auto got = channel_->receive(std::span(&parent_, 1), Lane::down, until);
    if (got && parsed(got->second).failed) trouble = decoded(parsed(got->second).content);
    fail(std::move(trouble));
  }

  // Behind a rank that is missing may be others, and it may itself be there and waiting for one of them: whoever has said so is not meant.
  template <OnUse = OnUse()>
  RankFailure only_the_absent(RankFailure trouble) {
    std::vector<int> suspects, absent;
    for (const int rank : trouble.missing)
      for (auto [suspect, end] = ranks_below(rank, size_); suspect < end; ++suspect) suspects.push_back(suspect);
    std::sort(suspects.begin(), suspects.end());
    suspects.erase(std::unique(suspects.begin(), suspects.end()), suspects.end());
    for (const int suspect : suspects) {
      bool alive = false;
      // Behind one that is missing, a rank may still be at the step before: what rank 0 alone has to say does not make it wait.
      while (const auto got = channel_->receive(std::span(&suspect, 1), Lane::alive, started_))
        alive = alive || parsed(got->second).number + 1 >= number_;
      if (!alive) absent.push_back(suspect);
    }
    if (!absent.empty()) trouble.missing = std::move(absent);
    return trouble;
  }

  template <OnUse = OnUse()>
  void tell(int to, Lane lane, const RankFailure& failure) {
    channel_->send(to, lane, framed(encoded(failure), true), started_);
  }

  // Marks the end, and leaves word with the neighbours for when they come.
  template <OnUse = OnUse()>
  void give_up(RankFailure failure) noexcept {
    channel_->abandon();
    try {
      if (failure.error.message.empty()) {
        char waited[32];
        std::snprintf(waited, sizeof waited, "%.3g s", std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
        failure.error.type = EncodedError::Type::timeout;
        failure.error.message = "waited " + std::string(waited) + " at \"" + phase_ + "\" for " + rank_list(failure.missing) + " of " +
                                std::to_string(size_) +
                                " in vain: every process has to get there; one that has ended or is stuck elsewhere does not";
      }
      failure_ = std::move(failure);
      for (const int child : children_) tell(child, Lane::down, *failure_);
      if (rank_ != 0) tell(parent_, Lane::up, *failure_);
    } catch (...) {  // no memory, or no connection: the neighbours' own deadlines tell them
      if (!failure_) failure_.emplace().error.message = "no memory left";
    }
  }
  template <OnUse = OnUse()>
  [[noreturn]] void raise(std::string_view before) const {
    EncodedError error = failure_->error;
    error.message = std::string(before) + error.message;
    if (std::find(failure_->missing.begin(), failure_->missing.end(), rank_) != failure_->missing.end())
      error.message += " (this is rank " + std::to_string(rank_) + ": it came too late)";
    error.raise();
  }

  std::unique_ptr<Channel> channel_;
  int rank_, size_, parent_;
  std::vector<int> children_;
  std::uint64_t calls_ = 0;
  std::optional<RankFailure> failure_{};

  // Of the call under way.
  std::string phase_{};
  std::uint64_t number_ = 0;
  Deadline started_{};
  bool told_alive_ = false;
};

}  // namespace orrery::inline v0::distributed
