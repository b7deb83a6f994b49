// Deleting steps: a rename to a name that nobody lists, at once, then the removal in a thread of its own, so that no save waits for it.
// Which steps go is decided by policies. What a process that died left half removed is found by its name when the root is opened again.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/step_names.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0 {

// Any thread may call anything. The destructor waits for what has begun to go.
class StepDeleter {
 public:
  // `subdirectory`: deleted steps are moved to <root>/<that> and stay there.
  template <OnUse = OnUse()>
  explicit StepDeleter(std::string root, std::optional<std::string> subdirectory = {})
      : root_(std::move(root)), subdirectory_(std::move(subdirectory)) {}
  StepDeleter(const StepDeleter&) = delete;
  StepDeleter& operator=(const StepDeleter&) = delete;
  ~StepDeleter() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  // Takes the step <root>/<name> out of sight, then removes it behind, or moves it to the subdirectory. One that has gone already will do.
  // IoError where it cannot be renamed.
  template <OnUse = OnUse()>
  void remove(const std::string& name) {
    if (subdirectory_)
      move(name);
    else
      discard(name);
  }

  // Out of sight and removed, whatever it is.
  template <OnUse = OnUse()>
  void discard(const std::string& name) {
    const std::string going = rename_away(name);
    if (!going.empty()) remove_later(going);
  }

  // Removes what has a temporary name already.
  template <OnUse = OnUse()>
  void remove_later(std::string path) {
    if (!start_thread()) return storage::remove_tree(path);
    const std::lock_guard lock(mutex_);
    paths_.push_back(std::move(path));
    wake_.notify_all();
  }

  // Waits until nothing is left to remove; throws what went wrong with that, once. What could not be removed keeps its temporary name.
  template <OnUse = OnUse()>
  void wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return paths_.empty() && !busy_; });
    throw_failure();
  }
  // ... without waiting.
  void check() {
    const std::lock_guard lock(mutex_);
    throw_failure();
  }

  // Whether a name is one of those: left by a process that died, or being removed at this moment by one that lives. Either way it may go.
  template <OnUse = OnUse()>
  static bool is_being_deleted(std::string_view name) {
    return name.starts_with(prefix) && name.ends_with(storage::temporary_suffix);
  }

 private:
  // Before the number, not behind the step's name: Orbax would take "7.orbax-checkpoint-tmp..." for an unfinished step 7.
  static constexpr std::string_view prefix = "deleted-";

  // Replaces what an earlier step of that name left there.
  template <OnUse = OnUse()>
  void move(const std::string& name) {
    const std::string to = root_ + "/" + *subdirectory_ + "/" + name;
    storage::make_directories(root_ + "/" + *subdirectory_);
    if (storage::exists(to)) discard(*subdirectory_ + "/" + name);
    const int code = storage::detail::try_rename(storage::FileOperation::rename, root_ + "/" + name, to, 0);
    if (code != 0 && code != ENOENT) storage::detail::throw_io_error("rename this to " + to, root_ + "/" + name, code);
  }

  template <OnUse = OnUse()>
  std::string rename_away(const std::string& name) {
    static std::atomic<std::uint64_t> counter{0};
    const std::string from = root_ + "/" + name, step = name.substr(name.rfind('/') + 1).substr(0, 150);
    for (;;) {
      const std::string number = std::to_string(::getpid()) + "-" + std::to_string(counter++);
      const std::string to = root_ + "/" + std::string(prefix) + step + "-" + number + std::string(storage::temporary_suffix);
      int code = storage::detail::try_rename(storage::FileOperation::rename, from, to, RENAME_NOREPLACE);
      if (storage::detail::means_unsupported(code))
        code = storage::exists(to) ? EEXIST : storage::detail::try_rename(storage::FileOperation::rename, from, to, 0);
      if (code == 0) return to;
      if (code == ENOENT) return {};
      if (code != EEXIST && code != ENOTEMPTY) storage::detail::throw_io_error("rename this to " + to, from, code);
    }
  }

  // False where there is none to be had: the caller does the work.
  template <OnUse = OnUse()>
  bool start_thread() {
    const std::lock_guard lock(mutex_);
    try {
      if (!thread_.joinable()) thread_ = std::thread([this] { serve(); });
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  void throw_failure() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  template <OnUse = OnUse()>
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !paths_.empty(); });
      if (paths_.empty()) return;
      const std::string path = std::move(paths_.front());
      paths_.pop_front();
      busy_ = true;
      lock.unlock();
      std::exception_ptr failure;
      try {
        storage::remove_tree(path);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      busy_ = false;
      if (failure && !failure_) failure_ = failure;
      if (paths_.empty()) idle_.notify_all();
    }
  }

  const std::string root_;
  const std::optional<std::string> subdirectory_;
  std::mutex mutex_{};
  std::condition_variable wake_{}, idle_{};
  std::deque<std::string> paths_{};
  std::exception_ptr failure_{};
  bool busy_ = false, stopping_ = false;
  std::thread thread_{};
};

}  // namespace orrery::inline v0
