// One side of items.py: the arrays of a State as an Orbax item and as a Flax msgpack file, for Python to restore, and Python's for us.
//   save DIRECTORY      writes DIRECTORY/item and DIRECTORY/flax.msgpack
//   restore DIRECTORY   reads both and compares with what save writes; a line for each
#pragma once

#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>

#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"
#include "orrery/storage/file.hpp"

namespace items {

// What stands at (i, j, k); items.py has the same.
template <class T>
T number(long long i, long long j = 0, long long k = 0) {
  return static_cast<T>(static_cast<float>(100 * i + 10 * j + k));
}

template <class Array>
void fill(Array& array, long long rows, long long columns) {
  using T = std::remove_cvref_t<decltype(array(0, 0))>;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) array(i, j) = number<T>(i, j);
}
template <class Array>
void fill(Array& array, long long a, long long b, long long c) {
  using T = std::remove_cvref_t<decltype(array(0, 0, 0))>;
  for (int i = 0; i < a; ++i)
    for (int j = 0; j < b; ++j)
      for (int k = 0; k < c; ++k) array(i, j, k) = number<T>(i, j, k);
}
template <class Array>
void fill(Array& array, long long size) {
  using T = std::remove_cvref_t<decltype(array(0))>;
  for (int i = 0; i < size; ++i) array(i) = number<T>(i);
}

template <class State>
int report(const char* what, const State& found, const State& wanted) {
  const bool same = orrery::flax::to_bytes(found) == orrery::flax::to_bytes(wanted);
  std::printf("%s orrery restores %s\n", same ? "PASS" : "FAIL", what);
  if (!same) std::printf("%s\n", to_string(orrery::flax::msgpack_restore(orrery::flax::to_bytes(found))).c_str());
  return same ? 0 : 1;
}

// filled: the arrays that are written; empty: a target whose arrays have no values, of which there are two.
template <class State>
int run(int argc, char** argv, const State& filled, State empty, State other) try {
  if (argc != 3) return 2;
  const std::string command = argv[1], directory = argv[2], item = directory + "/item", file = directory + "/flax.msgpack";
  const orrery::PyTreeCheckpointer checkpointer;
  if (command == "save") {
    checkpointer.save(item, filled);
    orrery::storage::write_file(file, orrery::flax::to_bytes(filled));
    return 0;
  }
  checkpointer.restore_into(item, empty);
  const int failed = report("the item", empty, filled);
  return failed + report("the msgpack file", orrery::flax::from_bytes(std::move(other), orrery::storage::read_file(file, 1 << 20)), filled);
} catch (const orrery::Error& error) {
  std::printf("FAIL orrery: %s\n", error.what());
  return 1;
}

}  // namespace items
