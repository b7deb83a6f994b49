// What a safetensors file of a described tree looks like: the header, byte for byte as the library writes it, and the arrays in the order
// in which they follow. Nothing is copied; writing is left to whoever has the file.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json_writer.hpp"
#include "orrery/formats/safetensors/format.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::safetensors {

static_assert(std::endian::native == std::endian::little, "orrery: elements are written in memory order, which must be little-endian");

// Refers to the arrays of the view it was made of.
struct Image {
  std::string head{};                      // length and header
  std::vector<const ArrayView*> arrays{};  // what follows, without gaps
  std::uint64_t size = 0;                  // of the whole file
};

// Names are the keys on the way to a leaf joined with '.', as in PyTorch's state_dict; elements of lists and tuples have their index. What
// holds no array (none, empty containers) leaves no trace. ArgumentError for what the format cannot hold: texts, typed PRNG keys, dtypes
// that it lacks, two leaves of one name. O(n log n).
template <OnUse = OnUse()>
inline Image image_of(const TreeView& view, const Metadata& metadata);

namespace detail {

struct NamedArray {
  std::string name{};
  const ArrayView* array = nullptr;
  std::size_t rank = 0;  // of its dtype
};

class NameJoiner {
 public:
  template <OnUse = OnUse()>
  explicit NameJoiner(const TreeView& view) : view_(view) {
    out.reserve(view.leaves.size());
  }

  std::vector<NamedArray> out{};

  template <OnUse = OnUse()>
  void node(std::size_t at) {
    const ViewNode& node = view_.nodes[at];
    if (node.kind == NodeKind::leaf) return leaf(view_.leaves[node.count]);
    const bool keyed = node.kind == NodeKind::dict || node.kind == NodeKind::record;
    const std::size_t size = name_.size();
    std::size_t index = 0;
    for (std::size_t child = at + 1; child < node.end; child = view_.nodes[child].end) {
      if (at != 0) name_ += '.';
      if (keyed)
        name_ += view_.nodes[child].name;
      else
        name_ += std::to_string(index++);
      this->node(child);
      name_.resize(size);
    }
  }

 private:
  template <OnUse = OnUse()>
  void leaf(const LeafView& leaf) {
    switch (leaf.kind) {
      case LeafKind::string:
      case LeafKind::bytes:
      case LeafKind::ext: refuse("a safetensors file holds arrays and numbers, no text: put it into the metadata, or leave it out");
      case LeafKind::prng_key:
        refuse("a safetensors file has no place for the implementation of a PRNG key (" + std::string(leaf.text) + "): save its key data");
      case LeafKind::sharded: refuse(not_in_one_place);
      default: break;
    }
    const auto rank = dtype_rank(leaf.array.dtype);
    if (!rank)
      refuse("the safetensors format has no dtype " + std::string(orrery::name(leaf.array.dtype)) +
             ": convert the array, or use an Orbax checkpoint");
    if (name_ == metadata_name) refuse("no tensor can have this name: a safetensors file keeps its metadata there");
    out.push_back({name_, &leaf.array, *rank});
  }
  [[noreturn]] void refuse(const std::string& what) const { throw ArgumentError(what, {name_}); }

  const TreeView& view_;
  std::string name_{};
};

// The widest dtype first, names in order: the library's order, and one in which equal names show.
template <OnUse = OnUse()>
inline void sort_and_check(std::vector<NamedArray>& arrays) {
  std::sort(arrays.begin(), arrays.end(), [](const NamedArray& a, const NamedArray& b) { return a.name < b.name; });
  const auto same = [](const NamedArray& a, const NamedArray& b) { return a.name == b.name; };
  if (const auto twice = std::adjacent_find(arrays.begin(), arrays.end(), same); twice != arrays.end())
    throw ArgumentError("two leaves would have one name in a safetensors file, where keys are joined with '.': rename one", {twice->name});
  std::stable_sort(arrays.begin(), arrays.end(), [](const NamedArray& a, const NamedArray& b) { return a.rank > b.rank; });
}

}  // namespace detail

template <OnUse>
inline Image image_of(const TreeView& view, const Metadata& metadata) {
  detail::NameJoiner joiner(view);
  if (!view.nodes.empty()) joiner.node(0);
  detail::sort_and_check(joiner.out);

  Image image;
  image.head.assign(length_size, '\0');
  json::Writer header(image.head, json::Style::compact);
  header.start_object();
  if (!metadata.empty()) {
    header.key(metadata_name);
    header.start_object();
    for (const auto& [key, text] : metadata) {
      header.key(key);
      header.string(text);
    }
    header.end_object();
  }
  std::uint64_t offset = 0;
  for (const detail::NamedArray& named : joiner.out) {
    const ArrayView& array = *named.array;
    header.key(named.name);
    header.start_object();
    header.key("dtype");
    header.string(detail::dtype_codes[named.rank].code);
    header.key("shape");
    header.start_array();
    for (const Dim extent : array.shape) header.integer(extent);
    header.end_array();
    header.key("data_offsets");
    header.start_array();
    header.unsigned_integer(offset);
    header.unsigned_integer(offset += array.nbytes());
    header.end_array();
    header.end_object();
    image.arrays.push_back(named.array);
  }
  header.end_object();
  while (image.head.size() % header_alignment != 0) image.head += ' ';
  const std::uint64_t size = image.head.size() - length_size;
  if (size > max_header_size)
    throw ArgumentError("the names of these " + std::to_string(image.arrays.size()) + " tensors take a header of " + std::to_string(size) +
                        " bytes; readers of safetensors files take 100000000 at most");
  store_le(image.head.data(), size);
  image.size = image.head.size() + offset;
  return image;
}

}  // namespace orrery::inline v0::safetensors
