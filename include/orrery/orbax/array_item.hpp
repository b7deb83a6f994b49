// An item that is one array or number, as Orbax's ArrayCheckpointHandler lays it out: files in a folder `checkpoint`, no database, and
// the JSON files of any item (spec/orbax.md 7.2). Reading it is stored_item.hpp's business, as of every item.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/write_arrays.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/gather_writer.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

inline constexpr std::string_view array_handler = "orbax.checkpoint._src.handlers.array_checkpoint_handler.ArrayCheckpointHandler";

namespace detail {

// _METADATA of the dict of one entry that the handler makes of its array.
inline std::string array_metadata_file(const Param& param, std::string_view custom_metadata) {
  std::string out = R"json({"tree_metadata": {"('checkpoint',)": {"key_metadata": [{"key": "checkpoint", "key_type": 2}], )json";
  out += "\"value_metadata\": {\"value_type\": ";
  out += json::quoted(name(param.type)) + ", \"skip_deserialize\": false";
  if (param.type == ValueType::jax_array) {
    out += ", \"write_shape\": [";
    for (std::size_t i = 0; i < param.leaf->array.rank(); ++i) out += (i ? ", " : "") + std::to_string(param.leaf->array.shape[i]);
    out += "]";
  }
  out += R"(}}}, "use_ocdbt": false, "use_zarr3": false, "store_array_data_equal_to_fill_value": true, "custom_metadata": )";
  out += custom_metadata.empty() ? "null" : custom_metadata;
  return out + "}";
}

// The folder of the array: .zarray and its one chunk, straight from the user's memory.
inline std::vector<PayloadChecksum> write_array_folder(const std::string& directory, const Param& param, const SaveOptions& options) {
  const ArrayView& array = param.leaf->array;
  const zarr::ArrayMetadata metadata = metadata_of(param);
  storage::make_directory(directory + "/checkpoint");
  write_text(directory + "/checkpoint/.zarray", zarr::to_json(metadata));
  if (array.size() == 0) return {};  // an array without elements has no chunks
  const std::string key = "checkpoint/" + only_chunk(array.rank());
  storage::File file = storage::File::create(directory + "/" + key);
  storage::GatherWriter payload(file, {.checksums = options.checksums, .early_writeback = options.durability == Durability::synced});
  const storage::Placed placed = payload.append(metadata.codecs.transpose.empty() ? array : reversed_axes(array));
  payload.flush();
  file.close();
  if (!options.checksums) return {};
  return {{key, placed.crc32c}};
}

}  // namespace detail

// Saves the only leaf of `view` at `path`: complete under its name, or not there. ArgumentError where it is a container, a text or a
// dtype that TensorStore does not have; AlreadyExistsError where something is there and no force; IoError.
inline void save_array_item(const std::string& path, const TreeView& view, const SaveOptions& options) {
  if (view.nodes.size() != 1 || view.nodes[0].kind != NodeKind::leaf)
    throw ArgumentError("ArrayCheckpointer saves one array or number, and this is a container: use PyTreeCheckpointer", {{}, path, {}});
  if (view.leaves[0].kind == LeafKind::string)
    throw ArgumentError(
        "ArrayCheckpointer saves one array or number, and this is a string: put it into a struct or map, and use PyTreeCheckpointer",
        {{}, path, {}});
  detail::check_custom_metadata(options.custom_metadata);
  TreeView dict;
  const std::size_t root = dict.enter(NodeKind::dict, {}, 1);
  dict.leaf("checkpoint", view.leaves[0]);
  dict.leave(root);
  const Params params = flatten_params(dict);
  const Param& param = params.list[0];

  const std::uint64_t started = detail::nanoseconds_now();
  storage::AtomicDirectory directory(path, {.force = options.force, .durability = options.durability});
  const std::vector<PayloadChecksum> checksums = detail::write_array_folder(directory.path(), param, options);
  detail::write_key_metadata(directory.path(), params);
  if (!checksums.empty()) detail::write_text(directory.path() + "/_orrery.json", checksums_file(checksums));
  detail::write_text(directory.path() + "/_METADATA", detail::array_metadata_file(param, options.custom_metadata));
  detail::write_text(directory.path() + "/_CHECKPOINT_METADATA",
                     checkpoint_metadata_file(json::quoted(array_handler), started, detail::nanoseconds_now(), options.custom_metadata));
  detail::write_text(directory.path() + "/commit_success.txt", "Checkpoint commit was successful to " + directory.final_path());
  directory.commit();
}

}  // namespace orrery::inline v0::orbax
