// How long saving and restoring takes, as ratios to what the machine can do with the same bytes in the same run: one pwritev loop into
// a new file, one preadv loop back, one memcpy. Everything is interleaved, block after block, and the median of the block ratios is
// printed with the second lowest and second highest.
//
//   save_restore [DIRECTORY] [MEBIBYTES=1024] [BLOCKS=9]
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "floor.hpp"
#include "orrery/orrery.hpp"

namespace {

using State = std::map<std::string, orrery::Array<float>>;
using Clock = std::chrono::steady_clock;

template <class F>
double seconds(F&& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The same start for every contender: what the one before wrote is on the disk, so that its way there slows nobody, and huge pages went
// to the kernel and back, so that nobody pays for memory that the host took away while it was not needed.
void prime(std::size_t bytes) {
  ::sync();
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  madvise(memory, bytes, MADV_HUGEPAGE);
  for (std::size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
  munmap(memory, bytes);
}

State make_state(std::size_t bytes, std::size_t arrays) {
  State state;
  std::minstd_rand random(7);
  const std::size_t each = bytes / arrays / sizeof(float);
  for (std::size_t i = 0; i < arrays; ++i) {
    char name[16];
    std::snprintf(name, sizeof name, "w%06zu", i);
    orrery::Array<float> array({static_cast<orrery::Dim>(each)});
    for (std::size_t j = 0; j < each; ++j) array.data()[j] = static_cast<float>(random()) / 1e9f - 1.0f;
    state.emplace(name, std::move(array));
  }
  return state;
}

struct Series {
  std::string name;
  std::vector<double> ratios, times;
  void add(double time, double floor) {
    times.push_back(time);
    ratios.push_back(time / floor);
  }
  void print() const {
    auto sorted = ratios, t = times;
    std::sort(sorted.begin(), sorted.end());
    std::sort(t.begin(), t.end());
    const std::size_t n = sorted.size();
    std::printf("  %-34s %6.2f x  (%.2f - %.2f)   %9.3f ms\n", name.c_str(), sorted[n / 2], sorted[std::min<std::size_t>(1, n - 1)],
                sorted[n >= 2 ? n - 2 : 0], 1e3 * t[n / 2]);
  }
};

void large(const std::string& root, std::size_t bytes, std::size_t arrays, int blocks) {
  State state = make_state(bytes, arrays);
  std::vector<orrery::benchmarks::Buffer> buffers;
  for (auto& [name, array] : state) buffers.push_back({array.data(), array.size() * sizeof(float)});
  const orrery::PyTreeCheckpointer checkpointer;
  const orrery::Compression none = orrery::Compression::none();
  Series save_on{"save, checksums", {}, {}}, save_off{"save, no checksums", {}, {}}, restore_on{"restore_into, checksums", {}, {}},
      restore_off{"restore_into, no checksums", {}, {}}, to_bytes{"flax::to_bytes, reused buffer", {}, {}};
  std::string image;
  orrery::flax::to_bytes(state, image);
  std::vector<char> copy(bytes);
  std::memset(copy.data(), 1, copy.size());
  for (int block = 0; block <= blocks; ++block) {  // the first block warms up
    const std::string on = root + "/on", off = root + "/off", raw = root + "/raw";
    double floor_write = 0, floor_read = 0, save[2] = {}, restore[2] = {};
    for (int turn = 0; turn < 3; ++turn) {
      prime(bytes + bytes / 4);
      switch ((turn + block) % 3) {
        case 0: floor_write = seconds([&] { orrery::benchmarks::write_floor(raw, buffers); }); break;
        case 1:
          save[1] = seconds([&] { checkpointer.save(on, state, {.compression = none, .durability = orrery::Durability::fast, .checksums = true}); });
          break;
        case 2:
          save[0] = seconds([&] { checkpointer.save(off, state, {.compression = none, .durability = orrery::Durability::fast, .checksums = false}); });
          break;
      }
    }
    for (int turn = 0; turn < 3; ++turn) {
      switch ((turn + block) % 3) {
        case 0: floor_read = seconds([&] { orrery::benchmarks::read_floor(raw, buffers); }); break;
        case 1: restore[1] = seconds([&] { checkpointer.restore_into(on, state); }); break;
        case 2: restore[0] = seconds([&] { checkpointer.restore_into(off, state); }); break;
      }
    }
    const double memcpy_floor = seconds([&] {
      char* to = copy.data();
      for (const auto& b : buffers) {
        std::memcpy(to, b.data, b.size);
        to += b.size;
      }
    });
    const double packed = seconds([&] { orrery::flax::to_bytes(state, image); });
    if (block > 0) {
      save_on.add(save[1], floor_write);
      save_off.add(save[0], floor_write);
      restore_on.add(restore[1], floor_read);
      restore_off.add(restore[0], floor_read);
      to_bytes.add(packed, memcpy_floor);
    }
    for (const std::string& path : {on, off}) orrery::storage::remove_tree(path);
    ::unlink(raw.c_str());
  }
  std::printf("%zu MiB of float32 in %zu arrays\n", bytes >> 20, arrays);
  for (const Series* s : {&save_on, &save_off, &restore_on, &restore_off, &to_bytes}) s->print();
}

// What compressing costs and saves: random weights, of which little can be saved, and an optimizer state of which only a hundredth of the
// rows was ever touched.
void compression(const std::string& root, std::size_t bytes, int blocks) {
  struct Way {
    const char* name;
    orrery::Compression compression;
  };
  const Way ways[] = {
      {"none", orrery::Compression::none()}, {"zstd(1)", orrery::Compression::zstd(1)}, {"automatic", orrery::Compression::automatic()}};
  const orrery::PyTreeCheckpointer checkpointer;
  for (const bool sparse : {false, true}) {
    State state = make_state(bytes, 10);
    for (auto& [name, array] : state)
      for (std::size_t i = 0; sparse && i < array.size(); ++i)
        if (i / 1024 % 100 != 50) array.data()[i] = 0;
    std::vector<orrery::benchmarks::Buffer> buffers;
    for (auto& [name, array] : state) buffers.push_back({array.data(), array.size() * sizeof(float)});
    std::vector<Series> saves, restores;
    std::vector<std::uint64_t> stored(std::size(ways));
    for (const Way& way : ways) {
      saves.push_back({std::string("save, ") + way.name, {}, {}});
      restores.push_back({std::string("restore_into, ") + way.name, {}, {}});
    }
    for (int block = 0; block <= blocks; ++block) {
      const std::string raw = root + "/raw";
      prime(bytes + bytes / 4);
      const double floor_write = seconds([&] { orrery::benchmarks::write_floor(raw, buffers); });
      const double floor_read = seconds([&] { orrery::benchmarks::read_floor(raw, buffers); });
      for (std::size_t turn = 0; turn < std::size(ways); ++turn) {
        const std::size_t i = (turn + static_cast<std::size_t>(block)) % std::size(ways);
        const std::string path = root + "/item";
        prime(bytes + bytes / 4);
        const double save =
            seconds([&] { checkpointer.save(path, state, {.compression = ways[i].compression, .durability = orrery::Durability::fast}); });
        const double restore = seconds([&] { checkpointer.restore_into(path, state); });
        stored[i] = 0;
        for (const std::string& name : orrery::storage::list_directory(path + "/d"))
          stored[i] += orrery::storage::File::open(path + "/d/" + name).size();
        orrery::storage::remove_tree(path);
        if (block == 0) continue;
        saves[i].add(save, floor_write);
        restores[i].add(restore, floor_read);
      }
      ::unlink(raw.c_str());
    }
    std::printf("%zu MiB of %s float32 in 10 arrays\n", bytes >> 20, sparse ? "sparse" : "random");
    for (std::size_t i = 0; i < std::size(ways); ++i) {
      std::printf("  %s: %.3f of the bytes\n", ways[i].name, static_cast<double>(stored[i]) / static_cast<double>(bytes));
      saves[i].print();
      restores[i].print();
    }
  }
}

struct Dense {
  orrery::Array<float> bias{{3}}, kernel{{5, 3}};
};
struct TrainState {
  std::int64_t step = 1;
  Dense params;
  orrery::optax::SgdState opt_state;
};
struct Config {
  orrery::Array<std::int64_t> dimensions = orrery::Array<std::int64_t>::from({5, 3});
};
struct Checkpoint {
  TrainState model;
  Config config;
  std::vector<orrery::Array<float>> data{orrery::Array<float>({5})};
};

// The guide's state, against the same number of files made by hand: created, written, closed, and renamed.
void tiny(const std::string& root) {
  const Checkpoint state{};
  const orrery::PyTreeCheckpointer checkpointer;
  Series item{"Orbax item (fast)", {}, {}}, file{"legacy Flax file (fast)", {}, {}}, restore_item{"restore_into of the item", {}, {}};
  Checkpoint target;
  for (int block = 0; block < 60; ++block) {
    const std::string base = root + "/tiny" + std::to_string(block);
    const double by_hand = seconds([&] { orrery::benchmarks::write_item_floor(base + "-floor"); });
    const double item_time = seconds([&] { checkpointer.save(base + "-item", state, {.durability = orrery::Durability::fast}); });
    const double one_file = seconds([&] { orrery::benchmarks::write_file_floor(base + "-file"); });
    orrery::storage::make_directories(base + "-legacy");
    const double legacy = seconds([&] {
      orrery::flax::save_checkpoint(base + "-legacy", state, 0,
                                    {.backend = orrery::flax::Backend::msgpack, .durability = orrery::Durability::fast});
    });
    const double back = seconds([&] { checkpointer.restore_into(base + "-item", target); });
    if (block < 5) continue;
    item.add(item_time, by_hand);
    file.add(legacy, one_file);
    restore_item.add(back, by_hand);
  }
  std::printf("the guide's state (6 leaves)\n");
  for (const Series* s : {&item, &file, &restore_item}) s->print();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = std::string(argc > 1 ? argv[1] : ".") + "/orrery-benchmark-" + std::to_string(::getpid());
  const std::size_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024) << 20;
  const int blocks = argc > 3 ? std::atoi(argv[3]) : 9;
  orrery::storage::make_directories(root);
  std::printf("ratios to the raw floor of the same run: median (second lowest - second highest), median time\n");
  tiny(root);
  large(root, bytes, 10, blocks);
  large(root, bytes, 1000, blocks);
  compression(root, bytes / 4, blocks);
  orrery::storage::remove_tree(root);
}
