// A pair of cereal archives that write and read checkpoints: an Orbax item, or Flax's msgpack. Code that uses cereal changes the name of
// its archive, and Python reads what it saves:
//   orrery::cereal_archives::OutputArchive archive("/ckpts/model");   // an Orbax item; of a std::ostream: Flax's msgpack
//   archive(cereal::make_nvp("model", model), cereal::make_nvp("step", step));
//   archive.close();
// The tree is a dict of what the archive is given, by name; unnamed values are value0, value1, ..., as in cereal's JSON. Include it before
// CEREAL_REGISTER_TYPE. Values are copied when they are handed over, and written by close().
#pragma once

#include <istream>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>

#include "orrery/adapters/cereal.hpp"
#include "orrery/core/error.hpp"
#include "orrery/flax/serialization.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"

namespace orrery::inline v0::cereal_archives {

inline OutputArchive::OutputArchive(std::function<void(const TreeView&)> sink) : OutputArchive(nullptr, nullptr, nullptr, {}) {
  own_ = std::make_unique<TreeView>();
  out_ = own_.get();
  top_.node = out_->enter(NodeKind::record, {}, 0);
  frame_ = &top_;
  sink_ = std::move(sink);
}

// Flax's msgpack, as flax::to_bytes makes it. IoError where the stream fails; it is flushed.
inline OutputArchive::OutputArchive(std::ostream& to)
    : OutputArchive(std::function<void(const TreeView&)>([&to](const TreeView& view) {
        std::string bytes;
        flax::detail::append_state_dict(view, bytes);
        if (!to.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
          throw IoError("the stream takes no more bytes: the archive is not written", 0);
      })) {}

// An Orbax item, as PyTreeCheckpointer saves it; with the same options and errors.
inline OutputArchive::OutputArchive(const std::string& directory) : OutputArchive(directory, SaveOptions()) {}
inline OutputArchive::OutputArchive(const std::string& directory, const SaveOptions& options)
    : OutputArchive(std::function<void(const TreeView&)>(
          [directory, options](const TreeView& view) { orbax::save_item(orbax::local_path(directory), view, options); })) {}

// All that the stream has. FormatError for what is no msgpack of Flax's.
inline InputArchive::InputArchive(std::istream& from)
    : InputArchive(flax::msgpack_restore(std::string(std::istreambuf_iterator<char>(from), std::istreambuf_iterator<char>()))) {}

// An Orbax item, all of it; with the errors of PyTreeCheckpointer::restore.
inline InputArchive::InputArchive(const std::string& directory) : InputArchive(directory, RestoreOptions()) {}
inline InputArchive::InputArchive(const std::string& directory, const RestoreOptions& options)
    : InputArchive(orbax::restore_tree(directory, options)) {}

}  // namespace orrery::inline v0::cereal_archives
