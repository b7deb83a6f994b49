// One side of items.py: checkpoints of arrays cut over a mesh of eight devices, for Orbax to restore, and Orbax's for us.
#pragma once

#include <cstddef>
#include <cstdio>
#include <exception>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/sharding.hpp"

namespace items {

using namespace orrery;
using Model = std::map<std::string, ShardedArray<float>>;

// items.py has the same ones, over a mesh of {4, 2} with axes x and y.
inline const std::vector<PartitionSpec> specs = {{}, {"x"}, {"x", "y"}, {nullptr, "x"}, {{"x", "y"}}, {"y", "x"}};

inline ShardedArray<float> filled(const NamedSharding& sharding) {
  Array<float> whole({8, 16});
  std::iota(whole.data(), whole.data() + whole.size(), 0.0f);
  ShardedArray<float> array({8, 16}, sharding);
  for (auto& shard : array.addressable_shards()) copy(part_of(whole.view(), shard.index()), shard.view());
  return array;
}

// Every case is an item <directory>/<number>.
inline void save(const Mesh& mesh, const std::string& directory) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    Model model;
    model.emplace("model", filled(NamedSharding(mesh, specs[i])));
    PyTreeCheckpointer().save(directory + "/" + std::to_string(i), model, {.use_zarr3 = i % 2 == 1, .durability = Durability::fast});
  }
}

// Restores each item onto each of those shardings; `report` is told what was wrong with it in this process, nothing for all right.
template <class Report>
void restore(const std::vector<NamedSharding>& shardings, const std::string& directory, Report&& report) {
  for (std::size_t i = 0; i < specs.size(); ++i)
    for (const NamedSharding& sharding : shardings) {
      Model target;
      target.emplace("model", ShardedArray<float>({8, 16}, sharding));
      std::string trouble = "another value";
      try {
        PyTreeCheckpointer().restore_into(directory + "/" + std::to_string(i), target);
        if (target.at("model") == filled(sharding)) trouble.clear();
      } catch (const std::exception& error) {
        trouble = error.what();
      }
      report(to_string(specs[i]) + " as " + to_string(sharding), trouble);
    }
}

}  // namespace items
