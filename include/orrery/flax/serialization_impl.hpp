// The bodies of serialization.hpp that depend on no type of the user's.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/flax/serialization.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/flax/state_dict_impl.hpp"
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/msgpack/writer.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax {

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

template <OnUse>
void append_state_dict(const TreeView& view, std::string& buffer) {
  msgpack_format::to_string(msgpack_format::image_of_state_dict(view), buffer);
}

template <OnUse>
void fill_from_bytes(const TypeOps& ops, void* object, bool structured, std::string_view bytes, StateDictOptions options) {
  const msgpack_format::Document document = document_of(bytes);
  fill_from_state(ops, object, structured, document.tree, options, {},
                  [&](const std::vector<Slot>& slots) { read_slots(document, slots); });
}

}  // namespace detail

template <OnUse>
std::string msgpack_serialize(const Tree& tree) {
  std::string out;
  msgpack_format::to_string(msgpack_format::image_of_tree(tree, true), out);
  return out;
}

template <OnUse>
Tree msgpack_restore(std::string_view bytes) {
  const msgpack_format::Document document = detail::document_of(bytes);
  Slots slots;
  Tree tree;
  slots.materialize(document.tree, tree);
  detail::read_slots(document, slots.reads);
  return tree;
}

}  // namespace orrery::inline v0::flax
