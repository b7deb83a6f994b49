// For the tests of saves in the background: a file system that stops at an operation until it is told to go on, or fails there.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "orrery/storage/file_hook.hpp"

namespace gate_test {

using orrery::storage::FileOperation;

class Gate final : public orrery::storage::FileSystemHook {
 public:
  explicit Gate(FileOperation at) : at_(at) {}
  // Lets it through, and waits until it has gone. The hook is taken out of the file system before that.
  ~Gate() override {
    open();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return inside_ == 0; });
  }

  // Until the save has come to the gate.
  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_; });
  }
  // Lets it through, with that error or none.
  void open(int code = 0) {
    {
      const std::lock_guard lock(mutex_);
      code_ = code;
      open_ = true;
    }
    changed_.notify_all();
  }
  int before(orrery::storage::FileCall& call) noexcept override {
    if (call.operation != at_) return 0;
    std::unique_lock lock(mutex_);
    ++inside_;
    arrived_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --inside_;
    changed_.notify_all();  // under the lock: it is the last that is done with the gate
    return code_;
  }

 private:
  FileOperation at_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::size_t inside_ = 0;
  bool arrived_ = false, open_ = false;
  int code_ = 0;
};

// Fails every call of one kind.
struct Failing final : orrery::storage::FileSystemHook {
  FileOperation at;
  int code;
  Failing(FileOperation operation, int error) : at(operation), code(error) {}
  int before(orrery::storage::FileCall& call) noexcept override { return call.operation == at ? code : 0; }
};

}  // namespace gate_test
