// How much processor time reading compressed arrays takes, as a ratio to libzstd alone: the same frames, in memory already, decoded into the same
// arrays by the same threads. Interleaved, block after block; the median of the block ratios is printed with the lowest and highest.
//
//   decode_chunks [DIRECTORY] [MEBIBYTES=256] [BLOCKS=9]
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "orrery/formats/codec/zstd.hpp"
#include "orrery/formats/zarr/metadata_v3.hpp"
#include "orrery/formats/zarr/sharding_indexed.hpp"
#include "orrery/orrery.hpp"
#include "orrery/storage/worker_pool.hpp"

namespace {

using State = std::map<std::string, orrery::Array<float>>;

// Of all threads: what the machine does beside counts for little so.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
template <class F>
double seconds(F&& work) {
  const double start = processor_seconds();
  work();
  return processor_seconds() - start;
}

// Normal weights rounded to bfloat16 shrink to two thirds, as weights do; plain random floats hardly shrink at all.
orrery::Array<float> weights(std::size_t count, bool rounded, std::minstd_rand& random) {
  orrery::Array<float> array({static_cast<orrery::Dim>(count)});
  for (std::size_t i = 0; i < count; ++i) {
    const float value = (static_cast<float>(random() % 65536) + static_cast<float>(random() % 65536)) / 65536.0f - 1.0f;
    array.data()[i] = rounded ? static_cast<float>(orrery::bfloat16(value)) : value;
  }
  return array;
}

// An item as Orbax writes it with use_zarr3 and without OCDBT; gives the frames back.
std::vector<std::string> write_item(const std::string& path, const State& state) {
  std::vector<std::string> frames;
  std::string entries;
  for (const auto& [name, array] : state) {
    orrery::zarr::ArrayMetadata metadata;
    metadata.shape = metadata.chunks = array.view().shape;
    metadata.dtype = orrery::DType::float32;
    metadata.keys = orrery::zarr::KeyEncoding::v3();
    orrery::zarr::CodecChain inner;
    inner.bytes = {{orrery::zarr::Codec::zstd, 1}};
    metadata.codecs = orrery::zarr::one_chunk_shards(metadata.chunks, inner);
    const auto bytes = std::string_view(reinterpret_cast<const char*>(array.data()), array.view().nbytes());
    frames.push_back(orrery::zstd_compress(bytes, 1));
    orrery::storage::make_directories(path + "/" + name + "/c");
    orrery::storage::write_file(path + "/" + name + "/zarr.json", orrery::zarr::to_json_v3(metadata));
    orrery::storage::write_file(path + "/" + name + "/c/0", frames.back() + orrery::zarr::one_chunk_index(frames.back().size()));
    entries += std::string(entries.empty() ? "" : ", ") + "\"('" + name + "',)\": {\"key_metadata\": [{\"key\": \"" + name +
               "\", \"key_type\": 2}], \"value_metadata\": {\"value_type\": \"np.ndarray\", \"skip_deserialize\": false}}";
  }
  orrery::storage::write_file(path + "/_METADATA", "{\"tree_metadata\": {" + entries + "}, \"use_ocdbt\": false, \"use_zarr3\": true}");
  return frames;
}

void compare(const std::string& root, std::size_t bytes, std::size_t arrays, bool rounded, int blocks) {
  State state;
  std::minstd_rand random(7);
  for (std::size_t i = 0; i < arrays; ++i) {
    char name[24];
    std::snprintf(name, sizeof name, "w%06zu", i);
    state.emplace(name, weights(bytes / arrays / sizeof(float), rounded, random));
  }
  const std::string path = root + "/item";
  const std::vector<std::string> frames = write_item(path, state);
  std::size_t stored = 0;
  for (const std::string& frame : frames) stored += frame.size();
  std::vector<orrery::ArrayView> targets;
  for (const auto& [name, array] : state) targets.push_back(array.view());
  orrery::storage::WorkerPool pool;
  orrery::orbax::StoredItem item = orrery::orbax::StoredItem::open(path);
  orrery::Slots slots;
  for (std::size_t i = 0; i < targets.size(); ++i)
    slots.reads.push_back({&item.tree().items()[i].value, {.kind = orrery::LeafKind::array, .array = targets[i]}});
  std::vector<double> ratios, times;
  for (int block = 0; block <= blocks; ++block) {
    double floor = 0, restore = 0;
    for (int turn = 0; turn < 2; ++turn) {
      if ((turn + block) % 2 == 0)
        floor = seconds([&] {
          pool.run(frames.size(), [&](std::size_t i) {
            orrery::zstd_decompress(frames[i], const_cast<void*>(targets[i].data), targets[i].nbytes());
          });
        });
      else
        restore = seconds([&] { orrery::orbax::read_leaves(item, slots, true); });
    }
    if (block == 0) continue;  // warms up
    ratios.push_back(restore / floor);
    times.push_back(restore);
  }
  std::sort(ratios.begin(), ratios.end());
  std::sort(times.begin(), times.end());
  std::printf("  %5zu arrays of %8zu KiB, stored in %3zu %%, %zu threads: %6.2f x (%.2f - %.2f)   %9.3f ms\n", arrays, bytes / arrays >> 10,
              100 * stored / bytes, pool.size(), ratios[ratios.size() / 2], ratios.front(), ratios.back(), 1e3 * times[times.size() / 2]);
  orrery::storage::remove_tree(path);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = std::string(argc > 1 ? argv[1] : ".") + "/orrery-benchmark-" + std::to_string(::getpid());
  const std::size_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 256) << 20;
  const int blocks = argc > 3 ? std::atoi(argv[3]) : 9;
  orrery::storage::make_directories(root);
  std::printf("reading the zstd chunks of an item, against libzstd on frames in memory with the same threads\n");
  for (const bool rounded : {true, false})
    for (const std::size_t arrays : {4, 64, 1024}) compare(root, bytes, arrays, rounded, blocks);
  orrery::storage::remove_tree(root);
}
