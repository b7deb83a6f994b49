// msgpack-c's visitor parser makes a document. Chunked arrays are left in pieces; chunks.hpp joins them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/msgpack/document.hpp"
#include "orrery/formats/msgpack/keys.hpp"
#include "orrery/formats/msgpack/packer.hpp"
#include "orrery/formats/msgpack/payload.hpp"
#include "orrery/formats/utf8.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::msgpack_format::detail {

class Parser : public ::msgpack::null_visitor {
 public:
  Parser(std::span<const std::byte> bytes, const ReadOptions& options) : bytes_(bytes), options_(options) {}

  Document document{};
  bool has_chunks = false;

  template <OnUse = OnUse()>
  void run() {
    parse_one({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
  }

  // --- msgpack-c calls these
  template <OnUse = OnUse()>
  bool visit_nil() {
    return in_key() ? key(none_key()) : value(Tree::none());
  }
  template <OnUse = OnUse()>
  bool visit_boolean(bool v) {
    return in_key() ? key(bool_key(v)) : value(Tree::scalar(v));
  }
  template <OnUse = OnUse()>
  bool visit_positive_integer(std::uint64_t v) {
    return in_key() ? key(integer_key(v)) : value(Tree::scalar(v));
  }
  template <OnUse = OnUse()>
  bool visit_negative_integer(std::int64_t v) {
    return in_key() ? key(integer_key(v)) : value(Tree::scalar(v));
  }
  template <OnUse = OnUse()>
  bool visit_float32(float v) {
    return visit_float64(static_cast<double>(v));
  }
  template <OnUse = OnUse()>
  bool visit_float64(double v) {
    return in_key() ? key(float_key(v)) : value(Tree::scalar(v));
  }
  template <OnUse = OnUse()>
  bool visit_str(const char* data, std::uint32_t size) {
    std::string text(size ? data : "", size);
    if (const std::size_t bad = invalid_utf8(text); bad != text.size())
      fail("'utf-8' codec can't decode byte " + std::to_string(static_cast<unsigned char>(text[bad])) + " in position " +
               std::to_string(bad) + " of a string",
           data);
    if (!in_key()) return value(Tree::string(std::move(text)));
    has_chunks = has_chunks || text == chunk_marker;
    return key({std::move(text), DictKeyKind::string});
  }
  template <OnUse = OnUse()>
  bool visit_bin(const char* data, std::uint32_t size) {
    std::string content(size ? data : "", size);
    return in_key() ? key(bytes_key(content)) : value(Tree::bytes(std::move(content)));
  }
  template <OnUse = OnUse()>
  bool visit_ext(const char* data, std::uint32_t size) {
    if (in_key()) fail("unhashable type: 'ExtType': a msgpack extension cannot be a key of a dict here", data);
    if (size == 0) fail("EXT data is too large", data);  // msgpack-c's count wrapped: 2^32 - 1 bytes
    return extension(static_cast<std::int8_t>(*data), {data + 1, size - 1}, data);
  }
  template <OnUse = OnUse()>
  bool start_array(std::uint32_t) {
    enter("list");
    stack_.push_back({Tree::list(), {}});
    return true;
  }
  template <OnUse = OnUse()>
  bool start_map(std::uint32_t) {
    enter("dict");
    stack_.push_back({Tree::dict(), {}});
    return true;
  }
  template <OnUse = OnUse()>
  bool start_map_key() {
    stack_.back().in_key = true;
    return true;
  }
  template <OnUse = OnUse()>
  bool end_map_key() {
    stack_.back().in_key = false;
    return true;
  }
  template <OnUse = OnUse()>
  bool end_array() {
    return leave();
  }
  template <OnUse = OnUse()>
  bool end_map() {
    return leave();
  }
  template <OnUse = OnUse()>
  void parse_error(std::size_t, std::size_t at) {
    fail("FormatError: expected a msgpack object, found the byte 0xc1, which begins none", base_ + at);
  }
  template <OnUse = OnUse()>
  void insufficient_bytes(std::size_t, std::size_t at) {
    fail("Unpack failed: incomplete input: the data ends within an object", base_ + at);
  }

 private:
  struct Frame {
    Tree tree;
    DictKey key;
    bool in_key = false;
    std::uint8_t key_kinds = 0;  // which kinds of keys the dict has, by bits
  };

  template <OnUse = OnUse()>
  bool in_key() const noexcept {
    return !stack_.empty() && stack_.back().in_key;
  }

  template <OnUse = OnUse()>
  void enter(std::string_view what) {
    if (in_key()) fail("unhashable type: '" + std::string(what) + "': it cannot be a key of a dict", nullptr);
    if (stack_.size() >= max_containers) fail("StackError: containers nest deeper than 1024 levels", nullptr);
  }
  template <OnUse = OnUse()>
  bool leave() {
    Tree done = std::move(stack_.back().tree);
    stack_.pop_back();
    return value(std::move(done));
  }

  template <OnUse = OnUse()>
  bool key(DictKey k) {
    Frame& dict = stack_.back();
    if (options_.orbax_aggregate && k.kind != DictKeyKind::string && k.kind != DictKeyKind::bytes)
      fail("int is not allowed for map key when strict_map_key=True: found " + k.text, nullptr);
    dict.key_kinds = static_cast<std::uint8_t>(dict.key_kinds | (1u << static_cast<unsigned>(k.kind)));
    dict.key = std::move(k);
    return true;
  }
  // A key that comes again keeps its first place and takes the last value, as in Python (1.1).
  template <OnUse = OnUse()>
  bool value(Tree v) {
    if (stack_.empty()) {
      document.tree = std::move(v);
      return true;
    }
    Frame& in = stack_.back();
    if (!in.tree.is_dict()) {
      in.tree.push_back(std::move(v));
      return true;
    }
    if (!std::has_single_bit(in.key_kinds) && in.tree.contains(in.key.text))
      fail("a dict has the keys " + in.key.text + " twice, as a string and as something else, which this library cannot tell apart",
           nullptr);
    in.tree.insert(std::move(in.key), std::move(v));
    return true;
  }

  template <OnUse = OnUse()>
  bool extension(std::int8_t code, std::string_view payload, const char* at) {
    std::string error;
    if (code == 1 || code == 3) {
      auto array = read_array_payload(payload, error);
      if (!array) fail(error, at);
      // A "scalar" of higher rank comes back as an array, as NumPy's ar[()] has it.
      const LeafKind kind = code == 3 && array->shape.empty() ? LeafKind::numpy_scalar : LeafKind::array;
      const Document::Piece piece{reinterpret_cast<const std::byte*>(array->data.data()), array->data.size()};
      return value(Tree::described(kind, array->dtype, std::move(array->shape), document.add({&piece, 1})));
    }
    if (code == 2) {
      auto number = read_complex_payload(payload, error);
      if (!number) fail(error, at);
      return value(Tree::scalar(*number));
    }
    if (code == 4 && options_.orbax_aggregate) return tuple(payload, at);
    if (code < -1) fail("code must be 0~127: found the extension code " + std::to_string(code), at);
    if (code == -1 && payload.size() != 4 && payload.size() != 8 && payload.size() != 12)
      fail("a msgpack time stamp has 4, 8 or 12 bytes, this one has " + std::to_string(payload.size()), at);
    if (options_.orbax_aggregate) fail("expected the extension codes 1 to 4, found " + std::to_string(code), at);
    return value(Tree::ext(code, std::string(payload)));
  }

  // Orbax's tuple: an extension that holds a list (3.12).
  template <OnUse = OnUse()>
  bool tuple(std::string_view payload, const char* at) {
    if (++tuples_ > max_tuples) fail("tuples nest deeper than " + std::to_string(max_tuples) + " levels", at);
    enter("tuple");
    stack_.push_back({Tree::tuple(), {}});
    parse_one(payload);
    Tree holder = std::move(stack_.back().tree);
    stack_.pop_back();
    --tuples_;
    if (holder.size() != 1 || !holder[0].is_list())
      fail("expected a list in the payload of a tuple, found " + std::string(holder[0].kind_name()), at);
    auto elements = holder[0].elements();
    return value(Tree::tuple({std::make_move_iterator(elements.begin()), std::make_move_iterator(elements.end())}));
  }

  template <OnUse = OnUse()>
  void parse_one(std::string_view data) {
    const std::size_t outer = std::exchange(base_, offset_of(data.data()));
    std::size_t end = 0;
    ::msgpack::parse(data.data(), data.size(), end, *this);  // its failures have thrown already
    if (end != data.size())
      fail("unpack(b) received extra data.: expected one object of " + std::to_string(end) + " bytes, found " + std::to_string(data.size()),
           base_ + end);
    base_ = outer;
  }

  std::size_t offset_of(const char* at) const noexcept {
    return at ? static_cast<std::size_t>(at - reinterpret_cast<const char*>(bytes_.data())) : 0;
  }
  // `at` null: msgpack-c does not say where.
  template <OnUse = OnUse()>
  [[noreturn]] void fail(const std::string& message, const char* at) const {
    fail(message, at ? std::optional<std::uint64_t>(offset_of(at)) : std::nullopt);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void fail(const std::string& message, std::optional<std::uint64_t> offset) const {
    std::string path;
    for (const Frame& frame : stack_) {
      if (!path.empty()) path += '/';
      path += frame.tree.is_dict() ? frame.key.text : std::to_string(frame.tree.size());
    }
    throw FormatError(message, {std::move(path), options_.file, offset});
  }

  static constexpr std::size_t max_tuples = 64;  // these nest on our stack

  std::span<const std::byte> bytes_;
  const ReadOptions& options_;
  std::vector<Frame> stack_{};
  std::size_t base_ = 0;  // offset of what is being parsed: tuples are parsed apart
  std::size_t tuples_ = 0;
};

}  // namespace orrery::inline v0::msgpack_format::detail
