// The steps of a root: found by their names alone, so that opening ten thousand of them costs one listing; times and metrics are read when
// a policy asks for them, once. The manager's memory of what is saved; nothing here writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/step_info.hpp"
#include "orrery/manager/step_item.hpp"
#include "orrery/manager/step_names.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0 {

// The steps that are complete, ascending: directories, and links to some, whose whole name is a step's. A missing root has none.
template <OnUse = OnUse()>
inline std::vector<std::int64_t> find_steps(const std::string& root, const StepNames& names) {
  std::vector<std::int64_t> steps;
  std::vector<storage::DirectoryEntry> entries;
  try {
    entries = storage::list_entries(root);
  } catch (const NotFoundError&) {
    return steps;
  }
  for (const storage::DirectoryEntry& entry : entries) {
    const auto step = names.parse(entry.name);
    if (step && (entry.kind == storage::FileKind::directory ||
                 (entry.kind == storage::FileKind::link && storage::is_directory(root + "/" + entry.name))))
      steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

// In the order of saving: what is there at first by number, then what is added. Not for several threads at once.
class StepList {
 public:
  StepList() = default;
  template <OnUse = OnUse()>
  StepList(std::string root, StepNames names) : root_(std::move(root)), names_(std::move(names)) {
    reload();
  }

  const StepNames& names() const noexcept { return names_; }
  std::string path(std::int64_t step) const { return root_ + "/" + names_.build(step); }

  // Looks again.
  template <OnUse = OnUse()>
  void reload() {
    infos_.clear();
    for (const std::int64_t step : find_steps(root_, names_)) infos_.push_back({step, {}, {}});
    known_times_ = known_metrics_ = 0;
  }

  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return infos_.empty();
  }
  std::size_t size() const noexcept { return infos_.size(); }
  template <OnUse = OnUse()>
  bool contains(std::int64_t step) const {
    return find(step) != infos_.end();
  }
  // The one saved last, or with the greatest number.
  template <OnUse = OnUse()>
  std::optional<std::int64_t> latest() const {
    return empty() ? std::nullopt : std::optional(infos_.back().step);
  }
  template <OnUse = OnUse()>
  std::vector<std::int64_t> sorted() const {
    std::vector<std::int64_t> steps;
    for (const StepInfo& info : infos_) steps.push_back(info.step);
    if (!std::is_sorted(steps.begin(), steps.end())) std::sort(steps.begin(), steps.end());
    return steps;
  }

  // With times, or metrics, if they are wanted. FormatError for files that say something unusable; one that has gone counts as old, and
  // without metrics.
  template <OnUse = OnUse()>
  std::span<const StepInfo> infos(bool times, bool metrics) {
    for (; times && known_times_ < infos_.size(); ++known_times_) {
      StepInfo& info = infos_[known_times_];
      if (info.time != StepTime{}) continue;  // saved by this process
      try {
        info.time = commit_time_of(path(info.step));
      } catch (const NotFoundError&) {
      }
    }
    for (; metrics && known_metrics_ < infos_.size(); ++known_metrics_) {
      StepInfo& info = infos_[known_metrics_];
      if (!info.metrics.empty()) continue;
      try {
        info.metrics = read_metrics(path(info.step));
      } catch (const NotFoundError&) {
      }
    }
    return infos_;
  }

  template <OnUse = OnUse()>
  void add(StepInfo info) {
    infos_.push_back(std::move(info));
  }
  template <OnUse = OnUse()>
  void remove(std::int64_t step) {
    if (const auto found = find(step); found != infos_.end()) remove_at(static_cast<std::size_t>(found - infos_.begin()));
  }

 private:
  template <OnUse = OnUse()>
  std::vector<StepInfo>::const_iterator find(std::int64_t step) const {
    return std::find_if(infos_.begin(), infos_.end(), [&](const StepInfo& info) { return info.step == step; });
  }
  template <OnUse = OnUse()>
  void remove_at(std::size_t index) {
    infos_.erase(infos_.begin() + static_cast<std::ptrdiff_t>(index));
    if (index < known_times_) --known_times_;
    if (index < known_metrics_) --known_metrics_;
  }

  std::string root_{};
  StepNames names_{};
  std::vector<StepInfo> infos_{};
  std::size_t known_times_ = 0, known_metrics_ = 0;  // of that many at the front
};

}  // namespace orrery::inline v0
