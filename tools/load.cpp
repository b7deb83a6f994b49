#include "load.hpp"

#include "json_item.hpp"
#include "orrery/flax/msgpack_file.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/safetensors.hpp"

namespace orrery::tools {

namespace {

class FlaxSource : public Source {
 public:
  explicit FlaxSource(const std::string& path) : file_(path) {}
  const Tree& tree() const override { return file_.tree(); }

 private:
  void fill(const Slots& slots) override { file_.read(slots.reads); }

  flax::detail::MsgpackFile file_;
};

// Lists become dicts of "0", "1", ...; flax::to_state_dict does that to trees with values, this to described ones.
Tree as_state_dict(const Tree& tree) {
  if (tree.is_leaf() || tree.is_none()) return tree;
  Tree dict = Tree::dict();
  for (const auto& [key, child] : tree.items()) dict.insert(key, as_state_dict(child));
  for (const Tree& child : tree.elements()) dict.insert({std::to_string(dict.size())}, as_state_dict(child));
  return dict;
}

class OrbaxSource : public Source {
 public:
  OrbaxSource(const std::string& path, bool state_dict)
      : item_(orbax::StoredItem::open(path)), tree_(state_dict ? as_state_dict(item_.tree()) : item_.tree()) {}
  const Tree& tree() const override { return tree_; }

 private:
  void fill(const Slots& slots) override { orbax::read_leaves(item_, slots, true); }

  orbax::StoredItem item_;
  Tree tree_;
};

class SafetensorsSource : public Source {
 public:
  explicit SafetensorsSource(const std::string& path) : stored_(path) {}
  const Tree& tree() const override { return stored_.tree(); }

 private:
  void fill(const Slots& slots) override { stored_.read(slots.reads); }

  safetensors::detail::Stored stored_;
};

class JsonSource : public Source {
 public:
  explicit JsonSource(const std::string& path) : tree_(json_tree_from_file(path)) {}
  const Tree& tree() const override { return tree_; }

 private:
  void fill(const Slots&) override {}  // every value is in the tree

  Tree tree_;
};

}  // namespace

Tree Source::read(const Tree& described) {
  Slots slots;
  Tree whole;
  slots.materialize(described, whole);
  fill(slots);
  slots.finish();
  return whole;
}

std::unique_ptr<Source> open(const Part& part) {
  switch (part.layout) {
    case Layout::flax: return std::make_unique<FlaxSource>(part.path);
    case Layout::json: return std::make_unique<JsonSource>(part.path);
    case Layout::safetensors: return std::make_unique<SafetensorsSource>(part.path);
    case Layout::orbax: break;
  }
  return std::make_unique<OrbaxSource>(part.path, part.state_dict);
}

Tree load(const Part& part) {
  const std::unique_ptr<Source> source = open(part);
  return source->read(source->tree());
}

}  // namespace orrery::tools
