// Waiting until another process has saved a step. The kernel tells of new names in a local directory at once; on a shared file system,
// where it does not know of them, the root is looked at every second.
#pragma once

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/manager/step_list.hpp"
#include "orrery/manager/step_names.hpp"

namespace orrery::inline v0 {

namespace detail {

// Tells when names come into a directory; without a watch, which may be refused, it sleeps.
class DirectoryWatch {
 public:
  template <OnUse = OnUse()>
  explicit DirectoryWatch(const std::string& path) : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    watches_ = descriptor_ >= 0 && ::inotify_add_watch(descriptor_, path.c_str(), IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) >= 0;
  }
  ~DirectoryWatch() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  bool watches() const noexcept { return watches_; }

  // Returns when a name has come since the last call, or when the time is over.
  template <OnUse = OnUse()>
  void wait(std::chrono::milliseconds most) noexcept {
    ::pollfd about{descriptor_, POLLIN, 0};
    ::poll(&about, watches_ ? 1u : 0u, static_cast<int>(most.count()));
    char events[4096];
    while (watches_ && ::read(descriptor_, events, sizeof events) > 0) {
    }
  }

 private:
  int descriptor_;
  bool watches_ = false;
};

}  // namespace detail

// The newest step behind `after` (absent: any step), once there is one; nothing where none comes in time. Steps are complete when they
// have their name, so that what is found can be restored. A root that does not exist yet is waited for.
template <OnUse = OnUse()>
inline std::optional<std::int64_t> wait_for_new_step(const std::string& root, const StepNames& names, std::optional<std::int64_t> after,
                                                     std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  std::optional<detail::DirectoryWatch> watch;
  for (;;) {
    if (!watch || !watch->watches()) watch.emplace(root);  // before looking: what comes in between must not be missed
    const std::vector<std::int64_t> steps = find_steps(root, names);
    if (!steps.empty() && (!after || steps.back() > *after)) return steps.back();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timeout - (Clock::now() - start));
    if (left.count() <= 0) return std::nullopt;
    watch->wait(
        std::min<std::chrono::milliseconds>(left, watch->watches() ? std::chrono::milliseconds(1000) : std::chrono::milliseconds(50)));
  }
}

}  // namespace orrery::inline v0
