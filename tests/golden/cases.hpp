// The golden set as the tests see it: cases of manifest.json, each split into checks (one checkpoint against one expected list of
// leaves), and what is wrong with a check, if anything.
#pragma once

#include <string>
#include <vector>

#include "orrery/tree/tree.hpp"

namespace orrery::golden {

struct Check {
  std::string name{};          // "orbax-0.12/ranks", "flax/dir_steps: checkpoint_10"
  std::string layout{};        // "orbax item", as the manifest has it
  std::string path{};          // the checkpoint
  std::string item{};          // of a step; empty: all of it
  bool wants_error = false;    // the real library refuses it
  Tree leaves{};               // a list of canonical leaves
  std::size_t leaf_count = 0;  // leaves may be the first and last eight of that many
};

// Every check of every case, in the order of the manifest.
std::vector<Check> all_checks();

// Empty if the checkpoint restores to what the check expects, else what differs.
std::string what_is_wrong(const Check& check);

// The same for what can be known without reading a value: names, kinds, dtypes and shapes.
std::string what_is_wrong_with_metadata(const Check& check);

// For roots whose expected file tells the latest step: where the root is and what that step is.
struct LatestStep {
  std::string name{};
  std::string path{};
  double step = 0;
};
std::vector<LatestStep> latest_steps();

}  // namespace orrery::golden
