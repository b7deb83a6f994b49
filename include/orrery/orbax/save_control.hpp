// One save in the background as its owner sees it: what it is at, whether it should go on, and by when it has to be done.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/progress.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

template <OnUse = OnUse()>
inline std::string in_seconds(std::chrono::nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", std::chrono::duration<double>(time).count());
  return text;
}

}  // namespace detail

// Thread-safe: the saving thread enters phases, others look and cancel.
class SaveControl {
 public:
  using Clock = std::chrono::steady_clock;

  // `timeout`: from now on; zero for none.
  template <OnUse = OnUse()>
  SaveControl(std::string path, std::chrono::nanoseconds timeout)
      : path_(std::move(path)), timeout_(timeout), deadline_(timeout.count() > 0 ? std::optional(Clock::now() + timeout) : std::nullopt) {}
  SaveControl(const SaveControl&) = delete;
  SaveControl& operator=(const SaveControl&) = delete;

  // CancelledError or TimeoutError where the save should not go on. Called often, between pieces of work.
  template <OnUse = OnUse()>
  void check() const {
    if (cancelled_.load(std::memory_order_relaxed)) throw CancelledError("the save was cancelled while it was " + state(), {.file = path_});
    if (deadline_ && Clock::now() >= *deadline_) throw TimeoutError(timeout_text(), {.file = path_});
  }
  template <OnUse = OnUse()>
  void enter(Phase phase) {
    phase_.store(phase, std::memory_order_relaxed);
    check();
  }

  // For SaveOptions::on_progress: keeps this control informed and asks it, then tells `next`, if that is anything.
  template <OnUse = OnUse()>
  ProgressFunction on_progress(ProgressFunction next = {}) {
    return [this, next = std::move(next)](const Progress& progress) {
      done_.store(progress.bytes_done, std::memory_order_relaxed);
      total_.store(progress.bytes_total, std::memory_order_relaxed);
      enter(progress.phase);
      if (!next) return;
      next(progress);
      check();
    };
  }

  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }

  const std::string& path() const noexcept { return path_; }
  template <OnUse = OnUse()>
  Phase phase() const noexcept {
    return phase_.load(std::memory_order_relaxed);
  }
  const std::optional<Clock::time_point>& deadline() const noexcept { return deadline_; }

  // "writing (3 of 10 MiB)"
  template <OnUse = OnUse()>
  std::string state() const {
    std::string text(name(phase()));
    if (const std::uint64_t total = total_.load(std::memory_order_relaxed); total > 0 && phase() == Phase::writing)
      text += " (" + std::to_string(done_.load(std::memory_order_relaxed) >> 20) + " of " + std::to_string(total >> 20) + " MiB)";
    return text;
  }
  template <OnUse = OnUse()>
  std::string timeout_text() const {
    return "the save was not done within its timeout of " + detail::in_seconds(timeout_) + ": it was " + state() +
           "; nothing of it is kept. Give it more time (AsyncOptions::timeout), or find out what holds the disk up";
  }

 private:
  const std::string path_;
  const std::chrono::nanoseconds timeout_;
  const std::optional<Clock::time_point> deadline_;
  std::atomic<Phase> phase_{Phase::copying};
  std::atomic<bool> cancelled_{false};
  std::atomic<std::uint64_t> done_{0}, total_{0};
};

}  // namespace orrery::inline v0::orbax
