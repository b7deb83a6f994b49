// Differences become one exception that lists them all; its class says whether anything is missing or what the only trouble is.
#pragma once

#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::detail {

template <OnUse = OnUse()>
inline void list_differences(std::string& text, std::string_view title, const std::vector<Difference>& differences) {
  if (differences.empty()) return;
  text += "\n  ";
  text += title;
  text += ":";
  for (const Difference& d : differences) {
    text += "\n    ";
    text += d.path.empty() ? "(the root)" : d.path;
    if (!d.message.empty()) text += ": " + d.message;
  }
}

// Throws KeyError where something is missing, else ShapeError, DTypeError or StructureError where that is the only trouble, else
// MismatchError. `what` opens the message: "the checkpoint does not fit the target".
template <OnUse = OnUse()>
[[noreturn]] inline void throw_mismatch(std::string what, Differences differences, Where where = {},
                                        std::string_view end = "\nThe target is unchanged.") {
  std::string text = std::move(what);
  list_differences(text, "missing in the checkpoint", differences.missing);
  list_differences(text, "in the checkpoint only, which allow_extra = false forbids", differences.extra);
  list_differences(text, "of another shape", differences.shapes);
  list_differences(text, "of another dtype", differences.dtypes);
  list_differences(text, "of another kind", differences.kinds);
  text += end;
  const bool shapes = !differences.shapes.empty(), dtypes = !differences.dtypes.empty();
  const bool structure = !differences.kinds.empty() || !differences.extra.empty();
  if (!differences.missing.empty()) throw KeyError(text, std::move(differences), std::move(where));
  if (shapes && !dtypes && !structure) throw ShapeError(text, std::move(differences), std::move(where));
  if (dtypes && !shapes && !structure) throw DTypeError(text, std::move(differences), std::move(where));
  if (structure && !shapes && !dtypes) throw StructureError(text, std::move(differences), std::move(where));
  throw MismatchError(text, std::move(differences), std::move(where));
}

}  // namespace orrery::inline v0::detail
