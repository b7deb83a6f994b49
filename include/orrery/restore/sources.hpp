// Where every leaf of a target comes from, once transforms and restore_args have had their say: a tree in the target's shape whose leaves
// are described as they will be read, and beside it what each of them is. match.hpp holds that tree against the target like any other;
// find_sources.hpp makes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/restore_args.hpp"
#include "orrery/restore/transforms.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

struct Source {
  enum class Kind : std::uint8_t {
    stored,       // a leaf of the stored tree
    computed,     // what a function makes, of `stored` where it is a value_fn
    filled,       // the target's own value, for want of another or because a rule says so
    kept,         // the target's own value: an empty optional, a const member
    placeholder,  // the target's own value, because restore_args say so
  };
  Kind kind = Kind::stored;
  const Tree* stored = nullptr;
  const RestoreArgs* args = nullptr;
  const Transform* transform = nullptr;  // computed: whose function
  std::string key{};                     // computed: of the target; stored: the original key where it is another one
};

// The leaves of `tree` in pre-order are those of `leaves`; a described one has its position for an id.
struct Sources {
  Tree tree{};
  std::vector<Source> leaves{};
  std::unordered_map<const Tree*, std::uint32_t> places{};  // of those that have values or will: texts, what a function makes
  KnownDifferences known{};  // keys that rules want and nobody has, shapes that restore_args forbid; leaves left over
  bool has_functions = false;

  // Null for the root, which moves along with this.
  const Tree* place_of(const Tree& node) const { return &node == &tree ? nullptr : &node; }
  // What stands at a node of the tree; null for containers.
  template <OnUse = OnUse()>
  const Source* of(const Tree& node) const {
    if (node.is_leaf() && !node.has_value()) return node.id() < leaves.size() ? &leaves[node.id()] : nullptr;
    const auto found = places.find(place_of(node));
    return found == places.end() ? nullptr : &leaves[found->second];
  }
};

struct SourceOptions {
  const Transforms* transforms = nullptr;
  const KeyedRestoreArgs* restore_args = nullptr;
  bool default_to_original = true;
};

}  // namespace orrery::inline v0
