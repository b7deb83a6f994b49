// What changes on the way from a stored tree into a target: keys renamed, values computed, values of the target kept. Here are the rules,
// and which of them apply to a key; apply_transformations.hpp applies them to trees, sources.hpp to a restore (spec/orbax.md 5.7).
#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/key_pattern.hpp"
#include "orrery/restore/restore_args.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// One rule. original_key may stand with value_fn; everything else excludes the rest, which Transforms checks.
struct Transform {
  std::optional<std::string> original_key{};          // the key in the original tree; \1 is what the pattern's first group matched
  bool use_fallback = false;                          // the target's own value; with default_to_original = false the original's
  std::function<Tree(const Tree& value)> value_fn{};  // makes the value of the one at the original key
  // ... of the whole original tree. In a restore its leaves are only described, but for those that multi_value_fn_input_args match.
  std::function<Tree(std::string_view key, const Tree& original)> multi_value_fn{};
  KeyedRestoreArgs multi_value_fn_input_args = KeyedRestoreArgs::none();
};

// Pairs of a pattern over the target's key paths and a Transform. All that match a key apply, in sorted order of their patterns, so that
// the last one wins; of two equal patterns the second replaces the first, as in a Python dict. No rules, {}, is not none(): a target's
// leaves are then filled with what is stored, and keep their values where nothing is.
class Transforms {
 public:
  using Entry = std::pair<std::string, Transform>;

  Transforms() = default;
  template <class Regex = detail::StandardRegex>
  Transforms(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) add<Regex>(entry.first, entry.second);
  }
  static Transforms none() {
    Transforms out;
    out.is_none_ = true;
    return out;
  }
  // ArgumentError for members that exclude each other, bad patterns, and an original_key that names a group which there is not.
  template <class Regex = detail::StandardRegex>
  void add(std::string pattern, Transform transform);

  bool is_none() const noexcept { return is_none_; }
  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return rules_.empty();
  }

  struct Rule {
    KeyPattern pattern;
    Transform transform;
  };
  const std::vector<Rule>& rules() const noexcept { return rules_; }
  // Calls visit(rule, captures) for every rule that matches, in order. Cost: the rules whose patterns are no plain keys.
  template <class Visit>
  void for_each_match(const std::string& key, Visit&& visit) const;

 private:
  template <OnUse = OnUse()>
  static void check(const std::string& pattern, const Transform& transform, std::size_t groups);

  bool is_none_ = false;
  std::vector<Rule> rules_{};
  std::unordered_map<std::string, std::size_t> literals_{};  // those whose patterns are plain keys
  std::vector<std::size_t> patterns_{};                      // the others, sorted
};

template <class Regex>
void Transforms::add(std::string pattern, Transform transform) {
  is_none_ = false;
  Rule rule{KeyPattern::compile<Regex>(std::move(pattern)), std::move(transform)};
  check(rule.pattern.text(), rule.transform, rule.pattern.groups());
  const std::string& text = rule.pattern.text();
  const std::size_t at = rules_.size();
  if (rule.pattern.is_literal()) {
    const auto [known, is_new] = literals_.try_emplace(text, at);
    if (!is_new) {
      rules_[known->second] = std::move(rule);
      return;
    }
  } else {
    const auto place = std::lower_bound(patterns_.begin(), patterns_.end(), text, [this](std::size_t index, const std::string& other) {
      return rules_[index].pattern.text() < other;
    });
    if (place != patterns_.end() && rules_[*place].pattern.text() == text) {
      rules_[*place] = std::move(rule);
      return;
    }
    patterns_.insert(place, at);
  }
  rules_.push_back(std::move(rule));
}

template <class Visit>
void Transforms::for_each_match(const std::string& key, Visit&& visit) const {
  if (rules_.empty()) return;
  const auto found = literals_.find(key);
  bool literal_is_due = found != literals_.end();
  detail::Captures captures;
  const auto visit_literal = [&] {
    literal_is_due = false;
    captures.assign(1, key);
    visit(rules_[found->second], std::as_const(captures));
  };
  for (const std::size_t at : patterns_) {
    const Rule& rule = rules_[at];
    if (literal_is_due && key < rule.pattern.text()) visit_literal();
    if (rule.pattern.matches(key, &captures)) visit(rule, std::as_const(captures));
  }
  if (literal_is_due) visit_literal();
}

template <OnUse>
inline void Transforms::check(const std::string& pattern, const Transform& transform, std::size_t groups) {
  const bool renames = transform.original_key.has_value(), computes = bool{transform.value_fn}, combines = bool{transform.multi_value_fn};
  const auto refuse = [&](const std::string& what) {
    throw ArgumentError("the Transform of \"" + pattern + "\" contradicts itself: " + what);
  };
  if (transform.use_fallback && (renames || computes || combines))
    refuse("use_fallback excludes original_key, value_fn and multi_value_fn");
  if (combines && renames) refuse("multi_value_fn excludes original_key; it is given the whole original tree");
  if (combines && computes) refuse("multi_value_fn excludes value_fn");
  if (!combines && !transform.multi_value_fn_input_args.is_none()) refuse("multi_value_fn_input_args go with a multi_value_fn");
  if (!renames) return;
  detail::parse_key_template(
      *transform.original_key, [](std::string_view) {},
      [&](std::size_t group) {
        if (group > groups)
          throw ArgumentError("the original_key \"" + *transform.original_key + "\" names group " + std::to_string(group) +
                              ", the pattern \"" + pattern + "\" has " + std::to_string(groups));
      });
}

}  // namespace orrery::inline v0
