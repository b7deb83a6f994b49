#include "json_item.hpp"

#include <utility>
#include <vector>

#include "orrery/formats/json.hpp"
#include "orrery/storage/mapped_file.hpp"

namespace orrery::tools {

namespace {

class Builder {
 public:
  Tree root{};

  void null() { add(Tree::none()); }
  void boolean(bool value) { add(Tree::scalar(value)); }
  void integer(std::int64_t value) { add(Tree::scalar(value)); }
  void unsigned_integer(std::uint64_t value) { add(Tree::scalar(value)); }
  void number(double value) { add(Tree::scalar(value)); }
  void string(std::string_view text) { add(Tree::string(std::string(text))); }
  void key(std::string_view text) { key_ = text; }
  void start_object() { open_.push_back(&add(Tree::dict())); }
  void start_array() { open_.push_back(&add(Tree::list())); }
  void end_object() { open_.pop_back(); }
  void end_array() { open_.pop_back(); }

 private:
  // Only the last child of a container is open, so growing one moves nothing that open_ points at.
  Tree& add(Tree tree) {
    if (open_.empty()) return root = std::move(tree);
    Tree& parent = *open_.back();
    return parent.is_dict() ? parent.insert({std::move(key_)}, std::move(tree)) : parent.push_back(std::move(tree));
  }

  std::vector<Tree*> open_{};
  std::string key_{};
};

}  // namespace

Tree json_tree(std::string_view text, const std::string& file) {
  Builder builder;
  json::parse(text, builder, Where{.file = file}, {.nan_and_infinity = true});
  return std::move(builder.root);
}

Tree json_tree_from_file(const std::string& path) {
  const auto file = storage::MappedFile::open(path);
  return json_tree({reinterpret_cast<const char*>(file.data()), file.size()}, path);
}

}  // namespace orrery::tools
