#include "own_library.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "round_trip.hpp"

namespace own_library_leaves {
namespace {

using namespace own_library;
using orrery::Array;
using orrery::LeafKind;
using orrery::Shape;
using orrery::ShapeError;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

TEST_CASE("LeafTraits without extents are an array of any rank") {
  for (const Tensor& tensor : {Tensor{{2, 3}, {1, 2, 3, 4, 5, 6}}, Tensor{{3}, {1, 2, 3}}, Tensor{{}, {1}}, Tensor{{2, 0, 5}, {}}}) {
    const orrery::Tree tree = tree_of(tensor);
    CHECK(tree.array().shape() == Shape(std::span<const orrery::Dim>(tensor.shape)));
    const Tensor same = restore<Tensor>(tree);
    CHECK(same.shape == tensor.shape);
    CHECK(same.elements == tensor.elements);
  }
  CHECK(orrery::ops<Tensor>().leaf.any_rank);
  Tensor target{{2}, {0, 0}};
  restore_into(target, tree_of(Tensor{{1, 2}, {5, 6}}));
  CHECK(target.shape == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("a view of any rank is restored in place where the shape is equal, and never made") {
  const orrery::Tree tree = tree_of(Tensor{{2, 2}, {1, 2, 3, 4}});
  float elements[4] = {};
  TensorView view{{2, 2}, elements};
  restore_into(view, tree);
  CHECK(elements[3] == 4);
  TensorView other{{4}, elements};
  CHECK_THROWS_AS(restore_into(other, tree), ShapeError);
  CHECK_THROWS_AS(restore<TensorView>(tree), ShapeError);
}

TEST_CASE("fixed extents hold, and constants are saved alone") {
  const Quaternions<float> two{{{1, 0, 0, 0}, {0, 1, 0, 0}}};
  CHECK(tree_of(two).array() == orrery::AnyArray(Array<float>::from({{1, 0, 0, 0}, {0, 1, 0, 0}})));
  CHECK(copy_of(two).rows == two.rows);
  CHECK_THROWS_AS(restore<Quaternions<float>>(tree_of(Tensor{{2, 3}, {1, 2, 3, 4, 5, 6}})), ShapeError);

  const double elements[] = {1, 2};
  std::map<std::string, Constants> state{{"kept", {elements, 2}}};
  CHECK(tree_of(state)["kept"].array().at<double>({1}) == 2);
  const double others[] = {7, 8};
  restore_into(state, tree_of(std::map<std::string, Constants>{{"kept", {others, 2}}}));
  CHECK(elements[0] == 1);
}

}  // namespace
}  // namespace own_library_leaves
