// A few threads that work through indexes with the caller. Belongs to whoever has much to do, never to a global; how work is cut is
// decided there.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::storage {

// Threads are started when they are first needed and joined by the destructor. run() may be called from any thread; a call that comes
// while another runs, and one from inside a task, is done by its caller alone.
class WorkerPool {
 public:
  // `threads`, the caller's included; 0 for as many as the machine has processors.
  explicit WorkerPool(std::size_t threads = 0) noexcept
      : size_(threads > 0                               ? threads
              : std::thread::hardware_concurrency() > 0 ? std::thread::hardware_concurrency()
                                                        : 1) {}
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  std::size_t size() const noexcept { return size_; }

  // Calls task(index) once for each index below `count`, in any order and at the same time, and returns when all are done. The first
  // exception is thrown here once the calls under way have ended; indexes not yet begun are left out then. A count of 1 starts no thread.
  template <class Task>
  void run(std::size_t count, Task&& task) {
    const std::unique_lock turn(turn_, std::try_to_lock);
    if (count < 2 || size_ < 2 || !turn.owns_lock()) {
      for (std::size_t index = 0; index < count; ++index) task(index);
      return;
    }
    using Callable = std::remove_reference_t<Task>;
    const auto call = [](const void* what, std::size_t index) { (*static_cast<Callable*>(const_cast<void*>(what)))(index); };
    share({call, std::addressof(task), count});
  }

 private:
  struct Job {
    void (*call)(const void* task, std::size_t index);
    const void* task;
    std::size_t count;
  };

  template <OnUse = OnUse()>
  void share(const Job& job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = job;
      next_.store(0);
      failure_ = nullptr;
      ++generation_;
      start_threads(job.count - 1);
    }
    work_.notify_all();
    take_part(job);
    std::unique_lock lock(mutex_);
    job_.count = 0;  // whoever wakes up now comes too late
    done_.wait(lock, [this] { return busy_ == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  template <OnUse = OnUse()>
  void start_threads(std::size_t wanted) {
    try {
      while (workers_.size() + 1 < size_ && workers_.size() < wanted) workers_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {  // none left to be had: fewer do the work, if need be the caller alone
    }
  }

  template <OnUse = OnUse()>
  void serve() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [&] { return stopping_ || (generation_ != seen && job_.count > 0); });
      if (stopping_) return;
      seen = generation_;
      const Job job = job_;
      ++busy_;
      lock.unlock();
      take_part(job);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  template <OnUse = OnUse()>
  void take_part(const Job& job) noexcept {
    try {
      for (std::size_t index = next_++; index < job.count; index = next_++) job.call(job.task, index);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_.store(job.count);
    }
  }

  const std::size_t size_;
  std::mutex turn_{};   // one job at a time
  std::mutex mutex_{};  // of all below but next_
  std::condition_variable work_{}, done_{};
  Job job_{nullptr, nullptr, 0};
  std::atomic<std::size_t> next_{0};
  std::exception_ptr failure_{};
  std::uint64_t generation_ = 0;
  std::size_t busy_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_{};
};

}  // namespace orrery::inline v0::storage
