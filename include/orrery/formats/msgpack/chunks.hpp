// Arrays above Flax's limit lie in a file as dicts of pieces (spec/flax-legacy.md 3.7): here they become one leaf again, whose bytes
// are in several places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/msgpack/document.hpp"
#include "orrery/formats/msgpack/packer.hpp"
#include "orrery/formats/msgpack/payload.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::msgpack_format::detail {

// From the root through dicts alone, as Flax goes.
class Joiner {
 public:
  Joiner(Document& document, const ReadOptions& options) : document_(document), options_(options) {}

  template <OnUse = OnUse()>
  void visit(Tree& tree, const PathLink* path) {
    if (!tree.is_dict()) return;
    if (is_chunked(tree)) {
      tree = joined(tree, path);
      return;
    }
    for (auto& [key, child] : tree.items()) {
      const PathLink link{path, key.text, 0, false};
      visit(child, &link);
    }
  }

 private:
  template <OnUse = OnUse()>
  static bool is_chunked(const Tree& dict) {
    for (const auto& [key, child] : dict.items())
      if (key.kind == DictKeyKind::string && key.text == chunk_marker) return true;
    return false;
  }

  template <OnUse = OnUse()>
  Tree joined(const Tree& map, const PathLink* path) {
    const Tree& shape = entry(map, "shape", path);
    const Tree& chunks = entry(map, "chunks", path);
    if (!shape.is_dict() || !chunks.is_dict()) fail("expected dicts for the shape and the chunks of a chunked array", path);
    if (chunks.size() == 0) fail("need at least one array to concatenate", path);
    if (shape.size() > 64) fail("maximum supported dimension for an ndarray is 64, found " + std::to_string(shape.size()), path);
    std::vector<Dim> extents;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const Tree& extent = entry(shape, std::to_string(i), path);
      if (extent.kind() != Tree::Kind::scalar || extent.dtype() != DType::int64)
        fail("expected an integer for extent " + std::to_string(i) + " of a chunked array", path);
      extents.push_back(extent.scalar<std::int64_t>());
    }
    std::vector<Document::Piece> pieces;
    DType dtype = DType::none;
    std::size_t count = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const Tree& chunk = entry(chunks, std::to_string(i), path);
      if (chunk.kind() != Tree::Kind::array || chunk.shape().size() != 1)
        fail("expected an array of rank 1 for chunk " + std::to_string(i) + ", found " + std::string(chunk.kind_name()), path);
      if (i > 0 && chunk.dtype() != dtype)
        fail("the chunks of an array are of the dtypes " + std::string(name(dtype)) + " and " + std::string(name(chunk.dtype())), path);
      dtype = chunk.dtype();
      count += static_cast<std::size_t>(chunk.shape()[0]);
      pieces.push_back(document_.pieces(chunk)[0]);
    }
    auto whole = reshaped(extents, count);
    if (!whole) fail("cannot reshape array of size " + std::to_string(count) + " into shape " + reshape_text(extents), path);
    return Tree::described(LeafKind::array, dtype, std::move(*whole), document_.add(pieces));
  }

  template <OnUse = OnUse()>
  const Tree& entry(const Tree& dict, std::string_view key, const PathLink* path) {
    const Tree* found = dict.find(key);
    if (!found)
      fail("KeyError: '" + std::string(key) +
               "': a dict with the key __msgpack_chunked_array__ is a chunked array, and this one lacks that entry",
           path);
    return *found;
  }
  template <OnUse = OnUse()>
  [[noreturn]] void fail(const std::string& message, const PathLink* path) const {
    throw FormatError(message, {to_string(path), options_.file});
  }

  Document& document_;
  const ReadOptions& options_;
};

}  // namespace orrery::inline v0::msgpack_format::detail
