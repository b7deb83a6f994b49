// The bodies of items.hpp that depend on no type of the user's.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/manager/items.hpp"
#include "orrery/manager/step_directory.hpp"
#include "orrery/orbax/array_item.hpp"
#include "orrery/orbax/calls_impl.hpp"
#include "orrery/orbax/save_in_background.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0 {

template <OnUse>
json::Value JsonItem::value() const {
  return json::parse(text, {}, {.nan_and_infinity = true});
}

template <OnUse>
void ItemHandler<JsonItem>::save(const std::string& directory, const JsonItem& item, const SaveOptions&) {
  json::parse(item.text, {}, {.nan_and_infinity = true});  // what Python could not read is refused here
  storage::write_file(directory + "/metadata", item.text);
}

template <OnUse>
JsonItem ItemHandler<JsonItem>::restore(const std::string& directory, const RestoreOptions&) {
  for (const char* file : {"/metadata", "/data.json", "/metrics"}) {
    const std::string path = directory + file;
    if (!storage::exists(path) || storage::is_directory(path)) continue;
    std::string text = storage::read_file(path, detail::largest_json_file);
    json::parse(text, {{}, path, {}}, {.nan_and_infinity = true});
    return {std::move(text)};
  }
  throw NotFoundError("expected the JSON file of an item, \"metadata\" or \"data.json\", found neither", {{}, directory, {}});
}

namespace detail {

template <OnUse>
StepItem item_from_snapshot(std::string name, std::string_view handler, std::shared_ptr<orbax::Snapshot> snapshot) {
  check_item_name(name);
  if (handler == orbax::array_handler)
    return {std::move(name), std::string(handler),
            [snapshot = std::move(snapshot)](const std::string& directory, const SaveOptions& options) {
              return orbax::write_array_item(directory, snapshot->view(), options);
            }};
  StepItem item{std::move(name), std::string(handler), {}, [snapshot]() -> const TreeView& { return snapshot->view(); }, {}};
  if (!snapshot->type() || orbax::may_hold_parts(*snapshot->type()))
    item.find_processes = [snapshot = std::move(snapshot)] { return snapshot->find_processes(); };
  return item;
}

}  // namespace detail

template <OnUse>
Composite::Composite(std::initializer_list<Entry> entries) : entries_(entries) {
  if (entries_.empty()) throw ArgumentError("a Composite needs an item");
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    detail::check_item_name(entries_[i].name());
    for (std::size_t j = 0; j < i; ++j)
      if (entries_[i].name() == entries_[j].name()) throw ArgumentError("the item \"" + entries_[i].name() + "\" is given twice");
  }
}

}  // namespace orrery::inline v0
