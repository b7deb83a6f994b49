// JSON as a tree: what JsonCheckpointHandler stored, the metrics of a step, and the expected files of the golden set.
#pragma once

#include <string>
#include <string_view>

#include "orrery/tree/tree.hpp"

namespace orrery::tools {

// Objects become dicts in the order of the text, numbers Python ints and floats, NaN and Infinity too. FormatError names `file` and the
// offset.
Tree json_tree(std::string_view text, const std::string& file);
Tree json_tree_from_file(const std::string& path);

}  // namespace orrery::tools
