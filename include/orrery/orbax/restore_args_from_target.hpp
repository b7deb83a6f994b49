// What to ask of a restore so that it gives what a target has, as Flax's function of that name (spec/flax-legacy.md 4.11): of a target with
// sharded arrays the dtype of every array, whatever is stored; shapes are those of the checkpoint. Without any, nothing is asked for.
// Shardings need no asking: they are the target's own always.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "orrery/core/on_use.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/restore/restore_args.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0 {

namespace detail {

template <OnUse = OnUse()>
inline void add_dtypes(const TreeView& view, std::size_t at, const PathLink* path, KeyedRestoreArgs& args) {
  const ViewNode& node = view.nodes[at];
  if (node.kind == NodeKind::none) return;
  if (node.kind == NodeKind::leaf) {
    const LeafView& leaf = view.leaves[node.count];
    if (leaf.kind == LeafKind::array || leaf.kind == LeafKind::sharded) args.add_key(to_string(path), {.dtype = leaf.array.dtype});
    return;
  }
  const bool by_index = node.kind == NodeKind::list || node.kind == NodeKind::tuple;
  std::size_t index = 0;
  for (std::size_t child = at + 1; child < node.end; child = view.nodes[child].end, ++index) {
    const PathLink link{path, view.nodes[child].name, index, by_index};
    add_dtypes(view, child, &link, args);
  }
}

}  // namespace detail

// Looks at every leaf, reads none. ArgumentError for a value that is no pytree.
template <PyTree T>
KeyedRestoreArgs restore_args_from_target(const T& target) {
  const TreeView view = describe(target);
  KeyedRestoreArgs args;
  if (!view.parts.empty()) detail::add_dtypes(view, 0, nullptr, args);
  return args;
}

}  // namespace orrery::inline v0
