// How single leaves are to be restored, chosen by patterns over key paths: another dtype, another shape, or not at all.
#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orrery/core/dtype.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/restore/key_pattern.hpp"

namespace orrery::inline v0 {

struct RestoreArgs {
  DType dtype = DType::none;     // converts while reading, whatever is lost: truncates towards zero, saturates, rounds to nearest even
  std::optional<Shape> shape{};  // absent: the stored one, or with strict = false that of the target's leaf
  bool strict = true;            // a shape other than the stored one is an error; false: zeros at the end of an axis, or its end left out
  bool placeholder = false;      // not read and not checked: the target's own value stays; None in a Tree without a target
};

// Pairs of a pattern and RestoreArgs: {{"params/.*", {.dtype = DType::bfloat16}}}. Of several patterns that match, the first counts.
class KeyedRestoreArgs {
 public:
  using Entry = std::pair<std::string, RestoreArgs>;

  KeyedRestoreArgs() = default;  // {}: given, and empty
  static KeyedRestoreArgs none() {
    KeyedRestoreArgs out;
    out.is_none_ = true;
    return out;
  }
  template <class Regex = detail::StandardRegex>
  KeyedRestoreArgs(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) add<Regex>(entry.first, entry.second);
  }
  template <class Regex = detail::StandardRegex>
  void add(std::string pattern, RestoreArgs args) {
    is_none_ = false;
    KeyPattern compiled = KeyPattern::compile<Regex>(std::move(pattern));
    const std::size_t at = args_.size();
    args_.push_back(std::move(args));
    if (compiled.is_literal())
      literals_.try_emplace(compiled.text(), at);
    else
      patterns_.emplace_back(std::move(compiled), at);
  }

  // Of one key path, as it is.
  void add_key(std::string key, RestoreArgs args) {
    is_none_ = false;
    literals_.try_emplace(std::move(key), args_.size());
    args_.push_back(std::move(args));
  }

  bool is_none() const noexcept { return is_none_; }
  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return args_.empty();
  }

  // Of the first pattern that matches; null where none does.
  template <OnUse = OnUse()>
  const RestoreArgs* find(const std::string& key) const {
    std::size_t best = args_.size();
    if (const auto found = literals_.find(key); found != literals_.end()) best = found->second;
    for (const auto& [pattern, at] : patterns_) {
      if (at >= best) break;
      if (pattern.matches(key)) best = at;
    }
    return best < args_.size() ? &args_[best] : nullptr;
  }

 private:
  bool is_none_ = false;
  std::vector<RestoreArgs> args_{};
  std::unordered_map<std::string, std::size_t> literals_{};
  std::vector<std::pair<KeyPattern, std::size_t>> patterns_{};
};

}  // namespace orrery::inline v0
