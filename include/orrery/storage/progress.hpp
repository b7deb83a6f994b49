// How far a save or restore has come, told to whoever asked while it runs. A function that throws ends the operation: the one seam
// through which cancelling and deadlines work.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// What an operation is at. The first two are those of a save in the background (orbax/async_engine.hpp).
enum class Phase : std::uint8_t { waiting, copying, writing, flushing, committing, reading };

constexpr std::string_view name(Phase phase) noexcept {
  constexpr std::string_view names[] = {"waiting for the save before", "copying", "writing", "flushing", "committing", "reading"};
  return names[static_cast<std::size_t>(phase)];
}

struct Progress {
  Phase phase = Phase::writing;
  std::uint64_t bytes_done = 0;  // of the elements of arrays and numbers, before compression
  std::uint64_t bytes_total = 0;
  std::size_t leaves_done = 0;
  std::size_t leaves_total = 0;
};

// Called at the start, at every phase, and in between after some 4 MiB or 256 leaves; never by two threads at once, but not always by the
// one that saves or restores. What it throws reaches the caller: a save leaves nothing behind then, a restore its target partly
// overwritten.
using ProgressFunction = std::function<void(const Progress&)>;

namespace storage {

// Counts for one operation and calls its function where that is due. Without a function it costs a comparison. Thread-safe.
class ProgressMeter {
 public:
  // Pieces in which large arrays are handed on, so that the function is called in time.
  static constexpr std::size_t step = std::size_t{4} << 20;

  template <OnUse = OnUse()>
  ProgressMeter(const ProgressFunction& function, const Progress& start) : function_(function ? &function : nullptr), now_(start) {
    if (function_) tell();
  }

  bool is_on() const noexcept { return function_ != nullptr; }

  template <OnUse = OnUse()>
  void add_bytes(std::uint64_t bytes) {
    add(bytes, 0);
  }
  template <OnUse = OnUse()>
  void add_leaves(std::size_t leaves) {
    add(0, leaves);
  }
  template <OnUse = OnUse()>
  void add(std::uint64_t bytes, std::size_t leaves) {
    if (!function_) return;
    const std::lock_guard lock(mutex_);
    now_.bytes_done = std::min(now_.bytes_done + bytes, now_.bytes_total);
    now_.leaves_done = std::min(now_.leaves_done + leaves, now_.leaves_total);
    if (now_.bytes_done - told_.bytes_done >= step || now_.leaves_done - told_.leaves_done >= leaf_step) tell();
  }
  // All there is to count has been done.
  template <OnUse = OnUse()>
  void complete() {
    if (!function_) return;
    const std::lock_guard lock(mutex_);
    now_.bytes_done = now_.bytes_total;
    now_.leaves_done = now_.leaves_total;
    tell();
  }

  const Progress& now() const noexcept { return now_; }

 private:
  static constexpr std::size_t leaf_step = 256;

  // Who has thrown is not asked again, though other threads may still come by.
  template <OnUse = OnUse()>
  void tell() {
    if (stopped_) return;
    told_ = now_;
    stopped_ = true;
    (*function_)(now_);
    stopped_ = false;
  }

  const ProgressFunction* function_;
  std::mutex mutex_{};
  Progress now_, told_{};
  bool stopped_ = false;
};

template <OnUse = OnUse()>
inline void tell(const ProgressFunction& function, Progress progress, Phase phase) {
  progress.phase = phase;
  if (function) function(progress);
}

}  // namespace storage

}  // namespace orrery::inline v0
