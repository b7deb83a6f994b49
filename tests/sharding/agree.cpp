// agree DIR: the cases that make_cases.py left in DIR, cut by us; a line for each that differs, the number of each verdict last.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <orrery/formats/json.hpp>
#include <orrery/formats/json_value.hpp>
#include <orrery/sharding.hpp>
#include <orrery/storage/file.hpp>

#include "case_json.hpp"

namespace {

using namespace orrery;
using namespace case_json;
using json::Value;

Mesh mesh_of(const Value& one) {
  std::vector<MeshDevice> devices;
  for (const Value& id : *one.find("ids")->array()) devices.push_back({*id.integer(), 0});
  return Mesh::seen_by(0, 1, shape_of(*one.find("mesh")), names_of(*one.find("axes")), std::move(devices));
}

// What differs; empty where nothing does.
std::string difference(const Value& one) {
  const Shape shape = shape_of(*one.find("shape"));
  const Value* error = one.find("error");
  try {
    const NamedSharding sharding(mesh_of(one), spec_of(*one.find("spec")));
    const Shape shard = sharding.shard_shape(shape);
    if (error) return "expected the error \"" + *error->string() + "\"";
    if (shard != shape_of(*one.find("shard_shape"))) return "shard shape " + to_string(shard);
    const auto map = sharding.devices_indices_map(shape);
    const Value::Array& expected = *one.find("map")->array();
    if (map.size() != expected.size()) return std::to_string(map.size()) + " devices";
    for (std::size_t position = 0; position < map.size(); ++position) {
      const auto& [device, box] = map[position];
      const Value::Array& entry = *expected[position].array();
      const std::string which = "device " + std::to_string(device.id);
      if (device.id != *entry[0].integer()) return which + " where " + std::to_string(*entry[0].integer()) + " should be";
      for (std::size_t i = 0; i < shape.size(); ++i) {
        const Value::Array& slice = *(*entry[1].array())[i].array();
        if (box.origin[i] != *slice[0].integer() || box.origin[i] + box.extents[i] != *slice[1].integer())
          return which + " holds " + to_string(box.extents) + " at " + to_string(box.origin);
      }
      const std::size_t replica = sharding.replica_id(position, shape);
      if (static_cast<std::int64_t>(replica) != *one.find("replicas")->find(std::to_string(device.id))->integer())
        return which + " is replica " + std::to_string(replica);
      if (replica >= sharding.replica_count(shape) || sharding.replica_position(position, replica, shape) != position)
        return which + ": replica_position does not lead back";
    }
    return {};
  } catch (const ArgumentError& refused) {
    if (error && std::string(refused.what()).starts_with(*error->string())) return {};
    return std::string("refused: ") + refused.what();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : ".";
  const Value cases = json::parse(storage::read_file(directory + "/cases.json", std::size_t{1} << 28), {});
  int number = 0, passed = 0, failed = 0;
  for (const Value& one : *cases.array()) {
    const std::string differs = difference(one);
    ++(differs.empty() ? passed : failed);
    if (!differs.empty()) std::printf("FAIL case %d: %s\n     of %s\n", number, differs.c_str(), json::dump(one).c_str());
    ++number;
  }
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed != 0;
}
