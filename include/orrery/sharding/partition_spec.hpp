// Which axes of a mesh cut each dimension of an array, as jax.sharding.PartitionSpec says it: {"x", nullptr, {"y", "z"}} cuts the first
// dimension along x, leaves the second whole, and cuts the third along y and, within that, along z.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// Dimensions beyond the last entry are whole: {} replicates an array of any rank.
class PartitionSpec {
 public:
  // What cuts one dimension: an axis, several of them (the first varies slowest), or nothing.
  class Entry {
   public:
    Entry() = default;
    Entry(std::nullptr_t) {}
    Entry(std::nullopt_t) {}
    template <OnUse = OnUse()>
    Entry(const char* axis) : axes_{axis} {}
    template <OnUse = OnUse()>
    Entry(std::string axis) : axes_{std::move(axis)} {}
    template <OnUse = OnUse()>
    Entry(std::initializer_list<const char*> axes) : axes_(axes.begin(), axes.end()) {}
    template <OnUse = OnUse()>
    Entry(std::vector<std::string> axes) : axes_(std::move(axes)) {}

    const std::vector<std::string>& axes() const noexcept { return axes_; }
    template <OnUse = OnUse()>
    bool is_none() const noexcept {
      return axes_.empty();
    }
    friend bool operator==(const Entry&, const Entry&) = default;

   private:
    std::vector<std::string> axes_{};
  };

  PartitionSpec() = default;
  template <OnUse = OnUse()>
  PartitionSpec(std::initializer_list<Entry> entries) : entries_(entries) {}
  template <OnUse = OnUse()>
  explicit PartitionSpec(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  const std::vector<Entry>& entries() const noexcept { return entries_; }
  std::size_t size() const noexcept { return entries_.size(); }
  const Entry& operator[](std::size_t i) const noexcept { return entries_[i]; }
  friend bool operator==(const PartitionSpec&, const PartitionSpec&) = default;

 private:
  std::vector<Entry> entries_{};
};

// "PartitionSpec('x', None, ('y', 'z'))", "PartitionSpec('x',)": as JAX prints it.
template <OnUse = OnUse()>
inline std::string to_string(const PartitionSpec& spec) {
  std::string text = "PartitionSpec(";
  for (std::size_t i = 0; i < spec.size(); ++i) {
    const std::vector<std::string>& axes = spec[i].axes();
    if (i > 0) text += ", ";
    if (axes.empty()) text += "None";
    if (axes.size() > 1) text += '(';
    for (std::size_t j = 0; j < axes.size(); ++j) text += (j ? ", '" : "'") + axes[j] + "'";
    if (axes.size() > 1) text += ')';
  }
  return text + (spec.size() == 1 ? ",)" : ")");
}

}  // namespace orrery::inline v0
