// Threads of one process that play processes: several ranks in one test, without a launcher.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/distributed/channel.hpp"
#include "orrery/distributed/coordinator.hpp"

namespace orrery::inline v0 {

namespace distributed {

// The letter boxes of all ranks.
class ThreadGroup {
 public:
  template <OnUse = OnUse()>
  explicit ThreadGroup(int size) : boxes_(static_cast<std::size_t>(size)) {}

  int size() const noexcept { return static_cast<int>(boxes_.size()); }

  template <OnUse = OnUse()>
  void put(int from, int to, Lane lane, std::string bytes) {
    LetterBox& box = boxes_[static_cast<std::size_t>(to)];
    {
      const std::lock_guard lock(box.mutex);
      box.letters.push_back({from, lane, std::move(bytes)});
    }
    box.changed.notify_all();
  }

  template <OnUse = OnUse()>
  std::optional<std::pair<int, std::string>> take(int rank, std::span<const int> from, Lane lane, Deadline deadline) {
    LetterBox& box = boxes_[static_cast<std::size_t>(rank)];
    std::unique_lock lock(box.mutex);
    std::optional<std::pair<int, std::string>> taken;
    box.changed.wait_until(lock, deadline, [&] {
      const auto found = std::find_if(box.letters.begin(), box.letters.end(), [&](const Letter& letter) {
        return letter.lane == lane && std::find(from.begin(), from.end(), letter.from) != from.end();
      });
      if (found == box.letters.end()) return false;
      taken.emplace(found->from, std::move(found->bytes));
      box.letters.erase(found);
      return true;
    });
    return taken;
  }

  // The group that the ranks' n-th duplicate() makes, once all have called it.
  template <OnUse = OnUse()>
  std::shared_ptr<ThreadGroup> duplicate(std::size_t n, Deadline deadline) {
    std::unique_lock lock(mutex_);
    Duplicate& made = duplicates_[n];
    if (!made.group) made.group = std::make_shared<ThreadGroup>(size());
    ++made.ranks;
    changed_.notify_all();
    return changed_.wait_until(lock, deadline, [&] { return made.ranks == size(); }) ? made.group : nullptr;
  }

 private:
  struct Letter {
    int from;
    Lane lane;
    std::string bytes;
  };
  struct LetterBox {
    std::mutex mutex{};
    std::condition_variable changed{};
    std::deque<Letter> letters{};
  };
  struct Duplicate {
    std::shared_ptr<ThreadGroup> group{};
    int ranks = 0;
  };

  std::deque<LetterBox> boxes_;
  std::mutex mutex_{};  // of what follows
  std::condition_variable changed_{};
  std::map<std::size_t, Duplicate> duplicates_{};
};

template <OnUse = OnUse()>
class ThreadChannel final : public Channel {
 public:
  ThreadChannel(std::shared_ptr<ThreadGroup> group, int rank) : group_(std::move(group)), rank_(rank) {}

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return group_->size(); }
  bool send(int to, Lane lane, std::string bytes, Deadline) override {
    group_->put(rank_, to, lane, std::move(bytes));
    return true;
  }
  std::optional<std::pair<int, std::string>> receive(std::span<const int> from, Lane lane, Deadline deadline) override {
    return group_->take(rank_, from, lane, deadline);
  }
  std::unique_ptr<Channel> duplicate(Deadline deadline) override {
    std::shared_ptr<ThreadGroup> group = group_->duplicate(duplicates_++, deadline);
    return group ? std::make_unique<ThreadChannel>(std::move(group), rank_) : nullptr;
  }

 private:
  std::shared_ptr<ThreadGroup> group_;
  int rank_;
  std::size_t duplicates_ = 0;
};

}  // namespace distributed

// One for each rank; each is used by one thread.
template <OnUse = OnUse()>
inline std::vector<std::shared_ptr<Coordinator>> thread_coordinators(int size) {
  const auto group = std::make_shared<distributed::ThreadGroup>(size);
  std::vector<std::shared_ptr<Coordinator>> all;
  for (int rank = 0; rank < size; ++rank)
    all.push_back(std::make_shared<Coordinator>(std::make_unique<distributed::ThreadChannel<>>(group, rank)));
  return all;
}

// Calls work(coordinator) in `size` threads, one a rank, and returns what each has thrown, null for nothing, when all are done.
template <class Work>
std::vector<std::exception_ptr> run_ranks(int size, Work&& work) {
  const std::vector<std::shared_ptr<Coordinator>> coordinators = thread_coordinators(size);
  std::vector<std::exception_ptr> thrown(coordinators.size());
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < coordinators.size(); ++rank)
    threads.emplace_back([&, rank] {
      try {
        work(coordinators[rank]);
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

}  // namespace orrery::inline v0
