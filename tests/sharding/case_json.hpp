// Shapes and specs as the cases of this folder have them.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <orrery/core/shape.hpp>
#include <orrery/formats/json_value.hpp>
#include <orrery/sharding.hpp>

namespace case_json {

inline orrery::Shape shape_of(const orrery::json::Value& value) {
  std::vector<orrery::Dim> dims;
  for (const orrery::json::Value& extent : *value.array()) dims.push_back(*extent.integer());
  return orrery::Shape(std::span<const orrery::Dim>(dims));
}

inline orrery::PartitionSpec spec_of(const orrery::json::Value& value) {
  std::vector<orrery::PartitionSpec::Entry> entries;
  for (const orrery::json::Value& entry : *value.array()) {
    std::vector<std::string> axes;
    if (entry.string()) axes.push_back(*entry.string());
    if (entry.array())
      for (const orrery::json::Value& axis : *entry.array()) axes.push_back(*axis.string());
    entries.emplace_back(std::move(axes));
  }
  return orrery::PartitionSpec(std::move(entries));
}

inline std::vector<std::string> names_of(const orrery::json::Value& value) {
  std::vector<std::string> names;
  for (const orrery::json::Value& name : *value.array()) names.push_back(*name.string());
  return names;
}

}  // namespace case_json
