// The report of a restore whose leaves have sources (restore/sources.hpp): what was computed, filled, padded or renamed, leaf by leaf.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/restore/sources.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

namespace detail {

// `leaf`: as it was described for the target; `to`: the dtype in which it arrives.
template <OnUse = OnUse()>
inline RestoreReport::Leaf reported(std::string path, const Source& source, const Tree& leaf, DType to) {
  switch (source.kind) {
    case Source::Kind::computed: return {std::move(path), LeafAction::computed};
    case Source::Kind::filled: return {std::move(path), LeafAction::filled};
    case Source::Kind::kept:
    case Source::Kind::placeholder: return {std::move(path), LeafAction::kept};
    case Source::Kind::stored: break;
  }
  RestoreReport::Leaf out{std::move(path), LeafAction::restored};
  const auto add = [&](LeafAction action, const std::string& detail) {
    if (action != LeafAction::restored) out.action = action;
    out.detail += (out.detail.empty() ? "" : ", ") + detail;
  };
  const DType from = source.stored->dtype();
  if (from != to && to != DType::none) add(LeafAction::cast, std::string(name(from)) + " to " + std::string(name(to)));
  if (leaf.shape() != source.stored->shape()) add(LeafAction::padded, to_string(source.stored->shape()) + " to " + to_string(leaf.shape()));
  if (!source.key.empty()) add(LeafAction::restored, "from " + source.key);
  return out;
}

// The leaves of a stored subtree that went into a Tree.
template <OnUse = OnUse()>
inline void report_tree(const Sources& sources, const Tree& at, const std::string& path, RestoreReport& report) {
  if (const Source* source = sources.of(at)) return report.leaves.push_back(reported(path, *source, at, at.dtype()));
  if (at.is_leaf()) return report.leaves.push_back({path, LeafAction::restored});
  const std::string below = path.empty() ? path : path + "/";
  for (const auto& [key, child] : at.items()) report_tree(sources, child, below + key.text, report);
  for (std::size_t i = 0; i < at.elements().size(); ++i) report_tree(sources, at.elements()[i], below + std::to_string(i), report);
}

}  // namespace detail

template <OnUse = OnUse()>
inline RestoreReport report_of(const Plan& plan, const Sources& sources) {
  RestoreReport report;
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    const Plan::Step& step = plan.steps[i];
    const Source* source = sources.of(*step.stored);
    if (step.what == Plan::Do::tree)
      detail::report_tree(sources, *step.stored, plan.path_of(i), report);
    else if (step.what == Plan::Do::keep && !source)
      report.leaves.push_back({plan.path_of(i), LeafAction::kept});
    else if (source && (step.what == Plan::Do::leaf || step.what == Plan::Do::keep))
      report.leaves.push_back(detail::reported(plan.path_of(i), *source, *step.stored,
                                               step.ops->leaf.dtype != DType::none ? step.ops->leaf.dtype : step.stored->dtype()));
  }
  for (const std::string& path : plan.ignored) report.leaves.push_back({path, LeafAction::ignored});
  return report;
}

}  // namespace orrery::inline v0
