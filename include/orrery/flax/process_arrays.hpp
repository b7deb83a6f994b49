// Arrays of several processes, which save_checkpoint_multiprocess keeps beside its msgpack file: the file has the string
// "//GDAPlaceholder:<path>", the folder <file>_gda a zarr array at that path (spec/flax-legacy.md 4.9). Here they are found, described,
// and read as whole arrays; where they go is decided by whoever matches the state dict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/checkpoint_files.hpp"
#include "orrery/formats/zarr/array_directory.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax::detail {

class ProcessArrays {
 public:
  explicit ProcessArrays(const std::string& checkpoint) : directory_(checkpoint + std::string(process_arrays_suffix)) {}

  // Whether the state dict has a placeholder anywhere.
  template <OnUse = OnUse()>
  static bool are_in(const Tree& state) {
    if (state.kind() == Tree::Kind::string) return state.string().starts_with(placeholder);
    for (const auto& [key, child] : state.items())
      if (are_in(child)) return true;
    return false;
  }

  // The state dict with described arrays for its placeholders. DataLossError where one is missing or has too few chunks to be believed.
  template <OnUse = OnUse()>
  Tree described(const Tree& state) {
    return described(state, nullptr, 0);
  }

  // Takes the slots of those arrays out of `slots`, and fills them.
  template <OnUse = OnUse()>
  std::vector<Slot> read(const std::vector<Slot>& slots) const {
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

  template <OnUse = OnUse()>
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

  template <OnUse = OnUse()>
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
    const zarr::ArrayMetadata& metadata = arrays_.emplace_back(zarr::ArrayDirectory::open(path, key_path)).metadata();
    return Tree::described(LeafKind::array, metadata.dtype, metadata.shape, first_id + static_cast<std::uint32_t>(arrays_.size() - 1));
  }

  template <OnUse = OnUse()>
  static void read(const zarr::ArrayDirectory& array, const ArrayView& to) {
    if (to.dtype == array.metadata().dtype) return array.read(to);
    const AnyArray stored = AnyArray::uninitialized(array.metadata().dtype, array.metadata().shape);
    array.read(stored.view());
    cast_copy(stored.view(), to);
  }

  std::string directory_;
  std::vector<zarr::ArrayDirectory> arrays_{};
};

}  // namespace orrery::inline v0::flax::detail
