// One step on the disk: its directory with a directory for each item, metrics, the file that says which handler wrote which item, and the
// marker; written aside and renamed (spec/orbax.md 1.2, 1.3, 2.4). What items are is known to items.hpp, which steps there are to
// step_list.hpp.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/manager/step_info.hpp"
#include "orrery/manager/step_item.hpp"
#include "orrery/orbax/item_folders.hpp"
#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/save_together.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0 {

// What the files beside the items say.
struct StepFiles {
  std::optional<StepTime> init_time{}, commit_time{};
  std::vector<std::pair<std::string, std::string>> handlers{};  // item, handler; items that were never on the disk may be among them
  std::string handler{};                                        // of a checkpoint that is one item and no step
  std::string custom_metadata = "{}";                           // a JSON object
};

namespace detail {

template <OnUse>
void check_item_name(const std::string& name) {
  const bool is_path =
      name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name == "." || name == "..";
  if (is_path || orbax::is_foreign_name(name))
    throw ArgumentError("an item's name becomes a directory, and \"" + name + "\" cannot be one: give it another name");
}

template <OnUse = OnUse()>
inline void write_metrics(const std::string& step, const Metrics& metrics) {
  if (metrics.empty()) return;
  const std::string directory = step + "/" + std::string(metrics_item_name);
  storage::make_directory(directory);
  storage::write_file(directory + "/" + std::string(metrics_item_name), metrics.text());
}

// What belongs to the step itself; the marker last.
template <OnUse = OnUse()>
inline void write_step_files(const storage::AtomicDirectory& step, std::uint64_t started, const StepContents& contents) {
  std::string handlers;
  const auto add = [&handlers](std::string_view name, std::string_view handler) {
    handlers += (handlers.empty() ? "{" : ", ") + json::quoted(name) + ": " + json::quoted(handler);
  };
  for (const StepItem& item : contents.items) add(item.name, item.handler);
  if (!contents.metrics.empty()) add(metrics_item_name, json_handler);
  storage::write_file(step.path() + "/_CHECKPOINT_METADATA",
                      orbax::checkpoint_metadata_file(handlers.empty() ? "{}" : handlers + "}", started, orbax::detail::nanoseconds_now(),
                                                      contents.custom_metadata));
  storage::write_file(step.path() + "/commit_success.txt", "Checkpoint commit was successful to " + step.final_path());
}

}  // namespace detail

// Writes a step, complete under `path` or not there; what is there already is replaced. IoError; whatever the items and
// options.on_progress throw.
template <OnUse = OnUse()>
inline void write_step(const std::string& path, const StepContents& contents) {
  const std::uint64_t started = orbax::detail::nanoseconds_now();
  storage::AtomicDirectory step(path, {.force = true, .durability = contents.options.durability});
  Progress written;
  for (const StepItem& item : contents.items) {
    const std::string directory = step.path() + "/" + item.name;
    storage::make_directory(directory);
    written = item.view ? orbax::write_item(directory, item.view(), contents.options) : item.write(directory, contents.options);
  }
  detail::write_metrics(step.path(), contents.metrics);
  detail::write_step_files(step, started, contents);
  orbax::commit(step, written, contents.options);
}

// The processes that save this step together; null for one alone. ArgumentError where items belong to different ones.
template <OnUse = OnUse()>
inline std::shared_ptr<Coordinator> processes_of(const StepContents& contents) {
  std::shared_ptr<Coordinator> world;
  for (const StepItem& item : contents.items) {
    if (!item.find_processes) continue;
    std::shared_ptr<Coordinator> of_item = orbax::processes_of(item.view());
    if (world && of_item && world != of_item)
      throw ArgumentError("the items of a step belong to meshes of different coordinators; make them from one");
    if (of_item) world = std::move(of_item);
  }
  return world;
}

// ... where that throws in one of them alone: as far as can be seen.
template <OnUse = OnUse()>
inline std::shared_ptr<Coordinator> find_processes(const StepContents& contents) {
  for (const StepItem& item : contents.items)
    if (std::shared_ptr<Coordinator> world = item.find_processes ? item.find_processes() : nullptr) return world;
  return nullptr;
}

// A step that several processes write: each its parts of pytrees, rank 0 all the rest. What an item cannot be described for is thrown
// when the save begins, as is `failure`.
template <OnUse = OnUse()>
inline orbax::SharedWork work_of(std::string path, std::shared_ptr<const StepContents> contents, std::exception_ptr failure) {
  struct Rest final : orbax::SharedRest {
    explicit Rest(std::shared_ptr<const StepContents> all) : contents(std::move(all)) {}
    void write_others(const std::string& directory) const override {
      for (const StepItem& item : contents->items) {
        if (item.view) continue;
        const std::string to = directory + "/" + item.name;
        storage::make_directory(to);
        item.write(to, contents->options);
      }
      detail::write_metrics(directory, contents->metrics);
    }
    void write_last(const storage::AtomicDirectory& step, std::uint64_t started) const override {
      detail::write_step_files(step, started, *contents);
    }
    std::shared_ptr<const StepContents> contents;
  };
  orbax::SharedWork work{std::move(path), {}, contents->options, {}, std::move(failure)};
  work.options.force = true;
  try {
    for (const StepItem& item : contents->items)
      if (item.view && !work.failure) work.items.push_back({item.name, &item.view()});
  } catch (...) {
    work.failure = std::current_exception();
  }
  work.rest = std::make_shared<const Rest>(std::move(contents));
  return work;
}

// The items of a step, sorted: all its directories but those that are never items.
template <OnUse = OnUse()>
inline std::vector<std::string> list_items(const std::string& step_path) {
  std::vector<std::string> names;
  for (const storage::DirectoryEntry& entry : storage::list_entries(step_path)) {
    const bool is_directory = entry.kind == storage::FileKind::directory ||
                              (entry.kind == storage::FileKind::link && storage::is_directory(step_path + "/" + entry.name));
    if (is_directory && !orbax::is_foreign_name(entry.name)) names.push_back(entry.name);
  }
  return names;
}

// The metrics of a step, empty where it has none. FormatError for a file that is no JSON object.
template <OnUse>
Metrics read_metrics(const std::string& step_path) {
  const std::string file = step_path + "/metrics/metrics";
  if (!storage::exists(file) || storage::is_directory(file)) return {};
  return Metrics::parse(storage::read_file(file, detail::largest_json_file), {{}, file, {}});
}

// As it stands in _CHECKPOINT_METADATA. A file that is missing, or no JSON at all, says nothing, as in Orbax; FormatError where it says
// something of another type than it should.
template <OnUse = OnUse()>
inline StepFiles read_step_files(const std::string& step_path) {
  StepFiles files;
  const std::string file = step_path + "/_CHECKPOINT_METADATA";
  if (!storage::exists(file)) return files;
  const Where where{{}, file, {}};
  json::Value value;
  try {
    value = json::parse(storage::read_file(file, detail::largest_json_file), where, {.nan_and_infinity = true});
  } catch (const FormatError&) {
    return files;
  }
  const json::Cursor root(value, where);
  const auto time = [&](std::string_view key) -> std::optional<StepTime> {
    const auto found = root.find(key);
    if (!found || found->is_null()) return std::nullopt;
    return StepTime(std::chrono::nanoseconds(found->integer()));
  };
  files.init_time = time("init_timestamp_nsecs");
  files.commit_time = time("commit_timestamp_nsecs");
  if (const auto handlers = root.find("item_handlers"); handlers && !handlers->is_null()) {
    if (const std::string* one = handlers->value().string())
      files.handler = *one;
    else if (const json::Value::Object* all = handlers->value().object()) {
      for (const auto& [name, handler] : *all)
        if (!handler.is_null()) files.handlers.emplace_back(name, handlers->at(name).string());
    } else
      handlers->refuse("expected a handler's name, or an object of them");
  }
  if (const auto custom = root.find("custom_metadata"); custom && !custom->is_null()) {
    if (!custom->value().object()) custom->refuse("expected an object");
    files.custom_metadata = json::dump(custom->value());
  }
  return files;
}

// When a step was committed: as it says, else when its directory was last changed. NotFoundError where it has gone.
template <OnUse>
StepTime commit_time_of(const std::string& step_path) {
  if (const auto said = read_step_files(step_path).commit_time) return *said;
  struct ::stat status {};
  if (const int code = storage::detail::try_status(step_path, status); code != 0)
    storage::detail::throw_not_read("ask when this step was saved", step_path, code);
  return StepTime(std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

}  // namespace orrery::inline v0
