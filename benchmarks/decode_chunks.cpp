// How much processor time reading compressed arrays takes, as a ratio to libzstd alone: the same frames, in memory already, decoded into
// the same arrays by as many threads. Of items that keep every chunk in a file of its own, also as a ratio to the same and reading the
// files: one open, one pread of all of it into memory that the thread keeps, one close, by every thread before it decodes. Interleaved,
// block after block; the median of the block ratios is printed with the lowest and highest.
//
//   decode_chunks [DIRECTORY] [MEBIBYTES=256] [BLOCKS=9]
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "orrery/formats/codec/zstd.hpp"
#include "orrery/formats/zarr/metadata_v3.hpp"
#include "orrery/formats/zarr/sharding_indexed.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
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

// What reading one chunk takes at least: the file that holds it alone, or nothing where many lie in one file, since that can be mapped.
struct Frame {
  std::string bytes;
  std::string file;
};

// An item as Orbax writes it with use_zarr3 and without OCDBT; gives the frames back.
std::vector<Frame> write_files(const std::string& path, const State& state) {
  std::vector<Frame> frames;
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
    const std::string frame = orrery::zstd_compress(bytes, 1), file = path + "/" + name + "/c/0";
    orrery::storage::make_directories(path + "/" + name + "/c");
    orrery::storage::write_file(path + "/" + name + "/zarr.json", orrery::zarr::to_json_v3(metadata));
    orrery::storage::write_file(file, frame + orrery::zarr::one_chunk_index(frame.size()));
    frames.push_back({frame, file});
    entries += std::string(entries.empty() ? "" : ", ") + "\"('" + name + "',)\": {\"key_metadata\": [{\"key\": \"" + name +
               "\", \"key_type\": 2}], \"value_metadata\": {\"value_type\": \"np.ndarray\", \"skip_deserialize\": false}}";
  }
  orrery::storage::write_file(path + "/_METADATA", "{\"tree_metadata\": {" + entries + "}, \"use_ocdbt\": false, \"use_zarr3\": true}");
  return frames;
}

// ... as Orbax writes it by default: zarr v2 in a database, whose values lie in one file.
std::vector<Frame> write_database(const std::string& path, const State& state) {
  std::vector<Frame> frames;
  for (const auto& [name, array] : state)
    frames.push_back({orrery::zstd_compress({reinterpret_cast<const char*>(array.data()), array.view().nbytes()}, 1), {}});
  orrery::PyTreeCheckpointer().save(
      path, state, {.compression = orrery::Compression::zstd(1), .durability = orrery::Durability::fast, .checksums = false});
  return frames;
}

// The whole file into memory that the thread keeps, with the calls that this takes.
void read_file(const std::string& path, std::size_t size) {
  thread_local std::vector<char> room;
  if (room.size() < size) room.resize(size);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || ::pread(file, room.data(), size, 0) != static_cast<ssize_t>(size)) std::abort();
  ::close(file);
}

void compare(const std::string& root, std::size_t bytes, std::size_t arrays, bool rounded, bool files, int blocks) {
  State state;
  std::minstd_rand random(7);
  for (std::size_t i = 0; i < arrays; ++i) {
    char name[24];
    std::snprintf(name, sizeof name, "w%06zu", i);
    state.emplace(name, weights(bytes / arrays / sizeof(float), rounded, random));
  }
  const std::string path = root + "/item";
  const std::vector<Frame> frames = files ? write_files(path, state) : write_database(path, state);
  std::size_t stored = 0;
  for (const Frame& frame : frames) stored += frame.bytes.size();
  std::vector<orrery::ArrayView> targets;
  for (const auto& [name, array] : state) targets.push_back(array.view());
  orrery::storage::WorkerPool pool;
  orrery::orbax::StoredItem item = orrery::orbax::StoredItem::open(path);
  orrery::Slots slots;
  for (std::size_t i = 0; i < targets.size(); ++i)
    slots.reads.push_back({&item.tree().items()[i].value, {.kind = orrery::LeafKind::array, .array = targets[i]}});
  const auto decode_all = [&](bool read) {
    return seconds([&] {
      pool.run(frames.size(), [&](std::size_t i) {
        if (read) read_file(frames[i].file, frames[i].bytes.size() + 20);
        orrery::zstd_decompress(frames[i].bytes, const_cast<void*>(targets[i].data), targets[i].nbytes());
      });
    });
  };
  std::vector<double> ratios, with_files, times;
  for (int block = 0; block <= blocks; ++block) {
    double floor = 0, floor_files = 0, restore = 0;
    for (int turn = 0; turn < 3; ++turn) {
      switch ((turn + block) % 3) {
        case 0: floor = decode_all(false); break;
        case 1: restore = seconds([&] { orrery::orbax::read_leaves(item, slots, true); }); break;
        case 2: floor_files = files ? decode_all(true) : 0; break;
      }
    }
    if (block == 0) continue;  // warms up
    ratios.push_back(restore / floor);
    with_files.push_back(files ? restore / floor_files : 0);
    times.push_back(restore);
  }
  for (auto* each : {&ratios, &with_files, &times}) std::sort(each->begin(), each->end());
  const std::size_t half = ratios.size() / 2;
  std::printf("  %5zu arrays of %6zu KiB, stored in %3zu %%, %s %6.2f x (%.2f - %.2f)", arrays, bytes / arrays >> 10, 100 * stored / bytes,
              files ? "files:   " : "database:", ratios[half], ratios.front(), ratios.back());
  if (files) std::printf(", with the files %6.2f x (%.2f - %.2f)", with_files[half], with_files.front(), with_files.back());
  std::printf("   %9.3f ms\n", 1e3 * times[half]);
  orrery::storage::remove_tree(path);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = std::string(argc > 1 ? argv[1] : ".") + "/orrery-benchmark-" + std::to_string(::getpid());
  const std::size_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 256) << 20;
  const int blocks = argc > 3 ? std::atoi(argv[3]) : 9;
  orrery::storage::make_directories(root);
  std::printf("reading the zstd chunks of an item, against libzstd on frames in memory, %u threads\n", std::thread::hardware_concurrency());
  for (const bool files : {false, true})
    for (const bool rounded : {true, false})
      for (const std::size_t arrays : {4u, 64u, 1024u, 8192u}) compare(root, bytes, arrays, rounded, files, blocks);
  orrery::storage::remove_tree(root);
}
