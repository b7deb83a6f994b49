// The two sides of what does not meet: leaves that a target wants and the checkpoint lacks, leaves that it has and the target does not
// want. Each is listed by its own path. The walk that finds them is restore/match.hpp.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/match_leaf.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

// Addresses (and keys) of the children of one existing object, taken from shared stacks for as long as this lives. Without an object
// there are none: all addresses are null.
class Children {
 public:
  struct Stacks {
    std::vector<void*> addresses{};
    std::vector<std::string_view> keys{};
  };

  template <OnUse = OnUse()>
  Children(Stacks& stacks, const TypeOps& ops, void* object, std::size_t count)
      : stacks_(stacks), first_(stacks.addresses.size()), first_key_(stacks.keys.size()) {
    stacks_.addresses.resize(first_ + count);
    if (object && count) ops.children(object, stacks_.addresses.data() + first_);
  }
  ~Children() {
    stacks_.addresses.resize(first_);
    stacks_.keys.resize(first_key_);
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  void* operator[](std::size_t i) const { return stacks_.addresses[first_ + i]; }
  // Of a map: reads the keys of all children; `made` keeps those that are not text by themselves.
  template <OnUse = OnUse()>
  void read_keys(const TypeOps& ops, const void* object, std::deque<std::string>& made) {
    stacks_.keys.resize(first_key_ + stacks_.addresses.size() - first_);
    ops.keys(object, stacks_.keys.data() + first_key_, made);
  }
  std::string_view key(std::size_t i) const { return stacks_.keys[first_key_ + i]; }

 private:
  Stacks& stacks_;
  std::size_t first_, first_key_;
};

// Every leaf that this part of the target has, or the part itself where its leaves would come from the file. `object` may be null.
template <OnUse = OnUse()>
inline void list_missing(const TypeOps& ops, void* object, const PathLink* path, Children::Stacks& stacks, std::deque<std::string>& names,
                         std::vector<Difference>& out) {
  if (ops.read_only) return;
  if (ops.deferred) return list_missing(ops.deferred(object), object, path, stacks, names, out);
  if (ops.aside) {
    const std::shared_ptr<void> side = object ? ops.open_aside(object, false) : nullptr;
    return list_missing(*ops.aside, side.get(), path, stacks, names, out);
  }
  if (is_leafless(ops)) return;
  const bool is_record = ops.kind == TypeKind::record, per_member = is_record || ops.kind == TypeKind::tuple;
  const bool is_map = ops.kind == TypeKind::map, is_optional = ops.kind == TypeKind::optional;
  std::size_t count = 0;
  if (per_member)
    count = ops.types.size();
  else if (ops.kind == TypeKind::list || is_map || is_optional)
    count = object || ops.fixed_size ? ops.size(object) : 0;
  if (is_optional && object && count == 0) return;  // given and empty: it is not read
  if (count == 0) return out.push_back({to_string(path), ""});
  Children children(stacks, ops, object, count);
  if (is_map) children.read_keys(ops, object, names);
  for (std::size_t i = 0; i < count; ++i) {
    if (is_optional) return list_missing(*ops.types[0], children[i], path, stacks, names, out);
    PathLink link{path, {}, i, true};
    if (is_record)
      link = {path, ops.names[i], 0, false};
    else if (is_map)
      link = {path, children.key(i), 0, false};
    list_missing(*ops.types[per_member ? i : 0], children[i], &link, stacks, names, out);
  }
}

// Calls found(path) for every leaf of a stored subtree; nones and empty containers are nothing that could be lost.
template <class Found>
void list_leaves(const Tree& stored, const PathLink* path, Found&& found) {
  if (stored.is_leaf()) return found(path);
  for (const auto& [key, child] : stored.items()) {
    PathLink link{path, key.text, 0, false};
    list_leaves(child, &link, found);
  }
  for (std::size_t i = 0; i < stored.elements().size(); ++i) {
    PathLink link{path, {}, i, true};
    list_leaves(stored.elements()[i], &link, found);
  }
}

}  // namespace orrery::inline v0::detail
