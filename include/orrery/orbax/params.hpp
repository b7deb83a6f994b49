// The leaves and empty nodes of a tree as Orbax names and orders them: parameter names, key paths, value types. Saving writes its
// metadata and its arrays from this list. Rules: spec/orbax.md 2.1 and 3.1.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::orbax {

// value_type of _METADATA, spec/orbax.md 2.1.3.
enum class ValueType : std::uint8_t { jax_array, np_array, scalar, string, none, dict, list, tuple, named_tuple, unknown };

constexpr std::string_view name(ValueType type) noexcept {
  constexpr std::string_view names[] = {"jax.Array", "np.ndarray", "scalar", "string",     "None",
                                        "Dict",      "List",       "Tuple",  "NamedTuple", "Unknown"};
  return names[static_cast<std::size_t>(type)];
}

// One step of a key path in _METADATA: 1 is a list or tuple index, 2 a dict key or field.
struct MetadataKey {
  std::string_view key;
  std::uint8_t type;
};

struct Param {
  std::string name;         // keys joined with '.'; nothing is escaped
  std::uint32_t first_key;  // its path: keys[first_key, first_key + key_count)
  std::uint32_t key_count;
  ValueType type;
  const LeafView* leaf = nullptr;  // null for empty nodes
};

struct Params {
  std::vector<Param> list{};
  std::vector<MetadataKey> keys{};
  std::deque<std::string> indices{};  // texts of list indices

  template <OnUse = OnUse()>
  std::span<const MetadataKey> path(const Param& param) const {
    return std::span(keys).subspan(param.first_key, param.key_count);
  }
};

namespace detail {

inline ValueType value_type_of(const LeafView& leaf, const std::string& name) {
  switch (leaf.kind) {
    case LeafKind::array: return ValueType::np_array;
    case LeafKind::scalar:
    case LeafKind::numpy_scalar: return ValueType::scalar;
    case LeafKind::string: return ValueType::string;
    case LeafKind::prng_key:
    case LeafKind::sharded: return ValueType::jax_array;
    case LeafKind::bytes:
    case LeafKind::ext: break;
  }
  throw ArgumentError(
      "Orbax cannot store a leaf of " + std::string(orrery::name(leaf.kind)) + "; store it as a uint8 array, or use a legacy Flax file",
      {name});
}

class Flattener {
 public:
  Flattener(const TreeView& view, Params& out) : view_(view), out_(out) {}

  // The subtree at `at`; JAX's order: dict keys sorted, fields and elements as they stand.
  template <OnUse = OnUse()>
  void node(std::uint32_t at) {
    const ViewNode& n = view_.nodes[at];
    switch (n.kind) {
      case NodeKind::leaf: return add(&view_.leaves[n.count], value_type_of(view_.leaves[n.count], name_of()));
      case NodeKind::none: return add(nullptr, ValueType::none);
      // Old readers know neither "Tuple" nor "NamedTuple" (spec/orbax.md 0.1 step 7): empty ones are written as None.
      case NodeKind::tuple:
      case NodeKind::record:
        if (n.end == at + 1) return add(nullptr, ValueType::none);
        break;
      case NodeKind::dict:
        if (n.end == at + 1) return add(nullptr, ValueType::dict);
        break;
      case NodeKind::list:
        if (n.end == at + 1) return add(nullptr, ValueType::list);
        break;
    }
    if (n.kind == NodeKind::dict) return dict(at);
    std::size_t index = 0;
    for (std::uint32_t child = at + 1; child < n.end; child = view_.nodes[child].end) {
      if (n.kind == NodeKind::record)
        below(child, view_.nodes[child].name, 2);
      else
        below(child, out_.indices.emplace_back(std::to_string(index++)), 1);
    }
  }

 private:
  template <OnUse = OnUse()>
  void dict(std::uint32_t at) {
    std::vector<std::uint32_t> children;
    for (std::uint32_t child = at + 1; child < view_.nodes[at].end; child = view_.nodes[child].end) children.push_back(child);
    std::sort(children.begin(), children.end(),
              [&](std::uint32_t a, std::uint32_t b) { return view_.nodes[a].name < view_.nodes[b].name; });
    for (std::uint32_t child : children) below(child, view_.nodes[child].name, 2);
  }
  template <OnUse = OnUse()>
  void below(std::uint32_t child, std::string_view key, std::uint8_t type) {
    path_.push_back({key, type});
    node(child);
    path_.pop_back();
  }
  template <OnUse = OnUse()>
  std::string name_of() const {
    std::string name;
    for (std::size_t i = 0; i < path_.size(); ++i) {
      if (i) name += '.';
      name += path_[i].key;
    }
    return name;
  }
  template <OnUse = OnUse()>
  void add(const LeafView* leaf, ValueType type) {
    out_.list.push_back({name_of(), static_cast<std::uint32_t>(out_.keys.size()), static_cast<std::uint32_t>(path_.size()), type, leaf});
    out_.keys.insert(out_.keys.end(), path_.begin(), path_.end());
  }

  const TreeView& view_;
  Params& out_;
  std::vector<MetadataKey> path_{};
};

// Names that no Orbax can read back, or that would overwrite each other (spec/orbax.md 3.1, 3.7).
template <OnUse = OnUse()>
inline void check_names(const Params& params) {
  std::unordered_set<std::string_view> seen, slashed;
  for (const Param& p : params.list) {
    if (!seen.insert(p.name).second)
      throw ArgumentError("two leaves have the name \"" + p.name + "\" in storage, where keys are joined with '.': rename one of the keys",
                          {p.name});
    if (!p.leaf) continue;
    if (p.name.ends_with('/')) throw ArgumentError("a key that ends in '/' cannot be read back by Orbax; rename it", {p.name});
    if (p.type == ValueType::string && p.name.find('~') != std::string::npos)
      throw ArgumentError("the name of a string leaf must not contain '~': Orbax reads it as an escape; rename the key", {p.name});
    if (p.type == ValueType::string && std::count(p.name.begin(), p.name.end(), '/') > 100)
      throw ArgumentError(
          "the name of a string leaf nests in _strings.json at every '/', of which this one has more than 100; rename the key", {p.name});
    for (std::size_t i = p.name.find('/'); i != std::string::npos; i = p.name.find('/', i + 1))
      slashed.insert(std::string_view(p.name).substr(0, i));
  }
  if (slashed.empty()) return;
  for (const Param& p : params.list)
    if (p.leaf && slashed.contains(p.name))
      throw ArgumentError("the leaf \"" + p.name + "\" would lie inside another one whose name continues with '/'; rename one of the keys",
                          {p.name});
}

}  // namespace detail

// ArgumentError for a tree that Orbax cannot hold: an empty root ("Found empty item."), names that collide, bytes.
template <OnUse = OnUse()>
inline Params flatten_params(const TreeView& view) {
  Params params;
  params.list.reserve(view.nodes.size());
  detail::Flattener(view, params).node(0);
  if (params.list.size() == 1 && params.list[0].key_count == 0 && !params.list[0].leaf)
    throw ArgumentError("Found empty item. There is nothing to save: the state has no leaves at all");
  detail::check_names(params);
  return params;
}

}  // namespace orrery::inline v0::orbax
