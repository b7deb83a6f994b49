// Arrays of several processes, which save_checkpoint_multiprocess keeps beside its msgpack file: the file has the string
// "//GDAPlaceholder:<path>", the folder <file>_gda a zarr array at that path (spec/flax-legacy.md 4.9). Here they are found, described,
// and read as whole arrays; where they go is decided by whoever matches the state dict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/formats/zarr/metadata.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax::detail {

class ProcessArrays {
 public:
  explicit ProcessArrays(const std::string& checkpoint) : directory_(checkpoint + "_gda") {}

  // Whether the state dict has a placeholder anywhere.
  static bool are_in(const Tree& state) {
    if (state.kind() == Tree::Kind::string) return state.string().starts_with(placeholder);
    for (const auto& [key, child] : state.items())
      if (are_in(child)) return true;
    return false;
  }

  // The state dict with described arrays for its placeholders. DataLossError where one is missing or has too few chunks to be believed.
  Tree described(const Tree& state) { return described(state, nullptr, 0); }

  // Takes the slots of those arrays out of `slots`, and fills them.
  std::vector<Slot> read(std::span<const Slot> slots) const {
    std::vector<Slot> others;
    for (const Slot& slot : slots) {
      if (slot.from->has_value() || slot.from->id() < first_id)
        others.push_back(slot);
      else
        read(arrays_[slot.from->id() - first_id], slot.to.array);
    }
    return others;
  }

 private:
  static constexpr std::string_view placeholder = "//GDAPlaceholder:";
  static constexpr std::uint32_t first_id = 0x80000000;  // above those of the msgpack file's own arrays
  static constexpr std::size_t largest_json = std::size_t{1} << 20;
  static constexpr Dim most_missing_chunks = Dim{1} << 17;

  struct Array {
    std::string path;  // of its folder
    zarr::ArrayMetadata metadata;
  };

  Tree described(const Tree& state, const PathLink* path, std::size_t depth) {
    if (depth > orrery::detail::max_nesting) throw FormatError("the state dict nests deeper than 512 levels", {to_string(path)});
    if (state.kind() == Tree::Kind::string && state.string().starts_with(placeholder))
      return array(state.string().substr(placeholder.size()), to_string(path));
    if (!state.is_dict()) return state;
    Tree out = Tree::dict();
    for (const auto& [key, child] : state.items()) {
      PathLink link{path, key.text, 0, false};
      out.insert(key, described(child, &link, depth + 1));
    }
    return out;
  }

  Tree array(const std::string& below, const std::string& key_path) {
    // Flax names them by where they stand, so that no array can be asked for twice.
    if (below != key_path)
      throw FormatError("expected the placeholder of this very path, found one of \"" + below + "\"", {key_path, directory_, {}});
    const std::string path = below.empty() ? directory_ : directory_ + "/" + below, file = path + "/.zarray";
    const bool leads_out = ("/" + below + "/").find("/../") != std::string::npos || below.find('\0') != std::string::npos;
    if (leads_out || !storage::exists(file))
      throw DataLossError(
          "the array that this placeholder stands for is missing: several processes wrote it, as a zarr array, into the folder " +
              directory_ + ", which must lie beside the checkpoint",
          {key_path, file, {}});
    Array found{path, zarr::parse_metadata(storage::read_file(file, largest_json), {key_path, file, {}})};
    check_chunks(found, key_path);
    arrays_.push_back(std::move(found));
    const zarr::ArrayMetadata& metadata = arrays_.back().metadata;
    return Tree::described(LeafKind::array, metadata.dtype, metadata.shape, first_id + static_cast<std::uint32_t>(arrays_.size() - 1));
  }

  // Memory is taken only for what is mostly there; a missing chunk is zeros, as to TensorStore.
  static void check_chunks(const Array& array, const std::string& key_path) {
    const zarr::ArrayMetadata& metadata = array.metadata;
    const Where where{key_path, array.path, {}};
    const Shape grid = zarr::grid_extents(metadata);
    const auto chunks = checked_count(grid);
    if (!chunks) throw DataLossError("the array " + to_string(metadata.shape) + " has more chunks than 63 bits count", where);
    Shape index = Shape::zeros(grid.size());
    std::uint64_t stored = 0;
    Dim missing = 0;
    for (Dim i = 0; i < *chunks; ++i, zarr::next_index(index, grid)) {
      const std::string file = array.path + "/" + zarr::chunk_key(index, metadata.keys);
      if (!storage::exists(file)) {
        if (++missing > most_missing_chunks)
          throw DataLossError("the array " + to_string(metadata.shape) + " has almost none of its chunks", where);
        continue;
      }
      const std::uint64_t size = storage::File::open(file).size();
      if (!zarr::is_plausible(metadata, size))
        throw DataLossError(
            "this chunk has " + std::to_string(size) + " bytes, which cannot hold " + std::to_string(metadata.chunk_bytes()),
            {key_path, file, {}});
      stored += size;
    }
    constexpr std::uint64_t believed = std::uint64_t{1} << 26;
    if (*checked_bytes(metadata.shape, item_size(metadata.dtype)) / 32768 > stored + believed / 32768)
      throw DataLossError("the array " + to_string(metadata.shape) + " has almost no chunks: it is not believed to be zeros", where);
  }

  static void read(const Array& array, const ArrayView& to) {
    const zarr::ArrayMetadata& metadata = array.metadata;
    if (to.dtype != metadata.dtype) {
      const AnyArray whole = AnyArray::uninitialized(metadata.dtype, metadata.shape);
      read(array, whole.view());
      return cast_copy(whole.view(), to);
    }
    std::string bytes;
    zarr::read_array(metadata, to, zarr::MissingChunk::fill, {{}, array.path, {}}, [&](const Shape& index) {
      const std::string file = array.path + "/" + zarr::chunk_key(index, metadata.keys);
      if (!storage::exists(file)) return std::optional<std::string_view>();
      bytes = storage::read_file(file, 2 * metadata.chunk_bytes() + 65536);  // no codec makes more of them
      return std::optional<std::string_view>(bytes);
    });
  }

  std::string directory_;
  std::vector<Array> arrays_{};
};

}  // namespace orrery::inline v0::flax::detail
