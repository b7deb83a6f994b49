// One item of a checkpoint that several processes write: what each of them does by itself, and what rank 0 makes of it in the end. When
// they do so, and how they hear of each other, is save_together.hpp's; how payloads lie in files process_payloads.hpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/payload_stores.hpp"
#include "orrery/orbax/process_payloads.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/write_arrays.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/progress.hpp"
#include "orrery/storage/sync_tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

// What a process writes, and the metadata that goes into the root; rank 0 alone has any.
struct WrittenShare {
  ProcessShare share{};
  std::vector<std::pair<std::string, std::string>> metadata{};
};

template <OnUse = OnUse()>
inline WrittenShare write_share(const std::string& directory, const Params& params, int rank, const SaveOptions& options,
                                storage::ProgressMeter& meter) {
  WrittenShare written;
  std::vector<PayloadChecksum> checksums;
  if (options.compression.kind() == Compression::Kind::zstd) check_zstd_level(options.compression.level());
  const storage::GatherOptions gather{.checksums = options.checksums, .early_writeback = options.durability == Durability::synced};
  if (options.use_ocdbt) {
    ProcessPayloads store(directory, rank, gather);
    write_arrays_to(store, params, options, checksums, meter, rank == 0);
    if (rank == 0) written.metadata = store.metadata();
    written.share = std::move(store).share(std::move(checksums));
  } else {
    check_file_names(params, directory);
    FilePayloads store(directory, gather);
    write_arrays_to(store, params, options, checksums, meter, rank == 0);
    written.share.checksums = std::move(checksums);
  }
  // Other machines cannot bring to the disk what is in the memory of this one.
  if (options.durability == Durability::synced)
    storage::sync_tree(options.use_ocdbt ? directory + "/" + process_directory(rank) : directory);
  return written;
}

// _orrery.json, written as checksums come, so that no more than a buffer of it is in memory.
class ChecksumsFile {
 public:
  template <OnUse = OnUse()>
  explicit ChecksumsFile(std::string path) : path_(std::move(path)), text_(buffer_) {}
  template <OnUse = OnUse()>
  void add(std::string_view key, std::uint32_t crc32c) {
    text_.add(key, crc32c);
    if (buffer_.size() >= enough) write();
  }
  // No file where there are no checksums.
  template <OnUse = OnUse()>
  void finish(const TypeOps* type) {
    if (text_.is_empty()) return;
    text_.end(type);
    write();
    file_.close();
  }

 private:
  static constexpr std::size_t enough = std::size_t{256} << 10;

  template <OnUse = OnUse()>
  void write() {
    if (written_ == 0) file_ = storage::File::create(path_);
    file_.pwrite_all(buffer_.data(), buffer_.size(), written_);
    written_ += buffer_.size();
    buffer_.clear();
  }

  std::string path_, buffer_{};
  ChecksumsText text_;
  storage::File file_{};
  std::uint64_t written_ = 0;
};

// Rank 0's last part of one item: the database that points to what all have written, and the files beside it. `encoded`: the shares, by
// ranks. They go one after the other, so that of each key only what the database needs stays in memory.
template <OnUse = OnUse()>
inline void finish_shared_item(const std::string& directory, const TreeView& view, const Params& params,
                               const std::vector<std::pair<std::string, std::string>>& metadata, std::vector<std::string> encoded,
                               const SaveOptions& options) {
  ChecksumsFile checksums(directory + "/_orrery.json");
  std::optional<DatabasePayloads> root;
  if (options.use_ocdbt) {
    root.emplace(directory, storage::GatherOptions{.checksums = false});
    std::size_t entries = metadata.size(), bytes = 0;
    for (const auto& [key, text] : metadata) bytes += key.size() + text.size();
    for (const std::string& share : encoded) {  // which has each key once, and again beside its checksum
      entries += ProcessShare::count(share);
      bytes += share.size() / (options.checksums ? 2 : 1);
    }
    root->reserve(entries, bytes);
    for (const auto& [key, text] : metadata) root->put_metadata("", key, text);
  }
  for (std::size_t rank = 0; rank < encoded.size(); ++rank) {
    const std::string share = std::exchange(encoded[rank], {});
    std::uint32_t number = 0;
    ProcessShare::read(
        share,
        [&](std::string_view file) {
          number = root.value().add_file({process_directory(static_cast<int>(rank)), std::string(file)});
        },
        [&](std::string_view key, std::uint64_t offset, std::uint64_t size) { root->put_reference(key, number, offset, size); },
        [&](std::string_view key, std::uint32_t crc32c) { checksums.add(key, crc32c); });
  }
  checksums.finish(view.type);
  if (root) root->finish();
  root.reset();
  write_item_files(directory, view, params, options);
}

}  // namespace detail

}  // namespace orrery::inline v0::orbax
