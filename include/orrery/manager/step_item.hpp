// The items of a step before they are written, and what is asked of a step that is there. Its bodies: step_directory.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/manager/metrics.hpp"
#include "orrery/manager/step_info.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0 {

inline constexpr std::string_view default_item_name = "default";  // of the one item that the user gave no name
inline constexpr std::string_view metrics_item_name = "metrics";

// An item ready to be written: what it is has been captured, so that this may happen later and in another thread.
struct StepItem {
  // Writes into a directory that exists and is empty, and answers how much.
  using Write = std::function<Progress(const std::string& directory, const SaveOptions& options)>;

  std::string name{};
  std::string handler{};  // the class in Python that reads it
  Write write{};
  std::function<const TreeView&()> view{};  // of a pytree, instead of write; the same each time
  // Of a pytree that may hold sharded arrays: the processes that hold them together, as far as they can be found where view() throws.
  std::function<std::shared_ptr<Coordinator>()> find_processes{};
};

// All that makes a step.
struct StepContents {
  std::vector<StepItem> items{};
  Metrics metrics{};  // empty: no metrics item
  SaveOptions options{};
  std::string custom_metadata{};  // a JSON object of the user's, or empty
};

namespace detail {

inline constexpr std::string_view json_handler = "orbax.checkpoint._src.handlers.json_checkpoint_handler.JsonCheckpointHandler";
inline constexpr std::size_t largest_json_file = std::size_t{1} << 30;

// ArgumentError for what cannot be the name of a directory of items.
template <OnUse = OnUse()>
void check_item_name(const std::string& name);

}  // namespace detail

// The metrics of a step, empty where it has none. FormatError for a file that is no JSON object.
template <OnUse = OnUse()>
Metrics read_metrics(const std::string& step_path);

// When a step was committed: as it says, else when its directory was last changed. NotFoundError where it has gone.
template <OnUse = OnUse()>
StepTime commit_time_of(const std::string& step_path);

ORRERY_ONCE(void detail::check_item_name<>(const std::string&));
ORRERY_ONCE(Metrics read_metrics<>(const std::string&));
ORRERY_ONCE(StepTime commit_time_of<>(const std::string&));

}  // namespace orrery::inline v0
