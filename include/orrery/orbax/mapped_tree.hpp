// A checkpoint seen without reading it: a read-only tree whose plainly stored leaves (one chunk, no codec, native elements at an aligned
// place) point into the mapped files; all others were read when it was opened. Made by PyTreeCheckpointer::restore_mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/array_view.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/mapped_file.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

class MappedTree;

namespace orbax {
// NotFoundError, FormatError, DataLossError as a restore. Cost: the metadata, a map of each file, the leaves that have to be read
// (checked against their checksums where `verify_checksums`).
template <OnUse = OnUse()>
MappedTree map_item(const std::string& directory, bool verify_checksums);
}  // namespace orbax

// A handle on a node: copying it costs a reference count, and any of them keeps the files mapped. Arrays are valid while one lives.
// Thread-safe to read. Nothing checks the mapped bytes before they are used; verify() does.
class MappedTree {
 public:
  bool is_none() const noexcept { return node_->is_none(); }
  bool is_dict() const noexcept { return node_->is_dict(); }
  bool is_list() const noexcept { return node_->is_list(); }
  bool is_leaf() const noexcept { return node_->is_leaf(); }
  Tree::Kind kind() const noexcept { return node_->kind(); }
  template <OnUse = OnUse()>
  DType dtype() const noexcept {
    return node_->dtype();
  }
  template <OnUse = OnUse()>
  const Shape& shape() const noexcept {
    return node_->shape();
  }

  // Entries of a dict, elements of a list.
  template <OnUse = OnUse()>
  std::size_t size() const noexcept {
    return node_->size();
  }
  template <OnUse = OnUse()>
  std::vector<std::string> keys() const {
    return node_->keys();
  }
  template <OnUse = OnUse()>
  bool contains(std::string_view key) const noexcept {
    return node_->contains(key);
  }
  // KeyError if absent; ArgumentError beyond the end of a list.
  template <OnUse = OnUse()>
  MappedTree operator[](std::string_view key) const {
    return MappedTree(held_, &(*node_)[key]);
  }
  template <std::integral I>
  MappedTree operator[](I index) const {
    return MappedTree(held_, &(*node_)[index]);
  }
  template <OnUse = OnUse()>
  std::optional<MappedTree> find(std::string_view key) const {
    const Tree* found = node_->find(key);
    return found ? std::optional(MappedTree(held_, found)) : std::nullopt;
  }

  // The elements of an array, a number or the data of a key: in the file where is_mapped(), C- or F-ordered as they were stored.
  // ArgumentError for other nodes.
  template <OnUse = OnUse()>
  ArrayView array() const {
    return is_mapped() ? held_->payloads[node_->id()].view : node_->array().view();
  }
  template <OnUse = OnUse()>
  bool is_mapped() const noexcept {
    return node_->is_leaf() && !node_->has_value();
  }
  template <Element T>
  T scalar() const {
    return is_mapped() ? array().at<T>({}) : node_->scalar<T>();
  }
  template <OnUse = OnUse()>
  const std::string& string() const {
    return node_->string();
  }

  // This subtree with values of its own.
  template <OnUse = OnUse()>
  Tree copy() const {
    return copy_of(*node_);
  }

  // Reads every mapped byte of the checkpoint that has a stored checksum: DataLossError naming the leaf, file and offset of the first
  // that differs. Says how many leaves could be checked.
  template <OnUse = OnUse()>
  std::size_t verify() const {
    std::size_t checked = 0;
    for (const Payload& payload : held_->payloads) {
      if (!payload.crc32c && !payload.has_checksum) continue;
      if (!payload.is_whole())
        throw DataLossError("the checksum of this payload is not the one that was saved: the file was damaged",
                            {payload.name, held_->files[payload.file].path(), payload.offset});
      ++checked;
    }
    return checked;
  }

 private:
  template <OnUse>
  friend MappedTree orbax::map_item(const std::string&, bool);

  struct Payload {
    ArrayView view;
    std::string name;
    std::uint32_t file;
    std::uint64_t offset;
    std::uint64_t length;                 // of what is stored
    std::optional<std::uint32_t> crc32c;  // of all of it
    bool has_checksum;                    // behind the elements, by zarr v3's crc32c
    template <OnUse = OnUse()>
    bool is_whole() const noexcept {
      if (crc32c) return orrery::crc32c(view.data, static_cast<std::size_t>(length)) == *crc32c;
      std::uint32_t stored;
      std::memcpy(&stored, static_cast<const char*>(view.data) + view.nbytes(), sizeof stored);
      return orrery::crc32c(view.data, view.nbytes()) == stored;
    }
  };
  struct Held {
    Tree tree{};  // mapped leaves are described, their ids count payloads
    std::vector<Payload> payloads{};
    std::vector<storage::MappedFile> files{};  // by the number that the item's store gives them
  };
  class Builder;

  template <OnUse = OnUse()>
  MappedTree(std::shared_ptr<const Held> held, const Tree* node) : held_(std::move(held)), node_(node) {}

  template <OnUse = OnUse()>
  Tree copy_of(const Tree& node) const {
    if (node.is_dict()) {
      Tree out = Tree::dict();
      for (const Tree::Item& item : node.items()) out.insert(item.key, copy_of(item.value));
      return out;
    }
    if (node.is_list() || node.is_tuple()) {
      std::vector<Tree> elements;
      for (const Tree& element : node.elements()) elements.push_back(copy_of(element));
      return node.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
    }
    return node.is_leaf() && !node.has_value() ? Tree::from_array(AnyArray::copy_of(held_->payloads[node.id()].view)) : node;
  }

  std::shared_ptr<const Held> held_;
  const Tree* node_;
};

namespace orbax {
ORRERY_ONCE(MappedTree map_item<>(const std::string&, bool));
}

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/orbax/mapped_tree_impl.hpp"  // IWYU pragma: export
#endif
