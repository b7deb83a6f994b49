// The canonical description of a tree: one JSON object a leaf, in tree order, as tests/golden/scripts/README.md ("Canonical form")
// defines it. `orrery show --json` prints it and the golden tests compare it. Finding and reading checkpoints is locate.hpp's job.
#pragma once

#include <string>

#include "orrery/core/array_view.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::tools {

struct CanonicalOptions {
  bool checksums = false;  // crc32c and hex; needs the values
  bool values = false;     // the value of scalars and strings; checksums bring it too
};

// One step down a path: a dict key as it was in Python, or an index.
struct PathStep {
  const DictKey* key = nullptr;
  std::size_t index = 0;
};
using LeafPath = std::vector<PathStep>;

// What `each(const LeafPath&, const Tree&)` sees: leaves, nones and empty containers, in tree order.
template <class Each>
void for_each_leaf(const Tree& tree, LeafPath& path, Each&& each) {
  if (tree.size() == 0) return each(std::as_const(path), tree);
  std::size_t index = 0;
  for (const Tree::Item& item : tree.items()) {
    path.push_back({&item.key, 0});
    for_each_leaf(item.value, path, each);
    path.pop_back();
  }
  for (const Tree& element : tree.elements()) {
    path.push_back({nullptr, index++});
    for_each_leaf(element, path, each);
    path.pop_back();
  }
}
template <class Each>
void for_each_leaf(const Tree& tree, Each&& each) {
  LeafPath path;
  for_each_leaf(tree, path, each);
}

// Appends {"path": [...], "kind": ...}. Leaves whose values were not read have no data fields but nbytes.
void append_leaf(std::string& out, const LeafPath& path, const Tree& leaf, CanonicalOptions options);

// {"format": ..., "leaves": [...]}, one leaf a line. For tests and small trees; show.cpp streams.
std::string canonical_json(std::string_view format, const Tree& tree, CanonicalOptions options);

// A JSON string literal with UTF-8 as it is, as Python's json.dumps(text, ensure_ascii=False).
void append_json_string(std::string& out, std::string_view text);

// The value of a rank 0 array as JSON: non-finite floats as strings, complex as [re, im]; nothing appended for time types.
void append_number(std::string& out, const ArrayView& scalar);

// "model/params/kernel": for people.
std::string to_string(const LeafPath& path);

// The kind of a leaf, none or empty container: "array", "none", "empty_dict".
std::string_view kind_of(const Tree& leaf);

// CRC-32C of the elements in C order, little-endian; strided views are gathered through a small buffer.
std::uint32_t checksum(const ArrayView& view);

}  // namespace orrery::tools
