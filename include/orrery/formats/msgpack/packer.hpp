// One value at a time to msgpack as Flax writes it: spec/flax-legacy.md 3, byte by byte. Framing is msgpack-c's packer; the order of
// values is the business of writer.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <msgpack/pack.hpp>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/msgpack/image.hpp"
#include "orrery/formats/msgpack/keys.hpp"
#include "orrery/formats/utf8.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::msgpack_format {

inline constexpr std::size_t default_chunk_size = std::size_t{1} << 30;
inline constexpr std::string_view chunk_marker = "__msgpack_chunked_array__";

struct PackOptions {
  std::size_t max_chunk_size = default_chunk_size;  // bytes; arrays strictly larger are cut (3.7)
};

// ArgumentError, opening with Python's text where it has one, for what msgpack or Flax cannot hold.
class Packer {
 public:
  template <OnUse = OnUse()>
  Packer(Image& image, PackOptions options) : image_(image), pack_(image), options_(options) {}

  // Where the next values sit, for messages; must live while they are packed.
  void at(const PathLink* path) noexcept { path_ = path; }

  template <OnUse = OnUse()>
  void map(std::size_t count) {
    pack_.pack_map(count32(count, "dict"));
  }
  template <OnUse = OnUse()>
  void list(std::size_t count) {
    pack_.pack_array(count32(count, "list"));
  }
  template <OnUse = OnUse()>
  void none() {
    pack_.pack_nil();
  }

  template <OnUse = OnUse()>
  void string(std::string_view text) {
    if (invalid_utf8(text) != text.size()) refuse(python_bytes(text) + " is not UTF-8, which msgpack strings and Python's str must be");
    pack_.pack_str(count32(text.size(), "unicode string"));
    image_.text(text);
  }

  template <OnUse = OnUse()>
  void index(std::size_t i) {
    char digits[20];
    string({digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, i).ptr - digits)});
  }

  // A key that was no string in Python is written as what it was (nnx's integer keys, 2.8).
  template <OnUse = OnUse()>
  void key(const DictKey& key) {
    switch (key.kind) {
      case DictKeyKind::string: return string(key.text);
      case DictKeyKind::integer:
        return key.text.starts_with('-') ? integer(parse_number<std::int64_t>(key.text)) : integer(parse_number<std::uint64_t>(key.text));
      case DictKeyKind::floating: floating(parse_number<double>(key.text)); return;
      case DictKeyKind::boolean: boolean(key.text == "True"); return;
      case DictKeyKind::none: return none();
      case DictKeyKind::bytes: {
        const std::string content = bytes_of_repr(key.text);
        pack_.pack_bin(count32(content.size(), "bytes object"));
        image_.write(content.data(), content.size());
        return;
      }
    }
  }

  // `chunked`: the value of a dict, or the root, below dicts alone: the places where Flax cuts large arrays.
  template <OnUse = OnUse()>
  void leaf(const LeafView& leaf, bool chunked) {
    switch (leaf.kind) {
      case LeafKind::array:
        if (chunked && leaf.array.nbytes() > options_.max_chunk_size) return chunks(leaf.array);
        return array(leaf.array, leaf.array.shape, 0, leaf.array.size(), 1);
      case LeafKind::numpy_scalar: return array(leaf.array, leaf.array.shape, 0, 1, 3);
      case LeafKind::scalar: return scalar(leaf.array);
      case LeafKind::string: return string(leaf.text);
      case LeafKind::bytes: return bytes(leaf.text);
      case LeafKind::ext:
        if (leaf.ext_code < -1) refuse("code must be 0~127: msgpack keeps -1 for time stamps and the other negative codes for itself");
        pack_.pack_ext(count32(leaf.text.size(), "EXT data"), leaf.ext_code);
        return image_.text(leaf.text);
      case LeafKind::sharded: refuse(not_in_one_place);
      case LeafKind::prng_key:
        refuse(
            "JAX array with PRNGKey dtype cannot be converted to a NumPy array. Use jax.random.key_data(arr) if you wish to extract the "
            "underlying integer array. (In C++: store the uint32 key data as an array, or save with the Orbax backend.)");
    }
  }

 private:
  template <OnUse = OnUse()>
  [[noreturn]] void refuse(const std::string& message) const {
    throw ArgumentError(message, {orrery::to_string(path_)});
  }

  template <OnUse = OnUse()>
  std::uint32_t count32(std::size_t count, std::string_view what) const {
    if (count > 0xffffffffu)
      refuse(std::string(what) + " is too large: msgpack holds at most 4294967295, this has " + std::to_string(count));
    return static_cast<std::uint32_t>(count);
  }

  template <class Int>
  void integer(Int value) {
    if constexpr (std::is_signed_v<Int>)
      pack_.pack_int64(value);
    else
      pack_.pack_uint64(value);
  }
  // msgpack-c's pack_double makes integers of whole numbers; Python never does.
  template <OnUse = OnUse()>
  void floating(double value) {
    char raw[1 + sizeof value] = {static_cast<char>(0xcb)};
    store_be(raw + 1, std::bit_cast<std::uint64_t>(value));
    image_.write(raw, sizeof raw);
  }
  template <OnUse = OnUse()>
  void boolean(bool value) {
    if (value)
      pack_.pack_true();
    else
      pack_.pack_false();
  }
  template <OnUse = OnUse()>
  void bytes(std::string_view content) {
    pack_.pack_bin(count32(content.size(), "bytes object"));
    image_.text(content);
  }

  template <class T>
  static T value_of(const ArrayView& array) noexcept {
    T value;
    std::memcpy(&value, array.data, sizeof value);
    return value;
  }

  template <OnUse = OnUse()>
  void scalar(const ArrayView& value) {
    switch (value.dtype) {
      case DType::bool_: return boolean(value_of<std::uint8_t>(value) != 0);
      case DType::int64: return integer(value_of<std::int64_t>(value));
      case DType::uint64: return integer(value_of<std::uint64_t>(value));
      case DType::float64: floating(value_of<double>(value)); return;
      case DType::complex128: {
        // 0.10.6 and later; 0.7 and 0.8 wrote extension 3 (3.4). Always 19 bytes.
        pack_.pack_ext(19, 2);
        pack_.pack_array(2);
        double parts[2];
        std::memcpy(parts, value.data, sizeof parts);
        floating(parts[0]);
        floating(parts[1]);
        return;
      }
      default: refuse("a Python scalar is a bool, int, float or complex; this one is a " + std::string(name(value.dtype)));
    }
  }

  // Elements [first, first + count) as an extension of that shape (3.4).
  template <OnUse = OnUse()>
  void array(const ArrayView& array, const Shape& shape, std::size_t first, std::size_t count, std::int8_t code) {
    if (array.dtype == DType::none) refuse("an array without a dtype cannot be stored; give it a shape and elements first");
    head_.clear();
    ::msgpack::packer<Head> head(head_);
    head.pack_array(3);
    head.pack_array(static_cast<std::uint32_t>(shape.size()));
    for (Dim extent : shape) head.pack_uint64(static_cast<std::uint64_t>(extent));
    const std::string_view dtype = name(array.dtype);
    head.pack_str(static_cast<std::uint32_t>(dtype.size())).pack_str_body(dtype.data(), static_cast<std::uint32_t>(dtype.size()));
    const std::size_t nbytes = count * array.item_size();
    head.pack_bin(count32(nbytes, "bytes object"));
    // One less than the format allows: Python's compiled decoder cannot read the very last length (3.9).
    if (head_.bytes.size() + nbytes > 0xfffffffeu)
      refuse("EXT data is too large: an array below a list is never cut and must stay under 4 GiB, this one has " + std::to_string(nbytes) +
             " bytes; put it under a dict");
    pack_.pack_ext(head_.bytes.size() + nbytes, code);
    image_.write(head_.bytes.data(), head_.bytes.size());
    image_.payload(array, first, count);
  }

  // 3.7: the three keys in this order, whatever the order of the rest.
  template <OnUse = OnUse()>
  void chunks(const ArrayView& array) {
    const std::size_t count = array.size(), length = std::max(options_.max_chunk_size / array.item_size(), std::size_t{1});
    const std::size_t pieces = count / length + (count % length != 0);
    pack_.pack_map(3);
    string(chunk_marker);
    boolean(true);
    string("shape");
    map(array.rank());
    for (std::size_t i = 0; i < array.rank(); ++i) {
      index(i);
      integer(array.shape[i]);
    }
    string("chunks");
    map(pieces);
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t first = i * length, size = std::min(length, count - first);
      index(i);
      this->array(array, Shape{static_cast<Dim>(size)}, first, size, 1);
    }
  }

  struct Head {
    std::string bytes{};
    Head& write(const char* data, std::size_t size) {
      bytes.append(data, size);
      return *this;
    }
    template <OnUse = OnUse()>
    void clear() {
      bytes.clear();
    }
  };

  Image& image_;
  ::msgpack::packer<Image> pack_;
  PackOptions options_;
  Head head_{};
  const PathLink* path_ = nullptr;
};

}  // namespace orrery::inline v0::msgpack_format
