// An item that is one array or number, as Orbax's ArrayCheckpointHandler lays it out: files in a folder `checkpoint`, no database, and
// the JSON files of any item (spec/orbax.md 7.2). Reading it is stored_item.hpp's business, as of every item.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/handlers.hpp"
#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/write_arrays.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

// The files of the only leaf of `view`, but for those that belong to the step, into `directory`, which exists and is empty. ArgumentError
// where it is a container, a text or a dtype that TensorStore does not have. Answers what was written.
template <OnUse>
Progress write_array_item(const std::string& directory, const TreeView& view, const SaveOptions& options) {
  if (view.nodes.size() != 1 || view.nodes[0].kind != NodeKind::leaf)
    throw ArgumentError("ArrayCheckpointer saves one array or number, and this is a container: use PyTreeCheckpointer",
                        {{}, directory, {}});
  if (view.leaves[0].kind == LeafKind::string)
    throw ArgumentError(
        "ArrayCheckpointer saves one array or number, and this is a string: put it into a struct or map, and use PyTreeCheckpointer",
        {{}, directory, {}});
  SaveOptions in_files = options;
  in_files.use_ocdbt = false;
  TreeView dict;  // the handler makes one of its array

  const std::size_t root = dict.enter(NodeKind::dict, {}, 1);
  dict.leaf("checkpoint", view.leaves[0]);
  dict.leave(root);
  check_one_process(view);
  const Params params = flatten_params(dict);

  storage::ProgressMeter meter(options.on_progress, progress_of(params));
  const std::vector<PayloadChecksum> checksums = write_arrays(directory, params, in_files, meter);
  detail::write_jax_metadata(directory, params, in_files);
  if (!checksums.empty()) detail::write_text(directory + "/_orrery.json", checksums_file(checksums));
  detail::write_text(directory + "/_METADATA", metadata_file(params, options.custom_metadata, false, options.use_zarr3));
  meter.complete();
  return meter.now();
}

// Saves the only leaf of `view` at `path`: complete under its name, or not there. ArgumentError as above; AlreadyExistsError where
// something is there and no force; IoError.
template <OnUse>
void save_array_item(const std::string& path, const TreeView& view, const SaveOptions& options) {
  detail::check_custom_metadata(options.custom_metadata);
  const std::uint64_t started = detail::nanoseconds_now();
  storage::AtomicDirectory directory(path, {.force = options.force, .durability = options.durability});
  const Progress written = write_array_item(directory.path(), view, options);
  detail::write_text(directory.path() + "/_CHECKPOINT_METADATA",
                     checkpoint_metadata_file(json::quoted(array_handler), started, detail::nanoseconds_now(), options.custom_metadata));
  detail::write_text(directory.path() + "/commit_success.txt", "Checkpoint commit was successful to " + directory.final_path());
  commit(directory, written, options);
}

}  // namespace orrery::inline v0::orbax
