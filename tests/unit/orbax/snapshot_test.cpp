// Snapshots: a copy looks at nothing of the state any more, carries the right checksums, and takes no more memory than it must.
#include "orrery/orbax/snapshot.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "item_files.hpp"
#include "orrery/orbax/async_checkpointer.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;

const auto never = [] {};

AnyArray noise(DType dtype, Shape shape) {
  AnyArray array = AnyArray::zeros(dtype, std::move(shape));
  auto* to = static_cast<unsigned char*>(array.data());
  for (std::size_t i = 0; i < array.nbytes(); ++i) to[i] = static_cast<unsigned char>(i * 2654435761u >> 13);
  if (dtype == DType::bool_)
    for (std::size_t i = 0; i < array.nbytes(); ++i) to[i] &= 1;
  normalize_sub_byte(dtype, array.data(), array.size());
  return array;
}

// Leaves that are dense, column-major, strided, narrow and empty.
struct Views {
  std::vector<AnyArray> memory{};
  TreeView view{};
  Views() {
    std::vector<std::pair<std::string, ArrayView>> leaves;
    const auto own = [&](DType dtype, Shape shape) { return memory.emplace_back(noise(dtype, std::move(shape))).view(); };
    memory.reserve(16);
    leaves.emplace_back("dense", own(DType::float32, {300, 70}));
    ArrayView f = own(DType::float64, {30, 70});
    f.strides = f_strides(f.shape, f.item_size());
    leaves.emplace_back("column_major", f);
    ArrayView every_second = own(DType::int16, {60, 50});
    every_second.shape = {30, 50};
    every_second.strides[0] *= 2;
    leaves.emplace_back("strided", every_second);
    ArrayView large = own(DType::float32, {3000, 1000});
    large.shape = {3000, 999};
    leaves.emplace_back("rows_cut", large);
    leaves.emplace_back("int4", own(DType::int4, {33}));
    leaves.emplace_back("bool", own(DType::bool_, {33}));
    leaves.emplace_back("empty", own(DType::float32, {0, 3}));
    leaves.emplace_back("scalar", own(DType::int64, {}));
    leaves.emplace_back("large", own(DType::uint8, {21 << 20}));
    const std::size_t root = view.enter(NodeKind::dict, {}, leaves.size() + 1);
    for (auto& [name, array] : leaves) view.leaf(view.names.emplace_back(name), {LeafKind::array, 0, array, {}});
    view.leaf("text", {LeafKind::string, 0, {}, view.names.emplace_back("some text that is long enough to live elsewhere")});
    view.leave(root);
  }
};

SaveOptions quick(SaveOptions options) {
  options.force = true;
  options.durability = Durability::fast;
  return options;
}

std::size_t status_kib(const char* key) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  std::size_t value = 0;
  while (file && std::fgets(line, sizeof line, file))
    if (std::strncmp(line, key, std::strlen(key)) == 0) std::sscanf(line + std::strlen(key), "%zu", &value);
  if (file) std::fclose(file);
  return value;
}

// By how many MiB `work` raises the memory of a process of its own above what `prepare` has made.
template <class Prepare, class Work>
std::size_t peak_mib(Prepare&& prepare, Work&& work) {
  auto* shared = static_cast<std::size_t*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  *shared = SIZE_MAX;
  const ::pid_t child = ::fork();
  if (child == 0) {
    auto prepared = prepare();
    const std::size_t before = status_kib("VmHWM:");
    work(prepared);
    *shared = (status_kib("VmHWM:") - before) >> 10;
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const std::size_t result = *shared;
  ::munmap(shared, 4096);
  return result;
}

}  // namespace

TEST_CASE("a copied snapshot is written byte for byte like the state itself") {
  ScratchDirectory scratch;
  Views original;
  const SaveOptions variants[] = {{},
                                  {.use_ocdbt = false},
                                  {.use_zarr3 = true},
                                  {.compression = Compression::zstd(1)},
                                  {.chunk_byte_size = 1 << 20},
                                  {.cast = DType::bfloat16}};
  for (const SaveOptions& variant : variants) {
    const SaveOptions options = quick(variant);
    orbax::save_item(scratch / "direct", original.view, options);
    storage::StagingArena arena;
    Views changing;
    orbax::Snapshot snapshot = orbax::Snapshot::copy_of(std::move(changing.view), arena, never);
    for (AnyArray& array : changing.memory)
      if (array.nbytes() > 0) std::memset(array.data(), 0x55, array.nbytes());
    changing.memory.clear();
    orbax::save_item(scratch / "snapshot", snapshot.view(), options);
    CHECK(PyTreeCheckpointer().restore(scratch / "snapshot") == PyTreeCheckpointer().restore(scratch / "direct"));
    CHECK(item_files::read(scratch / "snapshot/_orrery.json") == item_files::read(scratch / "direct/_orrery.json"));
  }
}

TEST_CASE("the checksum of a copy is the one that is stored: what changes in the arena afterwards is found at restore") {
  ScratchDirectory scratch;
  storage::StagingArena arena;
  Views views;
  orbax::Snapshot snapshot = orbax::Snapshot::copy_of(std::move(views.view), arena, never);
  for (const LeafView& leaf : snapshot.view().leaves) {
    if (leaf.kind == LeafKind::string || leaf.array.nbytes() == 0) continue;
    REQUIRE(leaf.crc32c);
    CHECK(*leaf.crc32c == crc32c(leaf.array.data, leaf.array.nbytes()));
  }
  auto* dense = static_cast<std::byte*>(const_cast<void*>(snapshot.view().leaves[0].array.data));
  dense[100] ^= std::byte{1};
  orbax::save_item(scratch / "item", snapshot.view(), quick({}));
  CHECK_THROWS_AS(PyTreeCheckpointer().restore(scratch / "item"), DataLossError);
}

TEST_CASE("a pause in the middle of copying can end it") {
  storage::StagingArena arena;
  int pauses = 0;
  CHECK_THROWS_AS(orbax::Snapshot::copy_of(Views().view, arena,
                                           [&] {
                                             if (++pauses == 2) throw CancelledError("enough");
                                           }),
                  CancelledError);
  CHECK(pauses == 2);
}

TEST_CASE("the arena keeps its memory, grows in place, and never holds two copies") {
  storage::StagingArena arena;
  arena.reserve(64 << 20);
  std::byte* first = arena.take(40 << 20);
  std::byte* second = arena.take(100);
  CHECK(second == first + (40 << 20));
  CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
  CHECK(arena.take(0) == nullptr);
  CHECK(arena.take(1) == second + 128);
  const std::size_t kept = arena.size();
  arena.rewind();
  arena.reserve(66 << 20);
  CHECK(arena.take(66 << 20) == first);  // a little more than before
  arena.rewind();
  arena.reserve(100 << 20);
  CHECK(arena.size() >= (100 << 20));
  CHECK(arena.size() < kept + (100 << 20));
  arena.take(100 << 20);
  std::byte* other = arena.take(1 << 20);  // beside it, while it is in use
  std::memset(other, 1, 1 << 20);
  arena.rewind();
  arena.take(1 << 20);
  CHECK(arena.take(100 << 20) != nullptr);
  arena.release();
  CHECK(arena.size() == 0);
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a copy takes the memory of one copy, however many saves follow, and the other modes take none") {
  constexpr Dim elements = 32 << 20;  // 128 MiB
  constexpr std::size_t state_mib = 128, buffers_mib = 24;
  const auto prepare = [] {
    std::map<std::string, Array<float>> state;
    for (int i = 0; i < 32; ++i) {
      Array<float> array({elements / 32});
      std::fill_n(array.data(), array.size(), 1.5f + static_cast<float>(i));
      state.emplace(std::to_string(i), std::move(array));
    }
    return state;
  };
  ScratchDirectory scratch;
  const SaveOptions options = quick({.compression = Compression::none()});
  const std::size_t copy = peak_mib(prepare, [&](auto& state) {
    AsyncCheckpointer async;
    for (int i = 0; i < 4; ++i) async.save(scratch / "item", state, options);
    async.wait_until_finished();
  });
  CHECK(copy >= state_mib * 9 / 10);
  CHECK(copy <= state_mib + buffers_mib);
  const std::size_t lent = peak_mib(prepare, [&](auto& state) {
    AsyncCheckpointer async;
    for (int i = 0; i < 4; ++i) async.save(scratch / "item", borrow(state), options);
    async.wait_until_finished();
  });
  CHECK(lent <= buffers_mib);
  const std::size_t given = peak_mib(prepare, [&](auto& state) {
    AsyncCheckpointer async;
    async.save(scratch / "item", std::move(state), options);
    async.wait_until_finished();
  });
  CHECK(given <= buffers_mib);
}
#endif
