// Names of legacy checkpoints: steps as text, paths made plain, and the order in which Flax sorts what it finds
// (spec/flax-legacy.md 4.2, 4.3). Nothing here looks at a disk.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "orrery/core/from_chars.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/python_text.hpp"

namespace orrery::inline v0::flax {

// A step, as it stands in a checkpoint's name: an integer (negative ones too) or a float, as Python prints it: 7, 0.0, 1e+16.
class Step {
 public:
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  Step(Integer step) : text_(std::to_string(step)) {}
  template <OnUse = OnUse()>
  Step(double step) : text_(python_float(step)) {}
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

// Sorted with the numbers in them compared as numbers; equal ones keep their order. `signed_numbers` false: a sign separates.
template <OnUse = OnUse()>
std::vector<std::string> natural_sort(std::vector<std::string> names, bool signed_numbers = true);

// POSIX normpath, behind a scheme if there is one: "./a//b/../c" is "a/c", "gs://a//b" is "gs://a/b", "" is ".".
template <OnUse = OnUse()>
std::string safe_normpath(std::string_view path);

// The last number anywhere in a path: what the clean-up takes for its step.
template <OnUse = OnUse()>
std::optional<double> step_of_path(std::string_view path);

// "dir/name", as os.path.join has it.
template <OnUse = OnUse()>
inline std::string join_path(std::string_view directory, std::string_view name) {
  if (directory.empty() || name.starts_with('/')) return std::string(name);
  std::string path(directory);
  if (path.back() != '/') path += '/';
  return path += name;
}

namespace detail {

inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

inline std::size_t digits_end(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// End of the number that begins at `at`, or `at` where none does: [-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?
inline std::size_t number_end(std::string_view text, std::size_t at) noexcept {
  auto is = [&](std::size_t i, char a, char b) { return i < text.size() && (text[i] == a || text[i] == b); };
  const std::size_t first = at + is(at, '-', '+');
  std::size_t end = digits_end(text, first);
  if (end > first) {
    if (is(end, '.', '.')) end = digits_end(text, end + 1);
  } else {
    if (!is(first, '.', '.') || digits_end(text, first + 1) == first + 1) return at;
    end = digits_end(text, first + 1);
  }
  if (is(end, 'e', 'E')) {
    const std::size_t exponent = end + 1 + is(end + 1, '-', '+');
    if (const std::size_t last = digits_end(text, exponent); last > exponent) end = last;
  }
  return end;
}

template <OnUse = OnUse()>
inline double number_value(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  if (orrery::detail::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc::result_out_of_range) {
    const bool small = text.find("e-") != text.npos || text.find("E-") != text.npos;
    value = small ? 0.0 : std::numeric_limits<double>::infinity();
    if (text.starts_with('-')) value = -value;
  }
  return value;
}

// A name cut into texts[0] numbers[0] texts[1] ...; there is one text more than numbers.
struct NaturalKey {
  std::vector<std::string_view> texts{};
  std::vector<double> numbers{};

  template <OnUse = OnUse()>
  NaturalKey(std::string_view name, bool signed_numbers) {
    std::size_t text = 0;
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t end = number_end(name, at);
      if (end == at) {
        ++at;
        continue;
      }
      texts.push_back(name.substr(text, at - text));
      const bool skip_sign = !signed_numbers && !is_digit(name[at]) && name[at] != '.';
      numbers.push_back(number_value(name.substr(at + skip_sign, end - at - skip_sign)));
      text = at = end;
    }
    texts.push_back(name.substr(text));
  }

  friend bool operator<(const NaturalKey& a, const NaturalKey& b) noexcept {
    for (std::size_t i = 0;; ++i) {
      if (a.texts[i] != b.texts[i]) return a.texts[i] < b.texts[i];
      if (i == a.numbers.size() || i == b.numbers.size()) return a.numbers.size() < b.numbers.size();
      if (a.numbers[i] != b.numbers[i]) return a.numbers[i] < b.numbers[i];
    }
  }
};

// Bytes of a leading scheme such as "gs://", or 0.
template <OnUse = OnUse()>
inline std::size_t scheme_length(std::string_view path) noexcept {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::size_t colon = path.find("://");
  if (colon == path.npos || colon < 2 || !letter(path[0])) return 0;
  for (char c : path.substr(0, colon))
    if (!letter(c) && !is_digit(c) && c != '.' && c != '+' && c != '-') return 0;
  return colon + 3;
}

}  // namespace detail

template <OnUse>
std::vector<std::string> natural_sort(std::vector<std::string> names, bool signed_numbers) {
  std::vector<detail::NaturalKey> keys;
  for (const std::string& name : names) keys.emplace_back(name, signed_numbers);
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  std::vector<std::string> sorted;
  for (std::size_t i : order) sorted.push_back(names[i]);
  return sorted;
}

template <OnUse>
std::string safe_normpath(std::string_view path) {
  path = path.substr(0, path.find('\n'));  // Flax's pattern ends there
  const std::size_t scheme = detail::scheme_length(path);
  std::string out(path.substr(0, scheme));
  path.remove_prefix(scheme);
  const std::string_view root = !path.starts_with('/') ? "" : path.starts_with("//") && !path.starts_with("///") ? "//" : "/";
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != ".." || (root.empty() && parts.empty()) || (!parts.empty() && parts.back() == ".."))
      parts.push_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
  std::string plain(root);
  for (std::size_t i = 0; i < parts.size(); ++i) plain += (i ? "/" : "") + std::string(parts[i]);
  return out += plain.empty() ? "." : plain;
}

template <OnUse>
std::optional<double> step_of_path(std::string_view path) {
  const detail::NaturalKey key(path, true);
  return key.numbers.empty() ? std::nullopt : std::optional(key.numbers.back());
}

ORRERY_ONCE(std::vector<std::string> natural_sort<>(std::vector<std::string>, bool));
ORRERY_ONCE(std::string safe_normpath<>(std::string_view));
ORRERY_ONCE(std::optional<double> step_of_path<>(std::string_view));

}  // namespace orrery::inline v0::flax
