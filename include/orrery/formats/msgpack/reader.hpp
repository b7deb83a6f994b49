// Flax's msgpack, read (spec/flax-legacy.md 3.4 to 3.9). The bytes are hostile. document.hpp says what comes out; parser.hpp, payload.hpp
// and chunks.hpp do the work.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/msgpack/chunks.hpp"
#include "orrery/formats/msgpack/document.hpp"
#include "orrery/formats/msgpack/parser.hpp"

namespace orrery::inline v0::msgpack_format {

// The one object in those bytes. FormatError, with file and offset, for what is no msgpack, for what Flax cannot restore, for trailing
// bytes, for more than 1024 nested containers. Memory is proportional to the bytes given, whatever counts they claim.
template <OnUse = OnUse()>
inline Document read_document(std::span<const std::byte> bytes, ReadOptions options = {}) {
  detail::Parser parser(bytes, options);
  parser.run();
  if (parser.has_chunks) detail::Joiner(parser.document, options).visit(parser.document.tree, nullptr);
  return std::move(parser.document);
}

}  // namespace orrery::inline v0::msgpack_format
