#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

#include <dlib/matrix/matrix.h>

#include "orrery/adapters/dlib.hpp"
#include "reflect/round_trip.hpp"

namespace {

using orrery::AnyArray;
using orrery::Array;
using orrery::Shape;
using orrery::ShapeError;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Columns = dlib::matrix<float, 0, 0, dlib::default_memory_manager, dlib::column_major_layout>;

const Array<float> numbers = Array<float>::from({{0, 1, 2}, {10, 11, 12}});

template <class M>
M numbered() {
  M m;
  m.set_size(2, 3);
  m = 0, 1, 2, 10, 11, 12;
  return m;
}
template <class T>
orrery::ArrayView view_of(const T& value) {
  return orrery::describe(value).leaves.at(0).array;
}

TEST_CASE("a matrix of either layout keeps its logical shape and is not transposed") {
  const auto rows = numbered<dlib::matrix<float>>();
  CHECK(view_of(rows).data == &rows(0, 0));
  CHECK(view_of(rows).is_c_contiguous());
  CHECK(tree_of(rows).array() == AnyArray(numbers));
  CHECK(copy_of(rows) == rows);
  const auto columns = numbered<Columns>();
  CHECK(view_of(columns).data == &columns(0, 0));
  CHECK(view_of(columns).is_f_contiguous());
  CHECK(tree_of(columns).array() == AnyArray(numbers));
  CHECK(copy_of(columns) == columns);
  CHECK(copy_of(dlib::matrix<double>()).size() == 0);
}

TEST_CASE("vectors at compile time have rank 1") {
  dlib::matrix<double, 0, 1> column;
  column.set_size(3);
  column = 1, 2, 3;
  dlib::matrix<std::int32_t, 1, 2> row;
  row = 4, 5;
  CHECK(tree_of(column).array() == AnyArray(Array<double>::from({1, 2, 3})));
  CHECK(tree_of(row).array() == AnyArray(Array<std::int32_t>::from({4, 5})));
  CHECK(copy_of(column) == column);
  CHECK(copy_of(row) == row);
  CHECK(restore<dlib::matrix<double, 1, 0>>(tree_of(column)).nc() == 3);
  CHECK_THROWS_AS((restore<dlib::matrix<std::int32_t, 1, 3>>(tree_of(row))), ShapeError);
}

TEST_CASE("fixed extents must be met, free ones follow the file") {
  dlib::matrix<float, 2, 3> fixed;
  restore_into(fixed, tree_of(numbers));
  CHECK(fixed(1, 2) == 12);
  CHECK(tree_of(fixed).array() == AnyArray(numbers));
  CHECK(restore<dlib::matrix<float, 2, 0>>(tree_of(numbers)).nc() == 3);
  CHECK_THROWS_AS((restore<dlib::matrix<float, 3, 0>>(tree_of(numbers))), ShapeError);
  CHECK_THROWS_AS((restore<dlib::matrix<float, 3, 2>>(tree_of(numbers))), ShapeError);
}

TEST_CASE("matrices lie in structs and maps") {
  struct State {
    std::map<std::string, Columns> kernels{};
    dlib::matrix<float, 2, 2> fixed{};
  } state;
  state.kernels["a"] = numbered<Columns>();
  state.fixed = 1, 2, 3, 4;
  const State back = copy_of(state);
  CHECK(back.kernels.at("a") == state.kernels["a"]);
  CHECK(back.fixed == state.fixed);
}

}  // namespace
