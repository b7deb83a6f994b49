// What small leaves cost, in nanoseconds of processor time for each: describing a struct, matching it with a stored tree, and the msgpack
// bytes of structs with names, there and back, beside msgpack-c's own maps of the same names and beside code written by hand for these
// structs. Interleaved; the median of the blocks counts.
//
//   small_leaves [BLOCKS=15]
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <msgpack.hpp>
#include <string>
#include <vector>

#include "orrery/orrery.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/plan.hpp"

namespace {

struct Eight {
  float a = 0, b = 1, c = 2, d = 3, e = 4, f = 5, g = 6, h = 7;
  MSGPACK_DEFINE_MAP(a, b, c, d, e, f, g, h)
};
struct Group {
  Eight first, second, third, fourth, fifth, sixth, seventh, eighth;
};
struct Layers {
  Group a, b, c, d;
};
constexpr double leaves = 4 * 64;

// 50 structs with names, as the states of an optimizer's parts are.
struct Part {
  std::int64_t count = 1;
  double rate = 0.5, decay = 0.25, momentum = 0.9;
  std::string name = "scale_by_adam";
  bool nesterov = true;
  MSGPACK_DEFINE_MAP(count, rate, decay, momentum, name, nesterov)
};
using Parts = std::map<std::string, Part>;

double nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

struct Case {
  const char* name;
  double divisor;  // leaves or structs in one call
  void (*run)();
  std::vector<double> blocks{};
};

Layers layers;
Parts parts;
orrery::Tree stored;
std::string bytes, own_bytes;
std::uint64_t sink = 0;  // keeps what was made

// The floor of a restore of Layers from its tree: every member by its name, nothing checked but that it is there.
void by_hand(const orrery::Tree& from, Eight& to) {
  const char* const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  float* const members[] = {&to.a, &to.b, &to.c, &to.d, &to.e, &to.f, &to.g, &to.h};
  for (std::size_t i = 0; i < 8; ++i) *members[i] = from[names[i]].scalar<float>();
}
void by_hand(const orrery::Tree& from, Group& to) {
  const char* const names[] = {"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"};
  Eight* const members[] = {&to.first, &to.second, &to.third, &to.fourth, &to.fifth, &to.sixth, &to.seventh, &to.eighth};
  for (std::size_t i = 0; i < 8; ++i) by_hand(from[names[i]], *members[i]);
}

std::vector<Case> cases{
    {"describe, a leaf", leaves, [] { sink += orrery::describe(layers).leaves.size(); }},
    {"match, a leaf", leaves,
     [] { sink += orrery::match(orrery::ops<Layers>(), &layers, stored, {}, "it does not fit", {}).steps.size(); }},
    {"restore from a state dict, a leaf", leaves,
     [] { sink += static_cast<std::uint64_t>(orrery::flax::from_state_dict<Layers>(stored).a.first.h); }},
    {"... by hand", leaves,
     [] {
       Layers to;
       by_hand(stored["a"], to.a), by_hand(stored["b"], to.b), by_hand(stored["c"], to.c), by_hand(stored["d"], to.d);
       sink += static_cast<std::uint64_t>(to.a.first.h);
     }},
    {"50 structs to msgpack, each", 50,
     [] {
       bytes.clear();
       orrery::flax::to_bytes(parts, bytes);
       sink += bytes.size();
     }},
    {"... by msgpack-c", 50,
     [] {
       msgpack::sbuffer buffer;
       msgpack::pack(buffer, parts);
       own_bytes.assign(buffer.data(), buffer.size());
       sink += own_bytes.size();
     }},
    {"50 structs from msgpack, each", 50, [] { sink += orrery::flax::from_bytes<Parts>(bytes).size(); }},
    {"... by msgpack-c", 50,
     [] {
       Parts back;
       msgpack::unpack(own_bytes.data(), own_bytes.size()).get().convert(back);
       sink += back.size();
     }},
};

}  // namespace

int main(int argc, char** argv) {
  const int blocks = argc > 1 ? std::atoi(argv[1]) : 15;
  stored = orrery::flax::to_state_dict(layers);
  for (int i = 0; i < 50; ++i) parts["part_" + std::to_string(100 + i)] = {};
  for (int block = 0; block < blocks; ++block)
    for (Case& each : cases) {
      const int calls = static_cast<int>(100000 / each.divisor);
      const double start = nanoseconds();
      for (int i = 0; i < calls; ++i) each.run();
      each.blocks.push_back((nanoseconds() - start) / calls / each.divisor);
    }
  for (Case& each : cases) {
    std::sort(each.blocks.begin(), each.blocks.end());
    std::printf("%-36s %8.1f ns  (%.1f to %.1f)\n", each.name, each.blocks[each.blocks.size() / 2], each.blocks.front(),
                each.blocks.back());
  }
  return sink == 0;
}
