// A zarr array alone: a directory with .zarray or zarr.json and a file per chunk, as TensorStore and Zarr write them outside of any
// checkpoint. Arrays inside of items are the business of orbax/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/formats/zarr/metadata.hpp"
#include "orrery/formats/zarr/metadata_v3.hpp"
#include "orrery/formats/zarr/stored_chunks.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::zarr {

class ArrayDirectory {
 public:
  template <OnUse = OnUse()>
  static bool is_at(const std::string& path) {
    return storage::exists(path + "/.zarray") || storage::exists(path + "/zarr.json");
  }

  // NotFoundError where no array is, FormatError or DataLossError for what cannot be one. zarr.json counts where both are there. Errors
  // name `key_path`, where the array stands for a leaf of a tree.
  template <OnUse = OnUse()>
  static ArrayDirectory open(const std::string& path, const std::string& key_path = {}) {
    ArrayDirectory array;
    array.path_ = path;
    array.key_path_ = key_path;
    const std::string v2 = path + "/.zarray", v3 = path + "/zarr.json";
    const bool is_v3 = storage::exists(v3);
    if (!is_v3 && !storage::exists(v2)) throw NotFoundError("there is no zarr array: neither zarr.json nor .zarray", {key_path, path, {}});
    const std::string text = storage::read_file(is_v3 ? v3 : v2, largest_json);
    array.metadata_ = is_v3 ? parse_metadata_v3(text, {key_path, v3, {}}) : parse_metadata(text, {key_path, v2, {}});
    StoredChunks().check(array.metadata_, MissingChunk::fill, path + "/", {key_path, path, {}}, [&](const std::string& key) {
      const std::string file = path + "/" + key;
      return storage::exists(file) ? std::optional(storage::File::open(file).size()) : std::nullopt;
    });
    return array;
  }

  const ArrayMetadata& metadata() const noexcept { return metadata_; }

  // A box of the array into a target as read_box() wants it; chunks that are not there are the fill value.
  template <OnUse = OnUse()>
  void read(const Box& box, const ArrayView& to) const {
    std::string bytes;
    read_box(metadata_, box, to, MissingChunk::fill, {key_path_, path_, {}},
             [&](std::span<const Dim> index) -> std::optional<std::string_view> {
               const std::string file = path_ + "/" + chunk_key(index, metadata_.keys);
               if (!storage::exists(file)) return std::nullopt;
               const storage::File opened = storage::File::open(file);
               const std::uint64_t size = opened.size();
               if (!is_plausible(metadata_, size))
                 throw DataLossError("this file has " + std::to_string(size) + " bytes, which no chunk has", {key_path_, file, {}});
               bytes.resize(static_cast<std::size_t>(size));
               if (size > 0) opened.pread_exactly(0, bytes.data(), bytes.size());
               return bytes;
             });
  }
  template <OnUse = OnUse()>
  void read(const ArrayView& to) const {
    read(Box::whole(metadata_.shape), to);
  }

 private:
  static constexpr std::size_t largest_json = std::size_t{1} << 20;

  std::string path_{}, key_path_{};
  ArrayMetadata metadata_{};
};

}  // namespace orrery::inline v0::zarr
