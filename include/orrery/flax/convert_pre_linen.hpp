// Parameters of models older than Flax Linen, renamed as Linen names them (spec/flax-legacy.md 4.13).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/checkpoint_names.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax {

namespace detail {

// "Dense" of "Dense_12"; nothing where no number ends the name.
template <OnUse = OnUse()>
inline std::string module_class(const std::string& name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  return end == std::string::npos || end + 1 == name.size() || name[end] != '_' ? std::string() : name.substr(0, end + 1);
}

template <OnUse = OnUse()>
inline Tree converted_pre_linen(const Tree& params, std::size_t depth) {
  if (depth > orrery::detail::max_nesting) throw ArgumentError("the parameters nest deeper than 512 levels");
  if (!params.is_dict()) return params;
  Tree out = Tree::dict();
  std::map<std::string, std::size_t> counts;
  for (const std::string& name : natural_sort(params.keys())) {
    const std::string stem = module_class(name);
    out.insert({stem.empty() ? name : stem + std::to_string(counts[stem]++)}, converted_pre_linen(params[name], depth + 1));
  }
  return out;
}

}  // namespace detail

// flax.training.checkpoints.convert_pre_linen: submodules, once numbered through ("Conv_0", "Dense_1"), are numbered by class ("Conv_0",
// "Dense_0"), at every level, in natural order of their names. What is in that form already stays; what is no dict, too.
template <OnUse = OnUse()>
inline Tree convert_pre_linen(const Tree& params) {
  return detail::converted_pre_linen(params, 0);
}

}  // namespace orrery::inline v0::flax
