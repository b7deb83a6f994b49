// The header of a safetensors file, read as a hostile text: whatever the library refuses is refused, and so is a name that stands twice
// (the library takes the last one without a word). Reading the elements is left to whoever knows where they go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/formats/safetensors/format.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::safetensors {

// The size of the header that the first eight bytes of a file of that size announce. FormatError, before anything is allocated for it,
// where it is larger than the rest of the file or than the library reads.
inline std::uint64_t header_size(std::span<const std::byte> length, std::uint64_t file_size, const std::string& file);

// The header of a file of that size. FormatError where it is no such header, or its tensors do not cover the rest of the file exactly.
// Memory is proportional to the text.
template <OnUse = OnUse()>
inline Header parse_header(std::string_view text, std::uint64_t file_size, const std::string& file);

// A dict of the names as they stand in the file, its leaves described; their ids are positions in header.tensors.
template <OnUse = OnUse()>
inline Tree tree_of(const Header& header) {
  Tree tree = Tree::dict();
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    const Tensor& tensor = header.tensors[i];
    tree.insert({tensor.name}, Tree::described(LeafKind::array, tensor.dtype, tensor.shape, static_cast<std::uint32_t>(i)));
  }
  return tree;
}

namespace detail {

// json::parse's handler: one state for each kind of place in a header.
class HeaderHandler {
 public:
  HeaderHandler(Header& header, const std::string& file) : header_(header), file_(file) {}

  void null() {
    if (!(in_ == In::root && at_metadata_)) scalar("null");
  }
  void boolean(bool) { scalar("true or false"); }
  void number(double) { scalar("a number that is no integer"); }
  void unsigned_integer(std::uint64_t value) {
    if (in_ == In::shape || in_ == In::offsets) refuse("a shape or offset of " + std::to_string(value) + " is more than any file can hold");
    scalar("an integer");
  }
  template <OnUse = OnUse()>
  void integer(std::int64_t value) {
    if (in_ != In::shape && in_ != In::offsets) return scalar("an integer");
    if (value < 0) refuse("expected a shape and offsets from 0 on, found " + std::to_string(value));
    if (numbers_.size() == 255) refuse("arrays of more than 255 dimensions cannot be held");
    numbers_.push_back(value);
  }
  template <OnUse = OnUse()>
  void string(std::string_view text) {
    if (in_ == In::metadata) {
      header_.metadata.emplace(key_, text);
    } else if (in_ == In::tensor && field_ == Field::dtype) {
      const auto dtype = dtype_from_code(text);
      if (!dtype) refuse("expected a dtype as F32 or BF16, found " + json::quoted(text) + ", which orrery (as NumPy) has none for");
      tensor_.dtype = *dtype;
    } else {
      scalar("a string");
    }
  }
  void start_object() {
    if (in_ == In::nothing) return enter(In::root);
    if (in_ == In::root) return enter(at_metadata_ ? In::metadata : In::tensor);
    start_ignored("an object");
  }
  template <OnUse = OnUse()>
  void start_array() {
    numbers_.clear();
    if (in_ == In::tensor && field_ == Field::shape) return enter(In::shape);
    if (in_ == In::tensor && field_ == Field::data_offsets) return enter(In::offsets);
    start_ignored("an array");
  }
  template <OnUse = OnUse()>
  void key(std::string_view key) {
    if (in_ == In::root) {
      at_metadata_ = key == metadata_name;
      tensor_ = {};
      tensor_.name = key;
      seen_ = 0;
    } else if (in_ == In::metadata) {
      key_ = key;
    } else if (in_ == In::tensor) {
      field_ = key == "dtype" ? Field::dtype : key == "shape" ? Field::shape : key == "data_offsets" ? Field::data_offsets : Field::other;
      seen_ |= 1u << static_cast<unsigned>(field_);
    }
  }
  template <OnUse = OnUse()>
  void end_object() {
    if (in_ == In::ignored) return end_ignored();
    if (in_ == In::tensor) {
      if ((seen_ & 7u) != 7u) refuse("expected a dtype, a shape and data_offsets, found not all of them");
      header_.tensors.push_back(std::move(tensor_));
    }
    in_ = in_ == In::root ? In::nothing : In::root;
  }
  template <OnUse = OnUse()>
  void end_array() {
    if (in_ == In::ignored) return end_ignored();
    if (in_ == In::shape) {
      tensor_.shape = Shape(std::span<const Dim>(numbers_));
    } else {
      if (numbers_.size() != 2) refuse("expected two data_offsets, found " + std::to_string(numbers_.size()));
      tensor_.begin = static_cast<std::uint64_t>(numbers_[0]);
      tensor_.end = static_cast<std::uint64_t>(numbers_[1]);
    }
    in_ = In::tensor;
  }

 private:
  enum class In : std::uint8_t { nothing, root, metadata, tensor, shape, offsets, ignored };
  enum class Field : std::uint8_t { dtype, shape, data_offsets, other };

  void enter(In in) { in_ = in; }
  // Fields that are not of this format are passed over, as the library does.
  bool is_ignored() const { return in_ == In::ignored || (in_ == In::tensor && field_ == Field::other); }
  void scalar(const char* what) {
    if (!is_ignored()) refuse_kind(what);
  }
  void start_ignored(const char* what) {
    if (!is_ignored()) refuse_kind(what);
    in_ = In::ignored;
    ++depth_;
  }
  void end_ignored() {
    if (--depth_ == 0) in_ = In::tensor;
  }

  [[noreturn]] void refuse_kind(const std::string& found) const {
    const char* expected = in_ == In::nothing    ? "an object of tensors"
                           : in_ == In::root     ? at_metadata_ ? "an object of texts" : "an object with dtype, shape and data_offsets"
                           : in_ == In::metadata ? "a text"
                           : in_ == In::tensor   ? field_ == Field::dtype ? "a dtype as \"F32\"" : "an array of integers"
                                                 : "an integer";
    refuse(std::string("expected ") + expected + ", found " + found);
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError("this is no safetensors header: " + what, {tensor_.name, file_, length_size});
  }

  Header& header_;
  const std::string& file_;
  In in_ = In::nothing;
  Field field_ = Field::other;
  bool at_metadata_ = false;
  unsigned seen_ = 0;      // fields of the tensor, a bit each
  std::size_t depth_ = 0;  // of what is ignored
  Tensor tensor_{};
  std::string key_{};
  std::vector<Dim> numbers_{};
};

// Bytes of a tensor; nothing where they are more than 64 bits count. Factor by factor, as the library: a zero behind an overflow does
// not save it.
template <OnUse = OnUse()>
inline std::optional<std::uint64_t> bytes_of(const Tensor& tensor) {
  std::uint64_t bytes = 1;
  for (const Dim extent : tensor.shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) return std::nullopt;
  if (__builtin_mul_overflow(bytes, std::uint64_t{8} * item_size(tensor.dtype), &bytes)) return std::nullopt;
  return bytes / 8;
}

// The tensors lie one after the other and end with the file.
template <OnUse = OnUse()>
inline void check_offsets(const Header& header, std::uint64_t file_size, const std::string& file) {
  std::vector<const Tensor*> order;
  order.reserve(header.tensors.size());
  for (const Tensor& tensor : header.tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const Tensor* a, const Tensor* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  std::uint64_t next = 0;
  const auto refuse = [&](const Tensor& tensor, const std::string& what) {
    throw FormatError("the tensors of this safetensors file do not fit together: " + what, {tensor.name, file, header.data_offset + next});
  };
  const std::uint64_t data_size = file_size - header.data_offset;
  for (const Tensor* tensor : order) {
    if (tensor->begin != next)
      refuse(*tensor, "expected one that begins at offset " + std::to_string(next) + ", found one that begins at " +
                          std::to_string(tensor->begin) + (tensor->begin < next ? " and overlaps the one before" : " and leaves a hole"));
    if (tensor->end < tensor->begin || tensor->end > data_size)
      refuse(*tensor, "it ends at offset " + std::to_string(tensor->end) + " of " + std::to_string(data_size));
    const auto bytes = bytes_of(*tensor);
    if (!bytes || *bytes != tensor->end - tensor->begin)
      refuse(*tensor, "a " + std::string(name(tensor->dtype)) + " of shape " + to_string(tensor->shape) + " does not take " +
                          std::to_string(tensor->end - tensor->begin) + " bytes");
    next = tensor->end;
  }
  if (next != data_size)
    throw FormatError("the tensors of this safetensors file end at offset " + std::to_string(next) + " of " + std::to_string(data_size) +
                          ": the file is truncated, or has something behind them",
                      {{}, file, header.data_offset + next});
}

}  // namespace detail

inline std::uint64_t header_size(std::span<const std::byte> length, std::uint64_t file_size, const std::string& file) {
  if (length.size() < length_size)
    throw FormatError("a safetensors file begins with 8 bytes for the size of its header; this one has " + std::to_string(file_size),
                      {{}, file, 0});
  const auto size = load_le<std::uint64_t>(length.data());
  if (size > max_header_size)
    throw FormatError("the header of a safetensors file has at most 100000000 bytes, this one would have " + std::to_string(size) +
                          "; is it another format?",
                      {{}, file, 0});
  if (size > file_size - length_size)
    throw FormatError("the header of this safetensors file should have " + std::to_string(size) + " bytes and the file has only " +
                          std::to_string(file_size) + ": it is truncated, or another format",
                      {{}, file, 0});
  return size;
}

template <OnUse>
inline Header parse_header(std::string_view text, std::uint64_t file_size, const std::string& file) {
  Header header;
  header.data_offset = length_size + text.size();
  detail::HeaderHandler handler(header, file);
  json::parse(text, handler, {{}, file, length_size});
  const auto by_name = [](const Tensor& a, const Tensor& b) { return a.name < b.name; };
  std::sort(header.tensors.begin(), header.tensors.end(), by_name);
  detail::check_offsets(header, file_size, file);
  return header;
}

}  // namespace orrery::inline v0::safetensors
