// One item by several processes: each writes the parts of sharded arrays that are its own, rank 0 everything else, the root and the commit.
// Between the steps they meet; what goes wrong in one is thrown in all, and nothing is left of the item then. Restoring needs no meeting:
// each process reads what it wants.
#pragma once

#include <cerrno>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/process_payloads.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/sync_tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

// What a process writes, and the metadata that goes into the root; rank 0 alone has any.
struct WrittenShare {
  ProcessShare share{};
  std::vector<std::pair<std::string, std::string>> metadata{};
};

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

// The database that points to what all have written.
inline void write_root(const std::string& directory, const std::vector<std::pair<std::string, std::string>>& metadata,
                       const std::vector<ProcessShare>& shares) {
  DatabasePayloads root(directory, {.checksums = false});
  for (const auto& [key, text] : metadata) root.put_metadata("", key, text);
  for (std::size_t rank = 0; rank < shares.size(); ++rank) {
    if (shares[rank].payloads.empty()) continue;
    const std::uint32_t file = root.add_file({process_directory(static_cast<int>(rank)), shares[rank].file});
    for (const ProcessShare::Payload& payload : shares[rank].payloads) root.put_reference(payload.key, file, payload.offset, payload.size);
  }
  root.finish();
}

}  // namespace detail

// How long a process waits for the others at each step, as Orbax's barriers do.
inline constexpr std::chrono::minutes meeting_timeout{20};

// Called by all processes of `world` with the same path, options and structure. The same errors as save_item(), in all of them, and
// TimeoutError that names the ranks which did not come.
inline void save_item_together(const std::string& path, const TreeView& view, const SaveOptions& options, Coordinator& world) {
  const std::uint64_t started = detail::nanoseconds_now();
  const bool is_first = world.rank() == 0;
  const auto deadline = [] { return deadline_in(meeting_timeout); };
  std::optional<storage::AtomicDirectory> item;
  Params params;
  world.attempt("the beginning of " + path, deadline(), [&] {
    detail::check_custom_metadata(options.custom_metadata);
    params = flatten_params(view);
    if (!options.use_ocdbt) check_item_files(params);
    if (is_first) item.emplace(path, storage::AtomicDirectoryOptions{.force = options.force, .durability = options.durability});
  });
  const std::string directory = world.broadcast(is_first ? item->path() : std::string(), "the directory of " + path, deadline());

  std::optional<storage::ProgressMeter> meter;  // made where its function may throw
  detail::WrittenShare mine;
  world.attempt("the writing of " + path, deadline(), [&] {
    if (!storage::is_directory(directory))
      throw IoError("find the directory that rank 0 has made for this save, which has to be on a file system that all processes share",
                    ENOENT, {.file = directory});
    meter.emplace(options.on_progress, progress_of(params));
    mine = detail::write_share(directory, params, world.rank(), options, *meter);
    meter->complete();
  });
  const std::vector<std::string> encoded = world.gather(mine.share.encoded(), "what was written of " + path, deadline());

  world.attempt("the commit of " + path, deadline(), [&] {
    if (!is_first) return;
    std::vector<ProcessShare> shares;
    std::vector<PayloadChecksum> checksums;
    for (const std::string& bytes : encoded) {
      ProcessShare& share = shares.emplace_back(ProcessShare::decoded(bytes));
      checksums.insert(checksums.end(), std::make_move_iterator(share.checksums.begin()), std::make_move_iterator(share.checksums.end()));
    }
    if (options.use_ocdbt) detail::write_root(directory, mine.metadata, shares);
    detail::write_item_files(directory, view, params, checksums, options);
    detail::write_step_files(*item, started, options);
    commit(*item, meter->now(), options);
  });
}

// The processes that hold the sharded arrays of this state together; null where there is but one. ArgumentError where not all of an array
// can be reached, or arrays belong to different ones.
inline std::shared_ptr<Coordinator> processes_of(const TreeView& view) {
  std::shared_ptr<Coordinator> world;
  for (const ArrayParts& array : view.parts) {
    if (!array.is_complete && !array.processes)
      throw ArgumentError("a sharded array spans several processes, but its mesh knows no way to them: make the mesh with a coordinator");
    if (!array.processes || array.processes->size() == 1) continue;
    if (world && world != array.processes)
      throw ArgumentError("two sharded arrays of this state belong to meshes of different coordinators; make them from one");
    world = array.processes;
  }
  return world;
}

}  // namespace orrery::inline v0::orbax
