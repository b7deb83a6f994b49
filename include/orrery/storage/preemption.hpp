// A signal that says "save and leave" (SIGTERM of Slurm, Kubernetes, spot instances), turned into a question that a training loop can ask.
// The saving is the loop's, or CheckpointManager's, business.
#pragma once

#include <signal.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <string>
#include <system_error>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

namespace detail {

inline constexpr int most_signals = 128;

// How often each signal has come. Nothing else happens in the handler, which is all that a handler may do.
inline std::array<std::atomic<unsigned>, most_signals> signals_seen{};
static_assert(std::atomic<unsigned>::is_always_lock_free);

extern "C" inline void orrery_note_signal(int signal) noexcept { signals_seen[static_cast<std::size_t>(signal)].fetch_add(1); }

// Who watches, and what was there before the first of them.
struct WatchedSignals {
  struct Signal {
    unsigned watchers = 0;
    struct ::sigaction before {};
  };
  std::mutex mutex{};
  std::array<Signal, most_signals> signals{};
};
inline WatchedSignals& watched_signals() {
  static WatchedSignals& watched = *new WatchedSignals;  // never destroyed: a static guard may be gone later
  return watched;
}

}  // namespace detail

// While one lives the signal does not end the program: requested() says that it has come since. The handler that was there before is
// not called in the meantime and comes back with the last guard of that signal. Thread-safe; the signal may come to any thread.
class PreemptionGuard {
 public:
  // ArgumentError for a signal that cannot be caught.
  template <OnUse = OnUse()>
  explicit PreemptionGuard(int signal) : signal_(signal) {
    const bool is_signal = signal > 0 && signal < detail::most_signals;
    detail::WatchedSignals& all = detail::watched_signals();
    const std::lock_guard lock(all.mutex);
    if (is_signal && all.signals[index()].watchers == 0) {
      struct ::sigaction action {};
      action.sa_handler = &detail::orrery_note_signal;
      action.sa_flags = SA_RESTART;  // system calls under way go on
      ::sigemptyset(&action.sa_mask);
      if (::sigaction(signal, &action, &all.signals[index()].before) != 0) refuse(errno);
    } else if (!is_signal) {
      refuse(EINVAL);
    }
    ++all.signals[index()].watchers;
    seen_before_ = detail::signals_seen[index()].load();
  }
  PreemptionGuard(const PreemptionGuard&) = delete;
  PreemptionGuard& operator=(const PreemptionGuard&) = delete;
  ~PreemptionGuard() {
    detail::WatchedSignals& all = detail::watched_signals();
    const std::lock_guard lock(all.mutex);
    detail::WatchedSignals::Signal& watched = all.signals[index()];
    if (--watched.watchers == 0) ::sigaction(signal_, &watched.before, nullptr);
  }

  // Has the signal come since this guard was made? Costs a load: ask in every step.
  template <OnUse = OnUse()>
  bool requested() const noexcept {
    return detail::signals_seen[index()].load(std::memory_order_relaxed) != seen_before_;
  }
  int signal() const noexcept { return signal_; }

 private:
  std::size_t index() const noexcept { return static_cast<std::size_t>(signal_); }
  [[noreturn]] void refuse(int code) const {
    throw ArgumentError("signal " + std::to_string(signal_) + " cannot be caught: " + std::generic_category().message(code) +
                        "; schedulers send SIGTERM, or what they are told to (SIGUSR1)");
  }

  const int signal_;
  unsigned seen_before_ = 0;
};

// auto preemption = orrery::on_preemption(SIGTERM);  ...  if (preemption.requested()) { save; break; }
template <OnUse = OnUse()>
[[nodiscard]] inline PreemptionGuard on_preemption(int signal = SIGTERM) {
  return PreemptionGuard(signal);
}

}  // namespace orrery::inline v0
