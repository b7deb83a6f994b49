// How the directory of a step is called, and which names in a root are steps (spec/orbax.md 1.2). Nothing here looks at a disk.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/atomic_directory.hpp"

namespace orrery::inline v0 {

// Names of unfinished steps in every version of Orbax ("7.orbax-checkpoint-tmp", "...-tmp-3", "...-tmp-1690000000123456"), and of what is
// being deleted.
template <OnUse = OnUse()>
inline bool is_temporary_name(std::string_view name) {
  return name.find(storage::temporary_suffix) != std::string_view::npos;
}

// 7, checkpoint_7, 0007, checkpoint_00000007: a prefix and '_', then the number, padded with zeros to a length.
class StepNames {
 public:
  StepNames() = default;
  // ArgumentError for a prefix that cannot be part of a name, or a length that no name can have.
  template <OnUse = OnUse()>
  explicit StepNames(std::optional<std::string> prefix, std::optional<int> fixed_length = {})
      : prefix_(prefix ? *std::move(prefix) + "_" : std::string()), length_(fixed_length.value_or(0)) {
    if (prefix_.find('/') != std::string::npos || prefix_.find('\0') != std::string::npos || is_temporary_name(prefix_))
      throw ArgumentError("step_prefix must be part of a directory's name, found \"" + prefix_.substr(0, prefix_.size() - 1) + "\"");
    if (length_ < 0 || length_ > 100)
      throw ArgumentError("step_format_fixed_length must be a number of digits, found " + std::to_string(length_));
  }

  // ArgumentError for negative steps: no reader would find them.
  std::string build(std::int64_t step) const {
    if (step < 0) throw ArgumentError("steps count from 0, found " + std::to_string(step));
    const std::string digits = std::to_string(step);
    const auto length = static_cast<std::size_t>(length_);
    return prefix_ + std::string(digits.size() < length ? length - digits.size() : 0, '0') + digits;
  }

  // The step of that name; nothing where it is not a name that build() gives.
  template <OnUse = OnUse()>
  std::optional<std::int64_t> parse(std::string_view name) const {
    if (!name.starts_with(prefix_)) return std::nullopt;
    const std::string_view digits = name.substr(prefix_.size());
    const auto length = static_cast<std::size_t>(length_);
    std::int64_t step = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
    if (error != std::errc{} || end != digits.data() + digits.size() || digits.front() == '-') return std::nullopt;
    const bool padded = digits.front() == '0' && digits.size() > 1;
    if (digits.size() < length || (padded && digits.size() != length)) return std::nullopt;
    return step;
  }

 private:
  std::string prefix_{};  // with its '_'
  int length_ = 0;
};

}  // namespace orrery::inline v0
