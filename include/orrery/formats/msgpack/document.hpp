// A msgpack file that was read: a tree that holds scalars and texts and describes arrays, which stay in the buffer until somebody says
// where they shall go. Made by parser.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::msgpack_format {

struct ReadOptions {
  bool orbax_aggregate =
      false;  // Orbax's file of 2023 (3.12): extension 4 is a tuple; other unknown extensions and keys that are no strings are refused
  std::string file{};  // for messages
};

// What was read. Arrays and NumPy scalars are described leaves of the tree; their bytes are those of the buffer that was read, which must
// outlive this.
class Document {
 public:
  struct Piece {
    const std::byte* data;
    std::size_t size;
  };

  Tree tree{};

  // Copies the elements of a described leaf of this tree to an array of its shape (writable though a view says const), of any strides
  // and dtype (cast_copy). One memcpy for a dense target of its dtype.
  template <OnUse = OnUse()>
  void read(const Tree& leaf, const ArrayView& to) const {
    const Leaf& stored = leaves_[leaf.id()];
    const std::span<const Piece> pieces(pieces_.data() + stored.first, stored.count);
    const DType dtype = leaf.dtype();
    if (to.dtype == dtype && to.is_c_contiguous()) {
      gather(pieces, const_cast<void*>(to.data));
      put_right(dtype, const_cast<void*>(to.data), to.size());
    } else if (pieces.size() == 1 && !is_odd(dtype)) {
      cast_copy(ArrayView::dense(dtype, pieces[0].data, leaf.shape()), to);
    } else {
      AnyArray whole = AnyArray::uninitialized(dtype, leaf.shape());
      gather(pieces, whole.data());
      put_right(dtype, whole.data(), whole.size());
      cast_copy(whole.view(), to);
    }
  }

  // Whether the stored bytes are the target's bytes, one after the other.
  template <OnUse = OnUse()>
  static bool is_plain(const Tree& leaf, const ArrayView& to) {
    return to.dtype == leaf.dtype() && to.is_c_contiguous() && !is_odd(to.dtype);
  }

  // The stored bytes of a described leaf, in C order: one piece, or one for each chunk.
  template <OnUse = OnUse()>
  std::span<const Piece> pieces(const Tree& leaf) const {
    const Leaf& stored = leaves_[leaf.id()];
    return {pieces_.data() + stored.first, stored.count};
  }

  // The number of a new leaf whose bytes are these; for the parser.
  template <OnUse = OnUse()>
  std::uint32_t add(std::span<const Piece> pieces) {
    if (leaves_.size() >= Tree::no_id) throw FormatError("more than 4294967294 arrays in one file");
    leaves_.push_back({static_cast<std::uint32_t>(pieces_.size()), static_cast<std::uint32_t>(pieces.size())});
    pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
    return static_cast<std::uint32_t>(leaves_.size() - 1);
  }

 private:
  struct Leaf {
    std::uint32_t first;
    std::uint32_t count;
  };

  // Has bytes that mean nothing to C++ and must be put right before anybody looks.
  static bool is_odd(DType dtype) { return dtype == DType::bool_ || is_sub_byte(dtype); }
  template <OnUse = OnUse()>
  static void gather(std::span<const Piece> pieces, void* out) {
    auto* at = static_cast<std::byte*>(out);
    for (const Piece& piece : pieces) {
      if (piece.size) std::memcpy(at, piece.data, piece.size);
      at += piece.size;
    }
  }
  static void put_right(DType dtype, void* data, std::size_t count) {
    normalize_sub_byte(dtype, data, count);
    if (dtype != DType::bool_) return;
    auto* bytes = static_cast<unsigned char*>(data);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = bytes[i] != 0;
  }

  std::vector<Leaf> leaves_{};
  std::vector<Piece> pieces_{};
};

}  // namespace orrery::inline v0::msgpack_format
