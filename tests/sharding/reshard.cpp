// reshard DIR: the cases that make_reshard_cases.py left in DIR: saved by as many processes (threads) as it says, restored by others onto
// another mesh, and each shard held against NumPy's slice. A line for each that differs, the number of each verdict last.
#include <zlib.h>

#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <orrery/checkpoint.hpp>
#include <orrery/distributed/thread_coordinator.hpp>
#include <orrery/formats/json.hpp>
#include <orrery/sharding.hpp>
#include <orrery/storage/file.hpp>

#include "case_json.hpp"

namespace {

using namespace orrery;
using namespace case_json;
using json::Value;

std::size_t processes_of(const Value& cut) { return static_cast<std::size_t>(*cut.find("processes")->integer()); }

NamedSharding sharding_of(const Value& cut, const std::shared_ptr<Coordinator>& world, bool is_uneven) {
  const Shape shape = shape_of(*cut.find("mesh"));
  std::size_t count = 1;
  for (const Dim extent : shape) count *= static_cast<std::size_t>(extent);
  std::vector<MeshDevice> devices;
  for (std::size_t i = 0; i < count; ++i)
    devices.push_back({static_cast<std::int64_t>(i), static_cast<int>(i * static_cast<std::size_t>(world->size()) / count)});
  return NamedSharding(Mesh(world, std::move(devices), shape, names_of(*cut.find("axes"))), spec_of(*cut.find("spec")),
                       is_uneven ? Uneven::clip : Uneven::refuse);
}

std::uint32_t crc_of(const ArrayView& array) {
  std::string bytes(array.nbytes(), '\0');
  copy(array, ArrayView::dense(array.dtype, bytes.data(), array.shape));
  return static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

void rethrow_first(const std::vector<std::exception_ptr>& thrown) {
  for (const std::exception_ptr& one : thrown)
    if (one) std::rethrow_exception(one);
}

template <class T>
void run(const Value& one, const std::string& whole, const std::string& item) {
  using State = std::map<std::string, ShardedArray<T>>;
  const Shape shape = shape_of(*one.find("shape"));
  const bool is_uneven = *one.find("uneven")->boolean();
  const ArrayView all = ArrayView::dense(dtype_of<T>, whole.data(), shape);
  SaveOptions options{.use_ocdbt = *one.find("ocdbt")->boolean(),
                      .use_zarr3 = *one.find("zarr3")->boolean(),
                      .compression = *one.find("zstd")->boolean() ? Compression::zstd() : Compression::none(),
                      .durability = Durability::fast};
  if (const auto size = *one.find("chunk_byte_size")->integer()) options.chunk_byte_size = static_cast<std::uint64_t>(size);
  const Value& source = *one.find("source");
  rethrow_first(run_ranks(static_cast<int>(processes_of(source)), [&](const std::shared_ptr<Coordinator>& world) {
    State state;
    auto& array = state.emplace("array", ShardedArray<T>(shape, sharding_of(source, world, is_uneven))).first->second;
    for (auto& shard : array.addressable_shards()) copy(part_of(all, shard.index()), shard.view());
    PyTreeCheckpointer().save(item, state, options);
  }));
  const Value& target = *one.find("target");
  rethrow_first(run_ranks(static_cast<int>(processes_of(target)), [&](const std::shared_ptr<Coordinator>& world) {
    const NamedSharding sharding = sharding_of(target, world, is_uneven);
    State state;
    state.emplace("array", ShardedArray<T>(shape, sharding));
    PyTreeCheckpointer().restore_into(item, state);
    const auto shards = state.at("array").addressable_shards();
    const auto positions = sharding.mesh().addressable();
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const Value::Array& expected = *(*target.find("shards")->array())[positions[i]].array();
      const std::string which = "device " + std::to_string(positions[i]);
      if (shards[i].shape() != shape_of(expected[0])) throw Error(which + " got the shape " + to_string(shards[i].shape()));
      if (crc_of(shards[i].view()) != static_cast<std::uint32_t>(*expected[1].integer())) throw Error(which + " got other values");
    }
  }));
}

void run(const Value& one, const std::string& whole, const std::string& item) {
  const std::string_view dtype = *one.find("dtype")->string();
  if (dtype == "bool") return run<bool>(one, whole, item);
  if (dtype == "int8") return run<std::int8_t>(one, whole, item);
  if (dtype == "int16") return run<std::int16_t>(one, whole, item);
  if (dtype == "uint32") return run<std::uint32_t>(one, whole, item);
  if (dtype == "float32") return run<float>(one, whole, item);
  if (dtype == "float64") return run<double>(one, whole, item);
  if (dtype == "bfloat16") return run<bfloat16>(one, whole, item);
  if (dtype == "complex64") return run<std::complex<float>>(one, whole, item);
  throw Error("a dtype that this test does not know");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : ".";
  const Value cases = json::parse(storage::read_file(directory + "/cases.json", std::size_t{1} << 28), {});
  int number = 0, passed = 0, failed = 0;
  for (const Value& one : *cases.array()) {
    const std::string name = directory + "/" + std::to_string(number), item = name + ".item";
    try {
      run(one, storage::read_file(name + ".bin", std::size_t{1} << 28), item);
      storage::remove_tree(item);
      ++passed;
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAIL case %d: %s\n     of %s\n", number, error.what(), json::dump(one).c_str());
    }
    ++number;
  }
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed != 0;
}
