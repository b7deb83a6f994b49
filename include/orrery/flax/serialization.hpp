// flax.serialization: values to msgpack bytes and back, byte for byte what Flax writes (spec/flax-legacy.md 3). Files are checkpoints.hpp's
// business.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax {

// The state dict of a value as msgpack, in order of insertion. ArgumentError for what Flax's msgpack cannot hold (typed PRNG keys, text
// that is not UTF-8).
template <PyTree T>
std::string to_bytes(const T& value);

// ... into a buffer, whose memory is used again: about as fast as copying the arrays.
template <PyTree T>
void to_bytes(const T& value, std::string& buffer);

// from_state_dict of the bytes, whose arrays are copied once, to where they belong. FormatError for bad bytes, else as from_state_dict.
template <PyTree T>
T from_bytes(T target, std::string_view bytes, StateDictOptions options = {});
template <PyTree T>
T from_bytes(std::string_view bytes, StateDictOptions options = {});

// A tree as it is, lists as lists, with the keys of every dict sorted, as jax.tree_util rebuilds them. Tuples are refused.
template <OnUse = OnUse()>
std::string msgpack_serialize(const Tree& tree);

// The tree in those bytes: what Flax's msgpack_restore gives.
template <OnUse = OnUse()>
Tree msgpack_restore(std::string_view bytes);

namespace detail {

// The bytes of a state dict, behind what is in the buffer.
template <OnUse = OnUse()>
void append_state_dict(const TreeView& view, std::string& buffer);

// Into `object`, whose structure decides (`structured`) or that of its type.
template <OnUse = OnUse()>
void fill_from_bytes(const TypeOps& ops, void* object, bool structured, std::string_view bytes, StateDictOptions options);

ORRERY_ONCE(void append_state_dict<>(const TreeView&, std::string&));
ORRERY_ONCE(void fill_from_bytes<>(const TypeOps&, void*, bool, std::string_view, StateDictOptions));

}  // namespace detail

template <PyTree T>
void to_bytes(const T& value, std::string& buffer) {
  detail::append_state_dict(describe(value), buffer);
}

template <PyTree T>
std::string to_bytes(const T& value) {
  std::string bytes;
  to_bytes(value, bytes);
  return bytes;
}

template <PyTree T>
T from_bytes(T target, std::string_view bytes, StateDictOptions options) {
  detail::fill_from_bytes(ops<T>(), &target, true, bytes, options);
  return target;
}

template <PyTree T>
T from_bytes(std::string_view bytes, StateDictOptions options) {
  T value{};
  detail::fill_from_bytes(ops<T>(), &value, false, bytes, options);
  return value;
}

ORRERY_ONCE(std::string msgpack_serialize<>(const Tree&));
ORRERY_ONCE(Tree msgpack_restore<>(std::string_view));

}  // namespace orrery::inline v0::flax

#ifndef ORRERY_COMPILED
#include "orrery/flax/serialization_impl.hpp"  // IWYU pragma: export
#endif
