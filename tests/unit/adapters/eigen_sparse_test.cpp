#include <doctest/doctest.h>

#include <algorithm>
#include <complex>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <Eigen/SparseCore>

#include "orrery/adapters/eigen_sparse.hpp"
#include "../reflect/round_trip.hpp"

namespace eigen_sparse {
namespace {

using orrery::AnyArray;
using orrery::ArgumentError;
using orrery::Array;
using orrery::FormatError;
using orrery::Tree;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Csr = Eigen::SparseMatrix<float, Eigen::RowMajor>;
using Csc = Eigen::SparseMatrix<float>;

// [[0, 2, 0], [3, 0, 4]]
template <class M>
M small() {
  M m(2, 3);
  m.insert(0, 1) = 2;
  m.insert(1, 0) = 3;
  m.insert(1, 2) = 4;
  m.makeCompressed();
  return m;
}
template <class M>
bool same(const M& a, const M& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         Eigen::MatrixXd(a.template cast<double>()) == Eigen::MatrixXd(b.template cast<double>());
}
template <class T>
Tree array_of(std::vector<T> values) {
  Array<T> array({static_cast<orrery::Dim>(values.size())});
  std::copy(values.begin(), values.end(), array.data());
  return Tree::from_array(AnyArray(array));
}
Tree stored(std::vector<float> data, std::vector<int> indices, std::vector<int> indptr, std::vector<std::int64_t> shape) {
  Tree tree = Tree::dict();
  tree["data"] = array_of(data);
  tree["indices"] = array_of(indices);
  tree["indptr"] = array_of(indptr);
  tree["shape"] = array_of(shape);
  return tree;
}
std::string trouble(const Tree& tree) {
  Csr m = small<Csr>();
  try {
    restore_into(m, tree);
  } catch (const FormatError& error) {
    CHECK(m.nonZeros() == 0);
    return error.what();
  }
  return {};
}
bool says(const std::string& text, const char* words) { return text.find(words) != text.npos; }

TEST_CASE("a sparse matrix is the dict of scipy's arrays, csr for row-major and csc for column-major") {
  CHECK(tree_of(small<Csr>()) == stored({2, 3, 4}, {1, 0, 2}, {0, 1, 3}, {2, 3}));
  CHECK(tree_of(small<Csc>()) == stored({3, 2, 4}, {1, 0, 1}, {0, 1, 2, 3}, {2, 3}));
  CHECK(same(copy_of(small<Csr>()), small<Csr>()));
  CHECK(same(copy_of(small<Csc>()), small<Csc>()));
  const Csr m = small<Csr>();
  const orrery::TreeView view = orrery::describe(m);
  CHECK(view.leaves[0].array.data == m.valuePtr());
  CHECK(view.leaves[1].array.data == m.innerIndexPtr());
  CHECK(view.leaves[2].array.data == m.outerIndexPtr());
}

TEST_CASE("a matrix that is not compressed is stored as if it were, and stays what it is") {
  Csr m(2, 3);
  m.reserve(Eigen::Vector2i(2, 3));
  m.insert(0, 1) = 2;
  m.insert(1, 2) = 4;
  m.insert(1, 0) = 3;
  REQUIRE(!m.isCompressed());
  CHECK(tree_of(m) == tree_of(small<Csr>()));
  CHECK(!m.isCompressed());
  restore_into(m, tree_of(small<Csr>()));
  CHECK(m.isCompressed());
  CHECK(same(m, small<Csr>()));
}

TEST_CASE("matrices without elements, rows or columns go round") {
  CHECK(tree_of(Csr()) == stored({}, {}, {0}, {0, 0}));
  CHECK(same(copy_of(Csr()), Csr()));
  CHECK(same(copy_of(Csr(3, 5)), Csr(3, 5)));
  CHECK(same(copy_of(Csc(0, 4)), Csc(0, 4)));
}

TEST_CASE("the target takes any shape, and its memory where it fits") {
  Csr larger(7, 9), smaller(1, 1), wider(2, 40);
  larger.insert(6, 8) = 1;
  larger.makeCompressed();
  wider.insert(1, 39) = 1;
  for (Csr* target : {&larger, &smaller, &wider}) {
    restore_into(*target, tree_of(small<Csr>()));
    CHECK(same(*target, small<Csr>()));
    CHECK(target->isCompressed());
  }
  Csr equal = small<Csr>();
  const float* before = equal.valuePtr();
  restore_into(equal, stored({5, 6, 7}, {0, 0, 1}, {0, 1, 3}, {2, 3}));
  CHECK(equal.valuePtr() == before);
  CHECK(equal.coeff(1, 1) == 7);
}

TEST_CASE("other elements and index types, in structs and maps") {
  struct State {
    std::map<std::string, Eigen::SparseMatrix<std::complex<double>, Eigen::RowMajor, std::int64_t>> named{};
    Eigen::SparseMatrix<bool> mask{};
  } state;
  state.named["a"].resize(2, 2);
  state.named["a"].insert(1, 1) = {1, 2};
  state.mask.resize(2, 2);
  state.mask.insert(0, 1) = true;
  const Tree tree = tree_of(state);
  CHECK(tree["named"]["a"]["indices"].array().dtype() == orrery::DType::int64);
  CHECK(tree["mask"]["data"].array().dtype() == orrery::DType::bool_);
  const State back = copy_of(state);
  CHECK(back.named.at("a").coeff(1, 1) == std::complex<double>(1, 2));
  CHECK(back.mask.coeff(0, 1));
  CHECK(back.mask.nonZeros() == 1);
}

TEST_CASE("unsorted indices are sorted with their elements") {
  const Csr m = restore<Csr>(stored({2, 4, 3}, {1, 2, 0}, {0, 1, 3}, {2, 3}));
  CHECK(same(m, small<Csr>()));
  CHECK(m.innerIndexPtr()[1] == 0);
}

TEST_CASE("arrays that make no matrix are refused, and leave an empty one") {
  CHECK(trouble(stored({2, 3, 4}, {1, 0, 2}, {0, 1, 3}, {2, 3})).empty());
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0}, {0, 1, 3}, {2, 3})), "3 data and 2 indices"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0, 2}, {0, 1, 2}, {2, 3})), "indptr must ascend from 0 to 3"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0, 2}, {0, 4, 3}, {2, 3})), "indptr must ascend"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0, 2}, {}, {2, 3})), "indptr must ascend"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, -1, 2}, {0, 1, 3}, {2, 3})), "the index -1 is negative"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 2, 2}, {0, 1, 3}, {2, 3})), "the index 2 stands twice"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0, 3}, {0, 1, 3}, {2, 3})), "outside the shape (2, 3)"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0, 2}, {0, 1, 3}, {3, 3})), "indptr is that of 2 rows, and the shape is (3, 3)"));
  CHECK(says(trouble(stored({2, 3, 4}, {1, 0, 2}, {0, 1, 3}, {2, -1})), "the shape is (2, -1)"));
  using Short = Eigen::SparseMatrix<float, 0, std::int8_t>;
  Tree many = stored(std::vector<float>(200), {}, {0}, {0, 0});
  many["indices"] = array_of(std::vector<std::int8_t>{});
  many["indptr"] = array_of(std::vector<std::int8_t>{0});
  CHECK_THROWS_AS(restore<Short>(many), ArgumentError);
}

}  // namespace
}  // namespace eigen_sparse
