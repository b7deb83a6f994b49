// What a step can hold: pytrees, JSON, single arrays, and whatever a user's handler writes, one without a name or several by name. Here
// they are made ready for being written; restore_items.hpp reads them.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/manager/step_directory.hpp"
#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/orbax/array_item.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// How an item of type T is kept, where it is no pytree. A specialization holds
//   static constexpr std::string_view name        // recorded beside the item: the class in Python that reads it, or a name of your own
//   static void save(const std::string& directory, const T& item, const SaveOptions&)     // into a directory that exists and is empty
//   static T restore(const std::string& directory, const RestoreOptions&)
// save() writes files that are closed when it returns; flushing and renaming are done around it. It may run in another thread, on a copy
// of the item. Types without a specialization are pytrees.
template <class T>
struct ItemHandler;

template <class T>
concept CustomItem = requires(const std::string& directory, const T& item, const SaveOptions& save, const RestoreOptions& restore) {
  { ItemHandler<T>::name } -> std::convertible_to<std::string_view>;
  ItemHandler<T>::save(directory, item, save);
  { ItemHandler<T>::restore(directory, restore) } -> std::convertible_to<T>;
};

// A JSON text, as Orbax's JsonSave keeps it; in Python a dict.
struct JsonItem {
  std::string text{};
  json::Value value() const { return json::parse(text, {}, {.nan_and_infinity = true}); }
};

// One array, number or PRNG key, as Orbax's ArraySave keeps it: a directory of files, no database.
template <class T>
struct ArrayItem {
  T array{};
};
template <class T>
ArrayItem(T) -> ArrayItem<T>;

template <>
struct ItemHandler<JsonItem> {
  static constexpr std::string_view name = detail::json_handler;
  static void save(const std::string& directory, const JsonItem& item, const SaveOptions&) {
    json::parse(item.text, {}, {.nan_and_infinity = true});  // what Python could not read is refused here
    storage::write_file(directory + "/metadata", item.text);
  }
  // The file of Orbax's handler, of its version 1, or the metrics of a step.
  static JsonItem restore(const std::string& directory, const RestoreOptions&) {
    for (const char* file : {"/metadata", "/data.json", "/metrics"}) {
      const std::string path = directory + file;
      if (!storage::exists(path) || storage::is_directory(path)) continue;
      std::string text = storage::read_file(path, detail::largest_json_file);
      json::parse(text, {{}, path, {}}, {.nan_and_infinity = true});
      return {std::move(text)};
    }
    throw NotFoundError("expected the JSON file of an item, \"metadata\" or \"data.json\", found neither", {{}, directory, {}});
  }
};

template <class T>
struct ItemHandler<ArrayItem<T>> {
  static constexpr std::string_view name = orbax::array_handler;
  static void save(const std::string& directory, const ArrayItem<T>& item, const SaveOptions& options) {
    orbax::write_array_item(directory, describe(ops<T>(), &item.array), options);
  }
  static ArrayItem<T> restore(const std::string& directory, const RestoreOptions& options) {
    check_reflectable<T>();
    ArrayItem<T> item;
    orbax::restore_array_into(directory, ops<T>(), &item.array, true, options);
    return item;
  }
};

namespace detail {

// An item of a value that stays where it is, unchanged, until it has been written.
template <class T>
StepItem item_of(std::string name, const T& value) {
  check_item_name(name);
  if constexpr (CustomItem<T>) {
    return {std::move(name), std::string(ItemHandler<T>::name),
            [&value](const std::string& directory, const SaveOptions& options) { ItemHandler<T>::save(directory, value, options); }};
  } else {
    check_reflectable<T>();
    return {std::move(name), std::string(orbax::pytree_handler), [&value](const std::string& directory, const SaveOptions& options) {
              orbax::write_item(directory, describe(ops<T>(), std::addressof(value)), options);
            }};
  }
}

}  // namespace detail

// Several items with names: Composite{{"state", state}, {"config", JsonItem{text}}}. What is named by a variable is looked at when the
// step is saved, and must live until then; temporaries and what is moved in are kept here.
class Composite {
 public:
  class Entry {
   public:
    template <class T>
    Entry(std::string name, T&& value) : name_(std::move(name)) {
      using Value = std::remove_cvref_t<T>;
      if constexpr (std::is_lvalue_reference_v<T>)
        make_ = [&value](const std::string& item) { return detail::item_of<Value>(item, value); };
      else
        make_ = [kept = std::make_shared<const Value>(std::move(value))](const std::string& item) {
          StepItem made = detail::item_of<Value>(item, *kept);
          made.write = [kept, write = std::move(made.write)](const std::string& directory, const SaveOptions& options) {
            write(directory, options);
          };
          return made;
        };
    }
    const std::string& name() const noexcept { return name_; }
    StepItem item() const { return make_(name_); }

   private:
    std::string name_;
    std::function<StepItem(const std::string& name)> make_{};
  };

  // ArgumentError for names that cannot be directories, or stand twice, and for none at all.
  Composite(std::initializer_list<Entry> entries) : entries_(entries) {
    if (entries_.empty()) throw ArgumentError("a Composite needs an item");
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      detail::check_item_name(entries_[i].name());
      for (std::size_t j = 0; j < i; ++j)
        if (entries_[i].name() == entries_[j].name()) throw ArgumentError("the item \"" + entries_[i].name() + "\" is given twice");
    }
  }
  const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace orrery::inline v0
