// How long an asynchronous save keeps its caller waiting, against a copy past the caches of the same bytes in the same run: by mode, for
// few and for many arrays. Prints one line per tree: medians, and ratios of what was measured in the same block, where the floor is the
// faster of one before and one after.
//
//   async_save DIRECTORY [MiB = 1024] [blocks = 9]
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "orrery/checkpoint.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using namespace orrery;
using State = std::vector<Array<float>>;

double seconds(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Both aligned to 64, a multiple of 64 bytes.
#if defined(__x86_64__)
__attribute__((target("avx512f"))) void stream_512(std::byte* to, const std::byte* from, std::size_t size) {
  for (std::size_t i = 0; i < size; i += 256) {
    const __m512i a = _mm512_load_si512(from + i), b = _mm512_load_si512(from + i + 64);
    const __m512i c = _mm512_load_si512(from + i + 128), d = _mm512_load_si512(from + i + 192);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), a);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i + 64), b);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i + 128), c);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i + 192), d);
  }
  _mm_sfence();
}
void stream_128(std::byte* to, const std::byte* from, std::size_t size) {
  for (std::size_t i = 0; i < size; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  _mm_sfence();
}
#endif

// The floor: every array once, into memory that is owned and touched.
void stream_copy(std::byte* to, const State& state) {
  for (const Array<float>& array : state) {
    const auto* from = reinterpret_cast<const std::byte*>(array.data());
    const std::size_t size = array.size() * sizeof(float);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && size % 256 == 0)
      stream_512(to, from, size);
    else
      stream_128(to, from, size);
#else
    std::memcpy(to, from, size);
#endif
    to += size;
  }
}

void run(const std::string& directory, std::size_t mib, std::size_t arrays, int blocks) {
  const std::size_t elements = std::max<std::size_t>((mib << 18) / arrays / 64, 1) * 64;
  State state;
  for (std::size_t i = 0; i < arrays; ++i) {
    Array<float> array({static_cast<Dim>(elements)});
    for (std::size_t j = 0; j < elements; ++j) array.data()[j] = static_cast<float>((i * elements + j) * 2654435761u >> 7);
    state.push_back(std::move(array));
  }
  const std::size_t bytes = arrays * elements * sizeof(float);
  Memory owned = Memory::uninitialized(bytes);
  std::memset(owned.data(), 1, bytes);
  AsyncCheckpointer async;
  const SaveOptions options{.force = true, .compression = Compression::none(), .durability = Durability::fast};
  const std::string path = directory + "/async_save_benchmark";
  const auto blocked = [&](auto&& save) {
    const double time = seconds(save);
    async.wait_until_finished();
    return time;
  };
  const double first = blocked([&] { async.save(path, state, options); });
  std::vector<double> floor, copy, ratio, lent, given, whole;
  for (int block = 0; block < blocks; ++block) {
    State spare = state;
    const double before = seconds([&] { stream_copy(owned.data(), state); });
    whole.push_back(seconds([&] {
      copy.push_back(seconds([&] { async.save(path, state, options); }));
      async.wait_until_finished();
    }));
    floor.push_back(std::min(before, seconds([&] { stream_copy(owned.data(), state); })));
    ratio.push_back(copy.back() / floor.back());
    lent.push_back(blocked([&] { async.save(path, borrow(state), options); }));
    given.push_back(blocked([&] { async.save(path, std::move(spare), options); }));
  }
  storage::remove_tree(path);
  std::printf(
      "%5zu MiB in %6zu arrays: copy %7.2f ms, %.2fx the floor of %7.2f ms (first save %.2f ms); borrow %6.1f us; move %6.1f us; "
      "until written %.1f ms\n",
      bytes >> 20, arrays, 1e3 * median(copy), median(ratio), 1e3 * median(floor), 1e3 * first, 1e6 * median(lent), 1e6 * median(given),
      1e3 * median(whole));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "async_save DIRECTORY [MiB = 1024] [blocks = 9]\n");
    return 2;
  }
  const auto mib = argc > 2 ? static_cast<std::size_t>(std::atoll(argv[2])) : std::size_t{1024};
  const int blocks = argc > 3 ? std::atoi(argv[3]) : 9;
  for (const std::size_t arrays : {10, 1000}) run(argv[1], mib, arrays, blocks);
}
