// What a checkpoint holds, without its values: names, kinds, dtypes, shapes. Made by the checkpointers' metadata().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/dtype.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

class TreeMetadata {
 public:
  struct Leaf {
    std::string path;  // "model/params/kernel"
    LeafKind kind;
    DType dtype;  // none for strings
    Shape shape;
  };

  template <OnUse = OnUse()>
  explicit TreeMetadata(Tree tree) : tree_(std::move(tree)) {
    collect(tree_, nullptr);
  }

  // The structure; its leaves are described, not read.
  const Tree& tree() const noexcept { return tree_; }
  template <OnUse = OnUse()>
  const Tree& operator[](std::string_view key) const {
    return tree_[key];
  }
  // All leaves in tree order; none and empty containers are not among them.
  const std::vector<Leaf>& leaves() const noexcept { return leaves_; }

 private:
  template <OnUse = OnUse()>
  void collect(const Tree& tree, const PathLink* path) {
    if (tree.is_leaf()) leaves_.push_back({to_string(path), tree.leaf_kind(), tree.dtype(), tree.shape()});
    for (const auto& [key, child] : tree.items()) {
      PathLink link{path, key.text, 0, false};
      collect(child, &link);
    }
    for (std::size_t i = 0; i < tree.elements().size(); ++i) {
      PathLink link{path, {}, i, true};
      collect(tree.elements()[i], &link);
    }
  }

  Tree tree_;
  std::vector<Leaf> leaves_{};
};

}  // namespace orrery::inline v0
