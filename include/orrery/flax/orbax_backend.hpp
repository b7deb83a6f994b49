// Flax's checkpoints as Orbax directories: what save_checkpoint and restore_checkpoint do when the backend is Orbax
// (spec/flax-legacy.md 4.10, 4.11). The only place where flax/ looks at orbax/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "orrery/core/error.hpp"
#include "orrery/flax/checkpoint_files.hpp"
#include "orrery/flax/checkpoint_names.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::flax::detail {

// Saves the live tree (lists stay lists) and cleans up behind it. No check for newer steps: an older one may be saved.
inline void save_orbax_checkpoint(const TreeView& view, const std::string& base, const std::string& final_path, bool overwrite, std::int64_t keep,
                                  std::optional<std::int64_t> keep_every_n_steps, Durability durability) {
  if (view.nodes.size() == 1)
    throw ArgumentError("Orbax backend only accept pytree as save target. To save singular objects like numbers or Numpy arrays, checkout "
                        "https://flax.readthedocs.io/en/latest/guides/training_techniques/use_checkpointing.html#if-you-don-t-save-pytrees: "
                        "save it with orrery::ArrayCheckpointer, or wrap it in a struct or map (or save a msgpack file, {.backend = Backend::msgpack})");
  orbax::save_item(final_path, view, {.force = overwrite, .durability = durability});
  clean_up(base, final_path, keep, overwrite, keep_every_n_steps);
}

// What a restore into a target goes by. Flax always gives transforms with a target, so that what a checkpoint lacks keeps the target's
// value; those it makes up itself map each None of the target to use_fallback, which restoring does with empty optionals anyway.
inline Transforms maybe_construct_transformations(const Transforms& transforms) { return transforms.is_none() ? Transforms() : transforms; }

// The tree as restore_checkpoint without a target gives it: lists are dicts "0", "1", ...; empty states are None.
inline Tree restore_orbax_tree(const std::string& path) { return to_state_dict(PyTreeCheckpointer().restore(path)); }

}  // namespace orrery::inline v0::flax::detail
