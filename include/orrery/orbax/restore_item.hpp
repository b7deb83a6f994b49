// An item into a target: matched, planned, read. With transforms or restore_args by way of sources (restore/sources.hpp), whose functions
// have run, and whose results have been checked, before anything is written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/read_sources.hpp"
#include "orrery/orbax/read_together.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/find_path.hpp"
#include "orrery/restore/find_sources.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/restore/source_report.hpp"
#include "orrery/restore/sources.hpp"
#include "orrery/restore/type_changes.hpp"
#include "orrery/tree/schema_text.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax {

// The processes that restore together; null for one alone.
inline Coordinator* processes_of(const RestoreOptions& options) {
  return options.processes && options.processes->size() > 1 ? options.processes.get() : nullptr;
}

// A step that only looks: what goes wrong with it in one of several processes is thrown in all. `phase`: "the opening of ".
template <class Work>
void attempt_together(const RestoreOptions& options, const char* phase, const std::string& path, Work&& work) {
  if (Coordinator* const world = processes_of(options))
    world->attempt(phase + path, deadline_in(options.meeting_timeout), std::forward<Work>(work));
  else
    work();
}

// The values of slots, each process for itself or all together.
template <OnUse = OnUse()>
inline void read_leaves(StoredItem& item, Slots& slots, const RestoreOptions& options) {
  if (Coordinator* const world = processes_of(options))
    read_leaves_together(item, slots, options.verify_checksums, options.on_progress, *world, deadline_in(options.meeting_timeout));
  else
    read_leaves(item, slots, options.verify_checksums, options.on_progress);
}

namespace detail {

// Says of each leaf that was not read here, or not only for this process, where it came from.
template <OnUse = OnUse()>
inline void report_broadcast(const Plan& plan, RestoreReport& report) {
  std::unordered_set<std::string> own;
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].ops->parts) own.insert(plan.path_of(i));
  for (RestoreReport::Leaf& leaf : report.leaves)
    if ((leaf.action == LeafAction::restored || leaf.action == LeafAction::cast || leaf.action == LeafAction::padded) &&
        !own.contains(leaf.path))
      leaf.detail += std::string(leaf.detail.empty() ? "" : ", ") + "read once, by rank 0, and broadcast";
}

// The part of an item that options.subtree names: all of it, if none. KeyError with the path most like it.
template <OnUse = OnUse()>
inline const Tree& subtree_of(const StoredItem& item, const std::string& subtree) {
  if (subtree.empty()) return item.outline();
  if (const Tree* found = orrery::detail::PathFinder(item.outline()).find(subtree)) return *found;
  Differences differences;
  differences.missing.push_back({subtree, "is not in the checkpoint"});
  std::vector<std::string> there;
  const Tree* at = &item.outline();
  std::string above;
  for (std::string_view rest = subtree; at;) {  // as far down as it goes, and what stands there
    there.clear();
    for (const auto& [key, child] : at->items()) there.push_back(above + key.text);
    for (std::size_t i = 0; i < at->elements().size(); ++i) there.push_back(above + std::to_string(i));
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const Tree* child = orrery::detail::child_at(*at, rest.substr(0, end));
    if (!child) break;
    above += std::string(rest.substr(0, end)) + "/";
    at = child;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string text = "the checkpoint has no subtree \"" + subtree + "\"";
  if (const std::string_view near = orrery::detail::nearest_path(subtree.substr(0, subtree.find('/', above.size())), there);
      !near.empty()) {
    differences.missing[0].message = "did you mean \"" + std::string(near) + "\"?";
    text += "; did you mean \"" + std::string(near) + "\"?";
  } else if (!there.empty()) {
    text += "; there are";
    for (std::size_t i = 0; i < std::min<std::size_t>(there.size(), 20); ++i) text += (i ? ", " : " ") + there[i];
    if (there.size() > 20) text += ", ...";
  }
  throw KeyError(text, std::move(differences), {{}, item.directory(), {}});
}

template <OnUse = OnUse()>
inline void check_transforms(const Transforms& transforms) {
  for (const Transforms::Rule& rule : transforms.rules())
    if (rule.transform.multi_value_fn && rule.transform.multi_value_fn_input_args.is_none())
      throw ArgumentError("`multi_value_fn` was specified, but `multi_value_fn_input_args` were not. They name what the function of \"" +
                          rule.pattern.text() + "\" needs of the checkpoint, which is all that is read for it");
}

// The same as restore_value, where leaves have sources.
template <OnUse = OnUse()>
inline RestoreReport restore_sources(StoredItem& item, const Tree& stored, const TypeOps& ops, void* target, bool is_new,
                                     const RestoreOptions& options) {
  const Transforms* transforms = options.transforms.is_none() ? nullptr : &options.transforms;
  Sources sources;
  Plan plan;
  Slots slots;
  attempt_together(options, "the plan for ", item.directory(), [&] {
    if (transforms) check_transforms(*transforms);
    item.describe(stored);  // a rule may want any leaf
    void* object = is_new ? nullptr : target;
    sources = find_sources(ops, object, stored, {transforms, &options.restore_args, options.transforms_default_to_original});
    const auto matched = [&] {
      return match(ops, object, sources.tree, {.allow_extra = options.allow_extra, .cast = options.cast},
                   "the checkpoint does not fit the target", {{}, item.directory(), {}}, &sources.known);
    };
    plan = matched();
    if (sources.has_functions) {
      FunctionRunner(item, stored, *transforms, options.verify_checksums).run(sources);
      plan = matched();  // now with what the functions returned
    }
    slots = open_slots(plan, target);
  });
  read_sources(slots, sources, [&] { read_leaves(item, slots, options); });
  RestoreReport report = report_of(plan, sources);
  if (options.report && processes_of(options)) report_broadcast(plan, report);
  return report;
}

// How the type of a target differs from the saved one: nothing where the item does not know, or where a part of it is restored. Words
// for a report: a side file that cannot be read is found by who verifies checksums.
template <OnUse = OnUse()>
inline std::vector<std::string> changes_of_type(StoredItem& item, const Tree& stored, const TypeOps& ops) {
  if (&stored != &item.outline() || ops.kind == TypeKind::tree) return {};
  try {
    const StoredChecksums& saved = item.side_file();
    if (saved.schema().empty() || saved.fingerprint() == fingerprint_text(schema_fingerprint(ops))) return {};
    return type_changes(saved.schema(), schema_text(ops));
  } catch (const Error&) {
    return {};
  }
}

template <OnUse = OnUse()>
inline RestoreReport restore_plainly(StoredItem& item, const Tree& stored, const TypeOps& ops, void* target, bool is_new,
                                     const RestoreOptions& options) {
  Plan plan;
  Slots slots;
  attempt_together(options, "the plan for ", item.directory(), [&] {
    const Describe describe{&item, [](void* of, const Tree& part) { static_cast<StoredItem*>(of)->describe(part); }};
    plan = match(ops, is_new ? nullptr : target, stored, {.allow_extra = options.allow_extra, .cast = options.cast, .describe = describe},
                 "the checkpoint does not fit the target", {{}, item.directory(), {}});
    slots = open_slots(plan, target);
  });
  read_leaves(item, slots, options);
  slots.finish();
  RestoreReport report = report_of(plan);
  if (options.report && processes_of(options)) report_broadcast(plan, report);
  return report;
}

}  // namespace detail

// `stored` is the item's tree or a part of it.
template <OnUse = OnUse()>
inline Tree restore_tree(StoredItem& item, const Tree& stored, const RestoreOptions& options) {
  if (!options.transforms.is_none())
    throw ArgumentError(
        "If providing `transforms`, must provide `item` matching structure of expected result: give a target, or call "
        "apply_transformations on what was restored");
  item.describe(stored);
  Sources sources;
  if (!options.restore_args.empty()) {
    sources = find_sources(stored, options.restore_args);
    if (!sources.known.differences.empty())
      orrery::detail::throw_mismatch("the checkpoint does not fit restore_args", std::move(sources.known.differences),
                                     {{}, item.directory(), {}});
  }
  const Tree& source = options.restore_args.empty() ? stored : sources.tree;
  Tree out;
  Slots slots;
  slots.materialize(source, out);
  if (options.restore_args.empty()) {
    read_leaves(item, slots, options);
    slots.finish();
  } else {
    detail::read_sources(slots, sources, [&] { read_leaves(item, slots, options); });
  }
  if (options.report) {
    *options.report = {};
    orrery::detail::report_tree(sources, source, "", *options.report);
    for (const std::string& path : sources.known.unused) options.report->leaves.push_back({path, LeafAction::ignored});
  }
  return out;
}

template <OnUse = OnUse()>
inline Tree restore_tree(StoredItem& item, const RestoreOptions& options) {
  return restore_tree(item, detail::subtree_of(item, options.subtree), options);
}

// Fills `target`; `is_new`: it is a fresh value whose type and the file decide, else its own structure decides.
template <OnUse = OnUse()>
inline RestoreReport restore_value(StoredItem& item, const Tree& stored, const TypeOps& ops, void* target, bool is_new,
                                   const RestoreOptions& options) {
  RestoreReport report;
  try {
    report = options.transforms.is_none() && options.restore_args.empty()
                 ? detail::restore_plainly(item, stored, ops, target, is_new, options)
                 : detail::restore_sources(item, stored, ops, target, is_new, options);
  } catch (const MismatchError& e) {
    const std::vector<std::string> changes = detail::changes_of_type(item, stored, ops);
    if (changes.empty()) throw;
    orrery::detail::throw_mismatch("the checkpoint does not fit the target" + tell_type_changes(changes),
                                   {e.missing(), e.extra(), e.shapes(), e.dtypes(), e.kinds()}, e.where());
  }
  if (options.report || options.verify_checksums) report.type_changes = detail::changes_of_type(item, stored, ops);
  if (options.report) *options.report = report;
  return report;
}

template <OnUse = OnUse()>
inline RestoreReport restore_value(StoredItem& item, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options) {
  return restore_value(item, detail::subtree_of(item, options.subtree), ops, target, is_new, options);
}

}  // namespace orrery::inline v0::orbax
