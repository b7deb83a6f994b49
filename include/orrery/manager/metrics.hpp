// Metrics of a step: names and numbers that say how good it is, kept beside its items as JSON. What they are good for is decided by a
// best_fn; where the file lies is known to step_directory.hpp.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"

namespace orrery::inline v0 {

// {{"loss", 0.3}, {"accuracy", 0.9}}. Empty ones mean that a step has none. Those of Python may nest and hold more than numbers: json()
// has them as they are.
class Metrics {
 public:
  Metrics() = default;
  template <OnUse = OnUse()>
  Metrics(std::initializer_list<std::pair<std::string, double>> values) {
    for (const auto& [name, number] : values) {
      if (values_.find(name)) throw ArgumentError("the metric \"" + name + "\" is given twice");
      members().emplace_back(name, json::Value{number});
    }
  }
  // A JSON object, as Python's json reads it. FormatError for anything else.
  template <OnUse = OnUse()>
  static Metrics parse(std::string_view text, const Where& where = {}) {
    Metrics metrics;
    metrics.values_ = json::parse(text, where, {.nan_and_infinity = true});
    if (!metrics.values_.object()) throw FormatError("expected the metrics of a step, a JSON object, found another JSON value", where);
    return metrics;
  }

  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return values_.object()->empty();
  }
  template <OnUse = OnUse()>
  bool contains(std::string_view name) const noexcept {
    return values_.find(name) != nullptr;
  }
  // The number of that name; NotFoundError where there is none, FormatError where it is something else.
  template <OnUse = OnUse()>
  double operator[](std::string_view name) const {
    if (!contains(name)) throw NotFoundError("there is no metric \"" + std::string(name) + "\"; there are " + text());
    const Where nowhere;
    return json::Cursor(values_, nowhere).at(name).number();
  }
  const json::Value& json() const noexcept { return values_; }
  // As Python's json.dumps writes it.
  template <OnUse = OnUse()>
  std::string text() const {
    return json::dump(values_);
  }

  template <OnUse = OnUse()>
  friend bool operator==(const Metrics& a, const Metrics& b) {
    return a.text() == b.text();
  }

 private:
  template <OnUse = OnUse()>
  json::Value::Object& members() {
    return std::get<json::Value::Object>(values_.data);
  }

  json::Value values_{json::Value::Object{}};
};

}  // namespace orrery::inline v0
