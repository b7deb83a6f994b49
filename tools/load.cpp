#include "load.hpp"

#include "json_item.hpp"
#include "orrery/flax/msgpack_file.hpp"
#include "orrery/formats/zarr/array_directory.hpp"
#include "orrery/orbax/item_place.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/safetensors_impl.hpp"
#include "orrery/storage/file_system.hpp"

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

// Who wrote a dict of one entry: ArrayCheckpointHandler, or nobody who said so, as before 2024. Its own _CHECKPOINT_METADATA tells, or
// that of the step that it lies in.
bool is_array_item(const std::string& path) {
  const auto handlers_in = [](const std::string& directory) {
    const std::string file = directory + "/_CHECKPOINT_METADATA";
    if (!storage::exists(file)) return Tree();
    const Tree about = json_tree_from_file(file);
    const Tree* handlers = about.find("item_handlers");
    return handlers ? *handlers : Tree();
  };
  Tree handler = handlers_in(path);
  if (handler.is_none()) {
    const Tree of_step = handlers_in(storage::parent_directory(path));
    if (const Tree* found = of_step.find(path.substr(path.find_last_of('/') + 1))) handler = *found;
  }
  return handler.kind() != Tree::Kind::string || handler.string().ends_with("ArrayCheckpointHandler");
}

class OrbaxSource : public Source {
 public:
  OrbaxSource(const std::string& path, bool state_dict)
      : item_(orbax::StoredItem::open(path)), tree_(state_dict ? as_state_dict(item_.tree()) : item_.tree()) {
    if (const Tree* array = orbax::one_array(tree_); array && is_array_item(path)) tree_ = Tree(*array);
  }
  const Tree& tree() const override { return tree_; }

 private:
  void fill(const Slots& slots) override { orbax::read_leaves(item_, slots, true); }

  orbax::StoredItem item_;
  Tree tree_;
};

class ZarrSource : public Source {
 public:
  explicit ZarrSource(const std::string& path)
      : array_(zarr::ArrayDirectory::open(path)),
        tree_(Tree::described(LeafKind::array, array_.metadata().dtype, array_.metadata().shape, 0)) {}
  const Tree& tree() const override { return tree_; }

 private:
  void fill(const Slots& slots) override {
    for (const Slot& slot : slots.reads) array_.read(slot.to.array);
  }

  zarr::ArrayDirectory array_;
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
    case Layout::zarr: return std::make_unique<ZarrSource>(part.path);
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
