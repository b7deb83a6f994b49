// The arrays of an item into an OCDBT database at the item's root: payloads straight from the user's memory into one data file, zarr v2
// metadata inline in the B+tree, nodes behind the payloads, the manifest last. The profile is spec/orbax.md 0.1: one chunk an array,
// no compressor, payloads aligned so that a restore can map them, column-major arrays as zarr order F.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/formats/ocdbt/writer.hpp"
#include "orrery/formats/zarr/metadata.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/gather_writer.hpp"

namespace orrery::inline v0::orbax {

// The checksum of one stored payload, by its key in the database.
struct PayloadChecksum {
  std::string key;  // "model.params.kernel/0.0"
  std::uint32_t crc32c;
};

namespace detail {

// Small payloads start on cache lines, large ones on pages.
inline constexpr std::size_t small_alignment = 64, large_alignment = 4096, large_payload = 16384;

// The same memory seen with its axes reversed: C-contiguous where the array is F-contiguous.
inline ArrayView reversed_axes(ArrayView view) {
  std::reverse(view.shape.begin(), view.shape.end());
  std::reverse(view.strides.begin(), view.strides.end());
  return view;
}

inline zarr::ArrayMetadata metadata_of(const Param& param) {
  const ArrayView& array = param.leaf->array;
  if (!zarr::zarr2_dtype(array.dtype))
    throw ArgumentError("zarr as TensorStore reads it has no dtype " + std::string(name(array.dtype)) +
                            ": convert the array, or use a legacy Flax file", {param.name});
  if (array.rank() > 32) throw ArgumentError("zarr arrays have at most 32 dimensions, this one has " + std::to_string(array.rank()), {param.name});
  zarr::ArrayMetadata metadata;
  metadata.shape = array.shape;
  metadata.chunks = array.shape;
  for (Dim& extent : metadata.chunks) extent = std::max<Dim>(extent, 1);
  metadata.dtype = array.dtype;
  if (array.rank() > 1 && !array.is_c_contiguous() && array.is_f_contiguous()) metadata.codecs.transpose = zarr::f_order(array.rank());
  return metadata;
}

// The key of the only chunk: "0", "0.0", ...
inline std::string only_chunk(std::size_t rank) {
  std::string key = "0";
  for (std::size_t i = 1; i < rank; ++i) key += ".0";
  return key;
}

}  // namespace detail

// Writes the database of all leaves that are arrays or numbers into `directory`; does nothing if there are none. Returns the checksums
// of the payloads where asked. Flushing to the disk is left to who commits; `synced` only starts it early. ArgumentError for a dtype that
// TensorStore does not have; IoError.
inline std::vector<PayloadChecksum> write_arrays(const std::string& directory, const Params& params, bool checksums, Durability durability) {
  std::vector<PayloadChecksum> out;
  const auto is_array = [](const Param& p) { return p.leaf && p.type != ValueType::string; };
  if (std::none_of(params.list.begin(), params.list.end(), is_array)) return out;

  const ocdbt::DataFile data{"", "d/" + ocdbt::random_hex_name()};
  storage::make_directory(directory + "/d");
  storage::File file = storage::File::create(directory + "/" + data.path());
  storage::GatherWriter payloads(file, {.checksums = checksums, .early_writeback = durability == Durability::synced});
  ocdbt::Writer database;
  const std::uint32_t data_file = database.add_file(data);
  for (const Param& param : params.list) {
    if (!is_array(param)) continue;
    const ArrayView& array = param.leaf->array;
    const zarr::ArrayMetadata metadata = detail::metadata_of(param);
    const std::string prefix = param.name.empty() ? "" : param.name + "/", text = zarr::to_json(metadata);
    if (text.size() <= database.config().max_inline_value_bytes) {
      database.put_inline(prefix + ".zarray", text);
    } else {
      const storage::Placed placed = payloads.append_copy(std::as_bytes(std::span(text)));
      database.put_reference(prefix + ".zarray", data_file, placed.offset, placed.size);
    }
    if (array.size() == 0) continue;  // an array without elements has no chunks
    payloads.pad_to(array.nbytes() >= detail::large_payload ? detail::large_alignment : detail::small_alignment);
    const storage::Placed placed = payloads.append(metadata.codecs.transpose.empty() ? array : detail::reversed_axes(array));
    std::string key = prefix + detail::only_chunk(array.rank());
    database.put_reference(key, data_file, placed.offset, placed.size);
    if (checksums) out.push_back({std::move(key), placed.crc32c});
  }
  payloads.pad_to(detail::small_alignment);
  const ocdbt::WriterResult result = database.finish(data, payloads.size());
  payloads.append(std::as_bytes(std::span(result.nodes)));
  payloads.flush();
  file.close();

  storage::File manifest = storage::File::create(directory + "/manifest.ocdbt");
  manifest.pwrite_all(result.manifest.data(), result.manifest.size(), 0);
  manifest.close();
  return out;
}

}  // namespace orrery::inline v0::orbax
