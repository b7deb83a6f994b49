// One legacy checkpoint file: exactly one msgpack object (spec/flax-legacy.md 3). Payloads go from the arrays to the file and from the
// file to the arrays; which file it is, is decided by checkpoints.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/memory.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/storage/atomic_file.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/gather_writer.hpp"
#include "orrery/storage/mapped_file.hpp"
#include "orrery/storage/scatter_reader.hpp"
#include "orrery/storage/worker_pool.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax::detail {

template <OnUse = OnUse()>
inline void write_msgpack_file(const msgpack_format::Image& image, std::string path, storage::AtomicFileOptions options) {
  storage::AtomicFile target(std::move(path), options);
  storage::GatherWriter writer(target.file(), {.checksums = false, .early_writeback = options.durability == Durability::synced});
  image.for_each_run([&](std::span<const std::byte> bytes, bool stays) {
    if (stays)
      writer.append(bytes);
    else
      writer.append_copy(bytes);
  });
  writer.flush();
  target.commit();
}

// Opened and parsed: the tree is there, arrays are only described until read() says where they go.
class MsgpackFile {
 public:
  template <OnUse = OnUse()>
  explicit MsgpackFile(const std::string& path, msgpack_format::ReadOptions options = {}) : file_(storage::File::open(path)) {
    options.file = path;
    const std::uint64_t size = file_.size();
    if (size <= small) {
      // A map costs more than a small read.
      small_ = Memory::uninitialized(static_cast<std::size_t>(size));
      file_.pread_exactly(0, small_.data(), small_.size());
      bytes_ = {small_.data(), small_.size()};
    } else {
      mapped_ = storage::MappedFile(file_);
      bytes_ = mapped_.bytes();
    }
    document_ = msgpack_format::read_document(bytes_, std::move(options));
  }

  const Tree& tree() const noexcept { return document_.tree; }

  // Large payloads are read straight into their targets, by several threads where `parallel` and there is much to read; small ones copied
  // from what parsing has touched already.
  template <OnUse = OnUse()>
  void read(const std::vector<Slot>& slots, bool parallel = true) const {
    std::vector<storage::ReadRequest> requests;
    for (const Slot& slot : slots) {
      if (slot.from->has_value()) continue;
      const ArrayView& to = slot.to.array;
      if (to.nbytes() < direct || bytes_.size() <= small || !msgpack_format::Document::is_plain(*slot.from, to)) {
        document_.read(*slot.from, to);
        continue;
      }
      auto* at = static_cast<std::byte*>(const_cast<void*>(to.data));
      for (const auto& piece : document_.pieces(*slot.from)) {
        requests.push_back({static_cast<std::uint64_t>(piece.data - bytes_.data()), piece.size, at});
        at += piece.size;
      }
    }
    if (parallel)
      read_in_blocks(requests);
    else
      storage::read_scattered(file_, requests, false);
  }

 private:
  // One task a block of about that many bytes.
  template <OnUse = OnUse()>
  void read_in_blocks(const std::vector<storage::ReadRequest>& requests) const {
    std::vector<storage::ReadRequest> parts;
    std::vector<std::size_t> blocks{0};  // where they begin in parts
    std::size_t filled = 0;
    for (storage::ReadRequest rest : requests) {
      while (rest.size > 0) {
        storage::ReadRequest part = rest;
        part.size = std::min(rest.size, block - filled);
        parts.push_back(part);
        rest.offset += part.size;
        rest.to = static_cast<std::byte*>(rest.to) + part.size;
        rest.size -= part.size;
        if ((filled += part.size) < block) continue;
        filled = 0;
        blocks.push_back(parts.size());
      }
    }
    if (blocks.back() != parts.size()) blocks.push_back(parts.size());
    storage::WorkerPool(most_threads).run(blocks.size() - 1, [&](std::size_t i) {
      const auto first = parts.begin() + static_cast<std::ptrdiff_t>(blocks[i]),
                 last = parts.begin() + static_cast<std::ptrdiff_t>(blocks[i + 1]);
      storage::read_scattered(file_, std::vector(first, last), false);
    });
  }

  static constexpr std::size_t block = std::size_t{32} << 20;
  static constexpr std::size_t most_threads = 8;  // more do not read faster from one file
  static constexpr std::size_t small = std::size_t{64} << 10;
  static constexpr std::size_t direct = std::size_t{16} << 10;

  storage::File file_;
  storage::MappedFile mapped_{};
  Memory small_{};
  std::span<const std::byte> bytes_{};
  msgpack_format::Document document_{};
};

}  // namespace orrery::inline v0::flax::detail
