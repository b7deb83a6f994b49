// The tree that a _METADATA describes: dicts and lists rebuilt from key paths, each leaf made by the caller (spec/orbax.md 2.1, 5.2).
// Without one, the tree that parameter names alone tell (5.8 step 3).
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/read_metadata.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

// Indices in numeric order, keys by code point: the order of a raw restore, and one in which lists can be appended to. Indices stand
// before keys where a file has both in one place, so that it is an order all the same.
template <OnUse = OnUse()>
inline bool key_before(const MetadataEntry::Key& a, const MetadataEntry::Key& b) {
  if (a.is_index != b.is_index) return a.is_index;
  if (a.is_index && a.text.size() != b.text.size()) return a.text.size() < b.text.size();
  return a.text < b.text;
}
template <OnUse = OnUse()>
inline bool path_before(const MetadataEntry& a, const MetadataEntry& b) {
  return std::lexicographical_compare(a.path.begin(), a.path.end(), b.path.begin(), b.path.end(), key_before<>);
}

template <OnUse = OnUse()>
[[noreturn]] inline void refuse_entry(const MetadataEntry& entry, const std::string& what, const Where& where) {
  std::string path;
  for (const auto& key : entry.path) path += (path.empty() ? "" : "/") + key.text;
  throw FormatError("the entries of this _METADATA make no tree: " + what, {path, where.file, {}});
}

// The place of an entry's leaf, with containers made on the way.
template <OnUse = OnUse()>
inline Tree& place_of(Tree& root, const MetadataEntry& entry, bool is_first, const Where& where) {
  if (entry.path.size() > orrery::detail::max_nesting) refuse_entry(entry, "it nests deeper than 512 levels", where);
  if (entry.path.empty() && !is_first) refuse_entry(entry, "the whole tree is said to be one leaf twice", where);
  Tree* at = &root;
  for (std::size_t i = 0; i < entry.path.size(); ++i) {
    const MetadataEntry::Key& key = entry.path[i];
    if (at->is_none()) *at = key.is_index ? Tree::list() : Tree::dict();
    const bool last = i + 1 == entry.path.size();
    if (key.is_index) {
      std::size_t index = 0;
      const auto parsed = std::from_chars(key.text.data(), key.text.data() + key.text.size(), index);
      if (!at->is_list() || parsed.ec != std::errc() || parsed.ptr != key.text.data() + key.text.size() || index > at->size())
        refuse_entry(entry, "the index " + key.text + " does not follow on the one before", where);
      if (index == at->size())
        at->push_back(Tree());
      else if (last)
        refuse_entry(entry, "it stands there twice", where);
      at = &at->elements()[index];
    } else {
      if (!at->is_dict()) refuse_entry(entry, "the key \"" + key.text + "\" stands below something that is no dict", where);
      Tree* found = at->find(key.text);
      if (found && last) refuse_entry(entry, "it stands there twice", where);
      at = found ? found : &at->insert({key.text}, Tree());
    }
  }
  return *at;
}

}  // namespace detail

// Keys joined with '.', nothing escaped.
template <OnUse = OnUse()>
inline std::string param_name(const MetadataEntry& entry) {
  std::string name;
  for (const MetadataEntry::Key& key : entry.path) {
    if (&key != &entry.path.front()) name += '.';
    name += key.text;
  }
  return name;
}

// make_leaf(const MetadataEntry&) gives the Tree for an entry that is a leaf. FormatError where the entries contradict each other.
template <class MakeLeaf>
Tree build_tree(std::vector<MetadataEntry>& entries, MakeLeaf&& make_leaf, const Where& where) {
  if (!std::is_sorted(entries.begin(), entries.end(), detail::path_before<>))
    std::sort(entries.begin(), entries.end(), detail::path_before<>);
  Tree root;
  for (const MetadataEntry& entry : entries) {
    Tree& place = detail::place_of(root, entry, &entry == &entries.front(), where);
    switch (entry.type) {
      // A named tuple without fields, and any custom node without leaves, is None to a raw restore.
      case ValueType::none:
      case ValueType::named_tuple: break;
      case ValueType::dict: place = Tree::dict(); break;
      case ValueType::list: place = Tree::list(); break;
      case ValueType::tuple: place = Tree::tuple(); break;
      default: place = make_leaf(entry); break;
    }
  }
  return root;
}

// Names cut at every '.': dicts all the way down, since nothing tells lists from dicts any more; a key that had a '.' is two. The one
// empty name is the whole tree. make_leaf(const std::string&) gives the Tree of a name. FormatError where a name lies below another.
template <class MakeLeaf>
Tree tree_of_names(const std::vector<std::string>& names, MakeLeaf&& make_leaf, const Where& where) {
  Tree root;
  for (const std::string& name : names) {
    Tree* at = &root;
    std::size_t depth = 0;
    for (std::size_t from = 0, dot = 0; !name.empty() && dot != name.npos; from = dot + 1) {
      dot = name.find('.', from);
      const std::string key = name.substr(from, dot == name.npos ? dot : dot - from);
      if (at->is_none()) *at = Tree::dict();
      if (!at->is_dict())
        throw FormatError("two arrays of this item cannot both be in one tree: one lies below the other", {name, where.file, {}});
      if (++depth > orrery::detail::max_nesting)
        throw FormatError("the names in this item nest deeper than 512 levels", {name, where.file, {}});
      Tree* found = at->find(key);
      at = found ? found : &at->insert({key}, Tree());
    }
    if (!at->is_none())
      throw FormatError("two arrays of this item cannot both be in one tree: one lies below the other", {name, where.file, {}});
    *at = make_leaf(name);
  }
  root.sort_keys();
  return root;
}

}  // namespace orrery::inline v0::orbax
