// One side of items.py: checkpoints of arrays cut over a mesh of eight devices in this process, for Orbax to restore, and Orbax's for us.
//   items save DIR | items restore DIR      every case is an item DIR/<number>; restored into each of the shardings
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/sharding.hpp"

namespace {

using namespace orrery;
using Model = std::map<std::string, ShardedArray<float>>;

// items.py has the same ones.
const Mesh mesh = Mesh::local({4, 2}, {"x", "y"});
const std::vector<PartitionSpec> specs = {{}, {"x"}, {"x", "y"}, {nullptr, "x"}, {{"x", "y"}}, {"y", "x"}};

ShardedArray<float> filled(const PartitionSpec& spec) {
  Array<float> whole({8, 16});
  std::iota(whole.data(), whole.data() + whole.size(), 0.0f);
  ShardedArray<float> array({8, 16}, NamedSharding(mesh, spec));
  for (auto& shard : array.addressable_shards()) copy(part_of(whole.view(), shard.index()), shard.view());
  return array;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string command = argv[1], directory = argv[2];
  const PyTreeCheckpointer checkpointer;
  int failed = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::string item = directory + "/" + std::to_string(i);
    if (command == "save") {
      Model model;
      model.emplace("model", filled(specs[i]));
      checkpointer.save(item, model, {.use_zarr3 = i % 2 == 1, .durability = Durability::fast});
      continue;
    }
    for (const PartitionSpec& spec : specs) {
      Model target;
      target.emplace("model", ShardedArray<float>({8, 16}, NamedSharding(mesh, spec)));
      std::string trouble = "another value";
      try {
        checkpointer.restore_into(item, target);
        if (target.at("model") == filled(spec)) trouble.clear();
      } catch (const Error& error) {
        trouble = error.what();
      }
      failed += !trouble.empty();
      std::printf("%s orrery restores %s as %s %s\n", trouble.empty() ? "PASS" : "FAIL", to_string(specs[i]).c_str(), to_string(spec).c_str(),
                  trouble.c_str());
    }
  }
  return failed ? 1 : 0;
}
