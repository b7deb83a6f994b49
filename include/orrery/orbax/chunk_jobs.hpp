// The chunks of an item that must be decoded, gathered first and then worked off: in file order, small neighbours read in one call, large
// ones decoded straight out of the mapped file, on as many threads as there are processors. Where chunks are is told by ItemStore; what
// they mean, by zarr::read_chunk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/orbax/item_store.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/mapped_file.hpp"
#include "orrery/storage/progress.hpp"
#include "orrery/storage/worker_pool.hpp"

namespace orrery::inline v0::orbax {

// An array whose chunks are wanted. All that it points to must last until the jobs are done.
struct ChunkTarget {
  const zarr::ArrayMetadata* array;
  const std::string* name;  // of the leaf, for errors
  ArrayView to;             // of the stored dtype and shape, writable
};

class ChunkJobs {
 public:
  ChunkJobs(ItemStore& store, std::string directory, zarr::MissingChunk missing, storage::ProgressMeter& meter) noexcept
      : store_(store), directory_(std::move(directory)), missing_(missing), meter_(meter) {}

  template <OnUse = OnUse()>
  std::uint32_t add_target(ChunkTarget target) {
    targets_.push_back(std::move(target));
    return static_cast<std::uint32_t>(targets_.size() - 1);
  }
  // The chunk at that index of a target is this value of the store, with that checksum if it is to be verified.
  template <OnUse = OnUse()>
  void add(std::uint32_t target, const Shape& index, const ItemStore::Value& value, std::optional<std::uint32_t> checksum) {
    jobs_.push_back({value, index, target, checksum});
    decoded_bytes_ += targets_[target].array->chunk_bytes();
  }

  // Decodes all of them to their places, and forgets them. DataLossError, FormatError or IoError of one of them, named with leaf, file and
  // offset; targets have been overwritten in part then.
  template <OnUse = OnUse()>
  void run();

 private:
  struct Job {
    ItemStore::Value value;
    Shape index;
    std::uint32_t target;
    std::optional<std::uint32_t> checksum;
  };
  // Jobs [first, last) whose stored bytes are read in one call.
  struct Task {
    std::size_t first, last;
    std::uint64_t offset, size;
  };
  // What a thread keeps from task to task: fresh memory costs a page fault every 4 KiB.
  struct Buffers {
    zarr::Scratch stored{}, decoded{};
  };

  static constexpr std::uint64_t most_at_once = std::uint64_t{4} << 20;     // chunks that are larger are tasks of their own
  static constexpr std::uint64_t largest_gap = std::uint64_t{16} << 10;     // above that another call costs less than reading along
  static constexpr std::uint64_t worth_mapping = std::uint64_t{256} << 10;  // below that page faults cost more than a copy
  static constexpr std::size_t most_inline = 1024;
  static constexpr std::uint64_t worth_threads = std::uint64_t{1} << 20;  // decoded bytes

  template <OnUse = OnUse()>
  std::vector<Task> tasks();
  template <OnUse = OnUse()>
  void run(const Task& task, Buffers& buffers) const;
  template <OnUse = OnUse()>
  void decode(const Job& job, std::string_view stored, Buffers& buffers) const;
  template <OnUse = OnUse()>
  std::unique_ptr<Buffers> take_buffers();
  template <OnUse = OnUse()>
  void put_buffers(std::unique_ptr<Buffers> buffers);

  ItemStore& store_;
  std::string directory_;
  zarr::MissingChunk missing_;
  storage::ProgressMeter& meter_;
  std::vector<ChunkTarget> targets_{};
  std::vector<Job> jobs_{};
  std::uint64_t decoded_bytes_ = 0;
  std::unique_ptr<storage::WorkerPool> pool_{};
  std::mutex mutex_{};
  std::vector<std::unique_ptr<Buffers>> free_{};
};

template <OnUse>
inline void ChunkJobs::run() {
  const std::vector<Task> list = tasks();
  const auto one = [&](std::size_t i) {
    std::unique_ptr<Buffers> buffers = take_buffers();
    run(list[i], *buffers);
    put_buffers(std::move(buffers));
  };
  if (list.size() > 1 && decoded_bytes_ >= worth_threads) {
    if (!pool_) pool_ = std::make_unique<storage::WorkerPool>();
    pool_->run(list.size(), one);
  } else {
    for (std::size_t i = 0; i < list.size(); ++i) one(i);
  }
  jobs_.clear();
  targets_.clear();
  decoded_bytes_ = 0;
}

// Inline values come last, a thousand a task.
template <OnUse>
inline std::vector<ChunkJobs::Task> ChunkJobs::tasks() {
  const auto before = [](const Job& a, const Job& b) {
    if (a.value.is_inline || b.value.is_inline) return !a.value.is_inline && b.value.is_inline;
    return a.value.file != b.value.file ? a.value.file < b.value.file : a.value.offset < b.value.offset;
  };
  if (!std::is_sorted(jobs_.begin(), jobs_.end(), before)) std::stable_sort(jobs_.begin(), jobs_.end(), before);
  std::vector<Task> list;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const ItemStore::Value& value = jobs_[i].value;
    if (!list.empty() && jobs_[i - 1].value.is_inline == value.is_inline) {
      Task& task = list.back();
      if (value.is_inline && i - task.first < most_inline) {
        task.last = i + 1;
        continue;
      }
      const std::uint64_t end = task.offset + task.size, new_end = std::max(end, value.offset + value.length);
      if (!value.is_inline && jobs_[i - 1].value.file == value.file && value.offset <= end + largest_gap &&
          new_end - task.offset <= most_at_once) {
        task.last = i + 1;
        task.size = new_end - task.offset;
        continue;
      }
    }
    list.push_back({i, i + 1, value.offset, value.length});
  }
  return list;
}

template <OnUse>
inline void ChunkJobs::run(const Task& task, Buffers& buffers) const {
  const ItemStore::Value& head = jobs_[task.first].value;
  const char* bytes = nullptr;
  storage::MappedFile mapped;
  if (!head.is_inline && task.size > 0) {
    const auto size = static_cast<std::size_t>(task.size);
    if (task.size >= worth_mapping) {
      mapped = storage::MappedFile::open(store_.path(head.file));
      if (task.offset > mapped.size() || task.size > mapped.size() - task.offset)
        throw DataLossError("this file became shorter while it was read",
                            {*targets_[jobs_[task.first].target].name, mapped.path(), task.offset});
      bytes = reinterpret_cast<const char*>(mapped.data()) + task.offset;
    } else {
      std::byte* room = buffers.stored.room(size);
      storage::File::open(store_.path(head.file)).pread_exactly(task.offset, room, size);
      bytes = reinterpret_cast<const char*>(room);
    }
  }
  for (std::size_t i = task.first; i < task.last; ++i) {
    const ItemStore::Value& value = jobs_[i].value;
    if (value.is_inline)
      decode(jobs_[i], value.bytes, buffers);
    else
      decode(jobs_[i], {bytes + (value.offset - task.offset), static_cast<std::size_t>(value.length)}, buffers);
  }
}

template <OnUse>
inline void ChunkJobs::decode(const Job& job, std::string_view stored, Buffers& buffers) const {
  const ChunkTarget& target = targets_[job.target];
  const bool is_inline = job.value.is_inline;
  const Where where{*target.name, is_inline ? directory_ + "/manifest.ocdbt" : store_.path(job.value.file),
                    is_inline ? std::nullopt : std::optional(job.value.offset)};
  if (job.checksum && crc32c(stored.data(), stored.size()) != *job.checksum)
    throw DataLossError("the checksum of this payload is not the one that was saved: the file was damaged", where);
  zarr::read_chunk(*target.array, job.index, stored, target.to, missing_, buffers.decoded, where);
  meter_.add_bytes(target.array->chunk_bytes());
}

template <OnUse>
inline std::unique_ptr<ChunkJobs::Buffers> ChunkJobs::take_buffers() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<Buffers> taken = std::move(free_.back());
      free_.pop_back();
      return taken;
    }
  }
  return std::make_unique<Buffers>();
}

template <OnUse>
inline void ChunkJobs::put_buffers(std::unique_ptr<Buffers> buffers) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(buffers));
}

}  // namespace orrery::inline v0::orbax
