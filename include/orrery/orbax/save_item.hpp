// One item, directly under a path: every file of spec/orbax.md 0.1 into a temporary directory, then the rename that commits it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/orbax/array_layout.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/file_names.hpp"
#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/placeholder_file.hpp"
#include "orrery/orbax/write_arrays.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

template <OnUse = OnUse()>
inline std::uint64_t nanoseconds_now() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

template <OnUse = OnUse()>
inline void write_text(const std::string& path, std::string_view text) {
  storage::File file = storage::File::create(path);
  file.pwrite_all(text.data(), text.size(), 0);
  file.close();
}

template <OnUse>
void check_custom_metadata(const std::string& text) {
  if (text.empty()) return;
  try {
    if (json::parse(text, {}).object()) return;
  } catch (const FormatError& e) {
    throw ArgumentError("custom_metadata must be a JSON object: " + std::string(e.what()));
  }
  throw ArgumentError("custom_metadata must be a JSON object, found another JSON value");
}

// Typed PRNG keys and sharded arrays are jax.Arrays to Orbax: it wants a sharding for each (of a key: any device, which every JAX finds as
// TFRT_CPU_0, spec/orbax.md 2.2), what one device writes, and the name of a key's implementation (2.3).
template <OnUse = OnUse()>
inline void write_jax_metadata(const std::string& directory, const Params& params, const SaveOptions& options) {
  const auto list = [](const Shape& extents) {
    std::string text = "[";
    for (std::size_t i = 0; i < extents.size(); ++i) text += (i ? ", " : "") + std::to_string(extents[i]);
    return text + "]";
  };
  std::string shardings, metadatas;
  for (const Param& param : params.list) {
    if (param.type != ValueType::jax_array) continue;
    if (!shardings.empty()) {
      shardings += ",";
      metadatas += ", ";
    }
    const ArrayView& array = param.leaf->array;
    const ArrayParts* parts = param.leaf->parts;
    const std::string shape = list(parts ? parts->write_shape : array.shape), chunks = list(layout_of(param, array.dtype, options).chunks);
    shardings += json::quoted(base64_url(param.name)) + ":" +
                 json::quoted(parts ? parts->sharding : R"({"sharding_type": "SingleDeviceSharding", "device_str": "TFRT_CPU_0"})");
    metadatas += R"({"array_metadata": {"param_name": )" + json::quoted(param.name) + ", \"write_shape\": " + shape +
                 ", \"chunk_shape\": " + chunks +
                 ", \"ext_metadata\": " + (parts ? "null" : "{\"random_key_impl\": " + json::quoted(param.leaf->text) + "}") + "}}";
  }
  if (shardings.empty()) return;
  write_text(directory + "/_sharding", "{" + shardings + "}");
  storage::make_directory(directory + "/array_metadatas");
  write_text(directory + "/array_metadatas/process_0", "{\"array_metadatas\": [" + metadatas + "]}");
}

}  // namespace detail

namespace detail {

// All files of an item but those of its arrays and their checksums.
template <OnUse = OnUse()>
inline void write_item_files(const std::string& directory, const TreeView& view, const Params& params, const SaveOptions& options) {
  if (std::any_of(params.list.begin(), params.list.end(), [](const Param& p) { return p.type == ValueType::string; }))
    write_text(directory + "/_strings.json", strings_file(params));
  write_jax_metadata(directory, params, options);
  write_text(directory + "/checkpoint", placeholder_file(view));
  write_text(directory + "/_METADATA", metadata_file(params, options.custom_metadata, options.use_ocdbt, options.use_zarr3));
}

// ... and what belongs to the step, where the item is one by itself.
template <OnUse = OnUse()>
inline void write_step_files(const storage::AtomicDirectory& directory, std::uint64_t started, const SaveOptions& options) {
  write_text(directory.path() + "/_CHECKPOINT_METADATA",
             checkpoint_metadata_file(json::quoted(pytree_handler), started, nanoseconds_now(), options.custom_metadata));
  write_text(directory.path() + "/commit_success.txt", "Checkpoint commit was successful to " + directory.final_path());
}

}  // namespace detail

// ArgumentError for sharded arrays whose other parts are in other processes.
template <OnUse = OnUse()>
inline void check_one_process(const TreeView& view) {
  for (const ArrayParts& array : view.parts)
    if (!array.is_complete)
      throw ArgumentError(
          "a sharded array spans several processes; they save it together with PyTreeCheckpointer::save of a state, on a mesh that has a "
          "coordinator");
}

// Everything of an item but what belongs to the step: into `directory`, which exists and is empty. Answers what was written.
template <OnUse = OnUse()>
Progress write_item(const std::string& directory, const TreeView& view, const SaveOptions& options) {
  check_one_process(view);
  const Params params = flatten_params(view);
  if (!options.use_ocdbt) check_item_files(params);
  storage::ProgressMeter meter(options.on_progress, progress_of(params));
  const std::vector<PayloadChecksum> checksums = write_arrays(directory, params, options, meter);
  if (!checksums.empty()) detail::write_text(directory + "/_orrery.json", checksums_file(checksums, view.type));
  detail::write_item_files(directory, view, params, options);
  meter.complete();
  return meter.now();
}

// The last steps of a save: to the disk, and under its name. on_progress can still cancel before each of them.
template <OnUse = OnUse()>
inline void commit(storage::AtomicDirectory& directory, const Progress& written, const SaveOptions& options) {
  storage::tell(options.on_progress, written, Phase::flushing);
  directory.flush();
  storage::tell(options.on_progress, written, Phase::committing);
  directory.commit();
}

// Saves `view` at `path`: complete under its name, or not there. ArgumentError for what Orbax cannot hold, AlreadyExistsError where
// something is there and no force, IoError; whatever was at `path` stays untouched by a save that fails.
template <OnUse>
void save_item(const std::string& path, const TreeView& view, const SaveOptions& options) {
  detail::check_custom_metadata(options.custom_metadata);
  const std::uint64_t started = detail::nanoseconds_now();
  storage::AtomicDirectory directory(path, {.force = options.force, .durability = options.durability});
  const Progress written = write_item(directory.path(), view, options);
  detail::write_step_files(directory, started, options);
  commit(directory, written, options);
}

ORRERY_ONCE(Progress write_item<>(const std::string&, const TreeView&, const SaveOptions&));

}  // namespace orrery::inline v0::orbax
