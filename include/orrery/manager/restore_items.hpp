// The items of a step, read: one by its name and type, or all of them as a tree. What a step holds is learned from its directories and
// from what the file beside them says of their handlers.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/items.hpp"
#include "orrery/manager/step_item.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/tree_metadata.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// Some items of a step, with what they are to become: items<Checkpoint, JsonItem>("state", "config").
template <class... T>
struct ItemList {
  std::array<std::string, sizeof...(T)> names{};
  std::optional<std::tuple<T...>> targets{};  // absent: new ones

  // The same items into values that decide their structure, as the target of a restore.
  ItemList into(T... values) && {
    targets.emplace(std::move(values)...);
    return std::move(*this);
  }
};

template <class... T, class... Names>
ItemList<T...> items(Names&&... names) {
  static_assert(sizeof...(T) == sizeof...(Names), "orrery: items<A, B>(\"a\", \"b\") needs a name for each type");
  return {{std::string(std::forward<Names>(names))...}, {}};
}

// What a step holds, without its values.
class ItemMetadata {
 public:
  struct Item {
    std::string name;
    std::string handler;                 // empty where nothing says it
    std::optional<TreeMetadata> tree{};  // of pytrees and arrays
  };

  template <OnUse = OnUse()>
  explicit ItemMetadata(std::vector<Item> items, std::string path) : items_(std::move(items)), path_(std::move(path)) {}

  const std::vector<Item>& items() const noexcept { return items_; }
  // KeyError where there is no such item, or it is no pytree.
  template <OnUse = OnUse()>
  const TreeMetadata& operator[](std::string_view name) const;
  // Of the one item without a name.
  template <OnUse = OnUse()>
  const Tree& tree() const {
    return (*this)[default_item_name].tree();
  }
  template <OnUse = OnUse()>
  const std::vector<TreeMetadata::Leaf>& leaves() const {
    return (*this)[default_item_name].leaves();
  }

 private:
  std::vector<Item> items_;
  std::string path_;
};

namespace detail {

// Of the item of that name. KeyError, naming those that are there, where it is not.
template <OnUse = OnUse()>
std::string item_path(const std::string& step_path, const std::string& name);

template <class T>
T restore_item(const std::string& directory, const RestoreOptions& options, std::optional<T> target) {
  if constexpr (CustomItem<T>) {
    return ItemHandler<T>::restore(directory, options);
  } else if constexpr (std::same_as<T, Tree>) {
    if (!target) return orbax::restore_tree(directory, options);
    orbax::restore_value(directory, ops<T>(), &*target, false, options);
    return *std::move(target);
  } else {
    check_reflectable<T>();
    const bool is_new = !target;
    if (is_new) target.emplace();
    orbax::restore_value(directory, ops<T>(), std::addressof(*target), is_new, options);
    return *std::move(target);
  }
}

}  // namespace detail

// One item as a tree: of JSON its document, of an array its leaf.
template <OnUse = OnUse()>
Tree restore_item_tree(const std::string& directory, std::string_view handler, const RestoreOptions& options = {});

// A step without a target: the one item without a name, or a dict of all items by name, metrics among them.
template <OnUse = OnUse()>
Tree restore_step_tree(const std::string& step_path, const RestoreOptions& options);

template <OnUse = OnUse()>
ItemMetadata read_item_metadata(const std::string& step_path);

ORRERY_ONCE(std::string detail::item_path<>(const std::string&, const std::string&));
ORRERY_ONCE(const TreeMetadata& ItemMetadata::operator[]<>(std::string_view) const);
ORRERY_ONCE(Tree restore_item_tree<>(const std::string&, std::string_view, const RestoreOptions&));
ORRERY_ONCE(Tree restore_step_tree<>(const std::string&, const RestoreOptions&));
ORRERY_ONCE(ItemMetadata read_item_metadata<>(const std::string&));

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/manager/restore_items_impl.hpp"  // IWYU pragma: export
#endif
