// What a step can hold: pytrees, JSON, single arrays, and whatever a user's handler writes, one without a name or several by name. Here
// they are made ready for being written; restore_items.hpp reads them.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json_value.hpp"
#include "orrery/manager/step_item.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/background_calls.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/find_processes.hpp"
#include "orrery/orbax/handlers.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/snapshot.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

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
  template <OnUse = OnUse()>
  json::Value value() const;
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
  template <OnUse = OnUse()>
  static void save(const std::string& directory, const JsonItem& item, const SaveOptions&);
  // The file of Orbax's handler, of its version 1, or the metrics of a step.
  template <OnUse = OnUse()>
  static JsonItem restore(const std::string& directory, const RestoreOptions&);
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

// The state itself, of one that is lent.
template <class T>
struct StateOf {
  using Type = T;
  static const T& get(const T& value) noexcept { return value; }
};
template <class T>
struct StateOf<Borrowed<T>> {
  using Type = T;
  static const T& get(const Borrowed<T>& value) noexcept { return *value.state; }
};
template <class T>
inline constexpr bool is_array_item = false;
template <class T>
inline constexpr bool is_array_item<ArrayItem<T>> = true;

// StepItem::find_processes of a value that stays there.
template <OnUse = OnUse()>
std::function<std::shared_ptr<Coordinator>()> find_processes_in(const TypeOps& ops, const void* value) {
  if (!orbax::may_hold_parts(ops)) return {};
  return [&ops, value] { return orbax::find_processes(ops, value); };
}

// How `write` is asked of an item: `state()` gives it, each time the same object.
template <class T, class State>
StepItem item_from(std::string name, State state) {
  check_item_name(name);
  if constexpr (CustomItem<T>) {
    return {std::move(name), std::string(ItemHandler<T>::name),
            [state = std::move(state)](const std::string& directory, const SaveOptions& options) {
              ItemHandler<T>::save(directory, state(), options);
              return Progress{};
            }};
  } else {
    check_reflectable<T>();
    // Described when it is first looked at, which may be later.
    const void* const address = std::addressof(state());
    return {std::move(name),
            std::string(orbax::pytree_handler),
            {},
            [state = std::move(state), view = std::make_shared<std::optional<TreeView>>()]() -> const TreeView& {
              if (!*view) view->emplace(describe(ops<T>(), std::addressof(state())));
              return **view;
            },
            find_processes_in(ops<T>(), address)};
  }
}

template <OnUse = OnUse()>
StepItem item_from_snapshot(std::string name, std::string_view handler, std::shared_ptr<orbax::Snapshot> snapshot);

// An item of a value. Without a turn it stays where it is, unchanged, until it has been written. With one it is written later: an lvalue is
// copied, arrays into the engine's memory; an rvalue taken over; what borrow() gave stays.
template <class T>
StepItem item_of(std::string name, T&& value, const orbax::AsyncEngine::Turn* turn) {
  using Value = std::remove_cvref_t<T>;
  using State = typename StateOf<Value>::Type;
  constexpr bool is_lent = !std::same_as<Value, State>;
  if (!turn || is_lent) {
    const State* state = std::addressof(StateOf<Value>::get(value));
    return item_from<State>(std::move(name), [state]() -> const State& { return *state; });
  }
  if constexpr (is_array_item<State>) {
    return item_from_snapshot(std::move(name), orbax::array_handler, turn->snapshot(std::forward<T>(value).array));
  } else if constexpr (!CustomItem<State>) {
    return item_from_snapshot(std::move(name), orbax::pytree_handler, turn->snapshot(std::forward<T>(value)));
  } else if constexpr (!std::is_constructible_v<State, T>) {
    throw ArgumentError("the item \"" + name +
                        "\" cannot be copied: give it to a save in the background with std::move(item), or borrow(item)");
  } else {
    const auto kept = std::make_shared<const State>(std::forward<T>(value));
    return item_from<State>(std::move(name), [kept]() -> const State& { return *kept; });
  }
}

ORRERY_ONCE(std::function<std::shared_ptr<Coordinator>()> find_processes_in<>(const TypeOps&, const void*));
ORRERY_ONCE(StepItem item_from_snapshot<>(std::string, std::string_view, std::shared_ptr<orbax::Snapshot>));

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
      if constexpr (std::is_lvalue_reference_v<T>) {
        make_ = [&value](const std::string& item, const orbax::AsyncEngine::Turn* turn) { return detail::item_of(item, value, turn); };
      } else {
        make_ = [kept = std::make_shared<const Value>(std::forward<T>(value))](const std::string& item, const orbax::AsyncEngine::Turn*) {
          using State = typename detail::StateOf<Value>::Type;
          return detail::item_from<State>(item, [kept]() -> const State& { return detail::StateOf<Value>::get(*kept); });
        };
      }
    }
    const std::string& name() const noexcept { return name_; }
    template <OnUse = OnUse()>
    StepItem item(const orbax::AsyncEngine::Turn* turn = nullptr) const {
      return make_(name_, turn);
    }

   private:
    std::string name_;
    std::function<StepItem(const std::string& name, const orbax::AsyncEngine::Turn* turn)> make_{};
  };

  // ArgumentError for names that cannot be directories, or stand twice, and for none at all.
  template <OnUse = OnUse()>
  Composite(std::initializer_list<Entry> entries);
  const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  std::vector<Entry> entries_;
};

ORRERY_ONCE(json::Value JsonItem::value<>() const);
ORRERY_ONCE(void ItemHandler<JsonItem>::save<>(const std::string&, const JsonItem&, const SaveOptions&));
ORRERY_ONCE(JsonItem ItemHandler<JsonItem>::restore<>(const std::string&, const RestoreOptions&));
ORRERY_ONCE(Composite::Composite(std::initializer_list<Composite::Entry>));

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/manager/items_impl.hpp"  // IWYU pragma: export
#endif
