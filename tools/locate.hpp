// What a path given on the command line is, and what lies in it that can be restored: a legacy Flax file, a safetensors file, an Orbax
// item, a step with its items, a manager's root, a legacy directory with steps or one zarr array. Looks at names only; reading is
// load.hpp's job.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace orrery::tools {

enum class Layout {
  flax,         // a msgpack file
  orbax,        // a directory with arrays: an Orbax item
  json,         // a directory with one JSON file, as JsonCheckpointHandler writes it
  zarr,         // a zarr array alone, in a directory of its own
  safetensors,  // a safetensors file
};

// "orbax", "flax", "json", "zarr", "safetensors": the "format" of the canonical description.
std::string_view name(Layout layout);

// One thing that restores to one tree.
struct Part {
  Layout layout = Layout::orbax;
  std::string path{};                // the file or directory
  std::string below{};               // `path` relative to what was asked for; "." if it is that
  std::optional<double> step{};      // legacy Flax steps may have fractions
  std::string item{};                // "default" and the like, where it lies in a step
  bool state_dict = false;           // an Orbax item that is itself a step: Flax wrote it, and restores such a root as a state dict
};

struct LocateOptions {
  std::optional<double> step{};      // of a root; without it the latest
  std::string item{};                // of a step; without it all
};

// The parts of what lies at `path`: several where a step holds several items. NotFoundError where there is nothing or no such step,
// FormatError where it is no checkpoint, ArgumentError where several series of steps make the latest ambiguous.
std::vector<Part> locate(const std::string& path, const LocateOptions& options);

// The number that ends the name of a step ("checkpoint_10", "0007", "checkpoint_1e+16"), and what stands before it.
struct StepName {
  std::string series{};
  double number = 0;
};
std::optional<StepName> parse_step_name(const std::string& name);

}  // namespace orrery::tools
