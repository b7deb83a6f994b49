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
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
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
std::string msgpack_serialize(const Tree& tree) {
  std::string out;
  msgpack_format::to_string(msgpack_format::image_of_tree(tree, true), out);
  return out;
}

// The tree in those bytes: what Flax's msgpack_restore gives.
template <OnUse = OnUse()>
Tree msgpack_restore(std::string_view bytes);

namespace detail {

template <OnUse = OnUse()>
inline msgpack_format::Document document_of(std::string_view bytes) {
  return msgpack_format::read_document(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

// Reads the leaves that a document describes.
template <OnUse = OnUse()>
inline void read_slots(const msgpack_format::Document& document, const std::vector<Slot>& slots) {
  for (const Slot& slot : slots)
    if (!slot.from->has_value()) document.read(*slot.from, slot.to.array);
}

template <OnUse = OnUse()>
void append_state_dict(const TreeView& view, std::string& buffer) {
  msgpack_format::to_string(msgpack_format::image_of_state_dict(view), buffer);
}

template <OnUse = OnUse()>
void fill_from_bytes(const TypeOps& ops, void* object, bool structured, std::string_view bytes, StateDictOptions options) {
  const msgpack_format::Document document = document_of(bytes);
  fill_from_state(ops, object, structured, document.tree, options, {},
                  [&](const std::vector<Slot>& slots) { read_slots(document, slots); });
}

ORRERY_ONCE(void append_state_dict<>(const TreeView&, std::string&));
ORRERY_ONCE(void fill_from_bytes<>(const TypeOps&, void*, bool, std::string_view, StateDictOptions));

}  // namespace detail

template <OnUse>
Tree msgpack_restore(std::string_view bytes) {
  const msgpack_format::Document document = detail::document_of(bytes);
  Slots slots;
  Tree tree;
  slots.materialize(document.tree, tree);
  detail::read_slots(document, slots.reads);
  return tree;
}

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
