// Eigen's SparseMatrix as a dict {data, indices, indptr, shape}: the arrays of the same names of a scipy.sparse matrix, csr for RowMajor
// and csc for ColMajor (Eigen's default), which scipy.sparse.csr_matrix((data, indices, indptr), shape) makes of them again.
//   data     (nonzeros,)   the elements              indptr  (rows + 1,), csc: (columns + 1,)   where each row or column begins
//   indices  (nonzeros,)   their columns, csc: rows  shape   (2,) int64
// indices and indptr have the dtype of StorageIndex (int32 unless told otherwise), as scipy's do. A compressed matrix is saved without a
// copy; another one is compressed on the way. What is restored is compressed; scipy's unsorted indices are sorted. FormatError where the
// four do not make a matrix: the target is empty then.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <Eigen/SparseCore>

#include "orrery/adapters/eigen.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"
#include "orrery/tree/leaf_view.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

[[noreturn]] inline void throw_not_sparse(const std::string& why) {
  throw FormatError("the stored data, indices, indptr and shape are no sparse matrix: " + why +
                    "; write them from a scipy.sparse matrix on which sum_duplicates() was called, or check which of csr and csc it is");
}
[[noreturn]] inline void throw_sparse_capacity(Dim count, Dim most) {
  throw ArgumentError(std::to_string(count) + " elements are stored, and the index type of this SparseMatrix counts to " +
                      std::to_string(most) + "; give it a wider StorageIndex");
}

// Each part of the dict is a leaf at the address of the whole matrix. Restoring goes in the order of the members: data makes room, indices
// leave a matrix without elements, so that it is valid whatever happens next; both are read in place; indptr, staged, is checked against
// them before it says which elements there are; shape has the last word.
template <class S, int Options, class Index>
struct EigenSparse {
  using Matrix = Eigen::SparseMatrix<S, Options, Index>;
  static constexpr Dim most = std::numeric_limits<Index>::max();

  static const Matrix& get(const void* object) { return *static_cast<const Matrix*>(object); }
  static Matrix& get(void* object) { return *static_cast<Matrix*>(object); }
  template <class T>
  static LeafView vector(const T* data, Dim size) {
    return {.array = ArrayView::dense(dtype_of<T>, data, Shape{size})};
  }
  template <class T>
  static T* staged(TreeView& view, Dim size) {
    return reinterpret_cast<T*>(view.stage(static_cast<std::size_t>(size) * sizeof(T)));
  }
  static std::size_t outer(const Matrix& m) { return static_cast<std::size_t>(m.outerSize()); }
  static std::size_t begin(const Matrix& m, std::size_t j) { return static_cast<std::size_t>(m.outerIndexPtr()[j]); }

  // The elements of a matrix with gaps between its rows or columns, without these.
  template <class T>
  static LeafView elements(const Matrix& m, const T* from, TreeView& view) {
    if (m.isCompressed()) return vector(from, m.nonZeros());
    T* to = staged<T>(view, m.nonZeros());
    LeafView leaf = vector<T>(to, m.nonZeros());
    for (std::size_t j = 0; j < outer(m); ++j) to = std::copy_n(from + begin(m, j), m.innerNonZeroPtr()[j], to);
    return leaf;
  }
  static LeafView pointers(const Matrix& m, TreeView& view) {
    if (m.isCompressed() && m.outerIndexPtr()) return vector(m.outerIndexPtr(), m.outerSize() + 1);
    Index* to = staged<Index>(view, m.outerSize() + 1);
    to[0] = 0;
    for (std::size_t j = 0; j < outer(m); ++j) to[j + 1] = static_cast<Index>(to[j] + m.innerNonZeroPtr()[j]);
    return vector<Index>(to, m.outerSize() + 1);
  }
  static LeafView shape(const Matrix& m, TreeView& view) {
    Dim* to = staged<Dim>(view, 2);
    to[0] = m.rows();
    to[1] = m.cols();
    return vector<Dim>(to, 2);
  }

  // No elements, compressed, and room for so many in the memory that it had.
  static void clear(Matrix& m, Dim count) {
    m.resize(m.rows(), m.cols());
    m.resizeNonZeros(count);
  }
  static void make_room(Matrix& m, Dim count) {
    if (count > most) throw_sparse_capacity(count, most);
    if (!m.isCompressed() || m.data().size() != count) clear(m, count);
  }
  static void expect_room(Matrix& m, Dim count) {
    m.makeCompressed();
    if (const Dim data = m.data().size(); data != count) {
      m.resize(0, 0);
      throw_not_sparse("there are " + std::to_string(data) + " data and " + std::to_string(count) + " indices");
    }
    clear(m, count);
  }

  // Where rows and columns turn out to be others, the elements stay where they are.
  static void set_outer(Matrix& m, Eigen::Index outer_size, Eigen::Index inner_size, std::span<const Index> starts) {
    const Eigen::Index count = m.data().size();
    if constexpr (Matrix::IsRowMajor)
      m.resize(outer_size, inner_size);
    else
      m.resize(inner_size, outer_size);
    m.resizeNonZeros(count);
    std::copy(starts.begin(), starts.end(), m.outerIndexPtr());
  }
  static void take_pointers(Matrix& m, std::span<const Index> starts) try {
    const Dim count = m.data().size();
    if (starts.empty() || starts.front() != 0 || starts.back() != count || !std::is_sorted(starts.begin(), starts.end()))
      throw_not_sparse("indptr must ascend from 0 to " + std::to_string(count));
    const std::span<const Index> indices(m.innerIndexPtr(), static_cast<std::size_t>(count));
    const auto [least, greatest] = std::minmax_element(indices.begin(), indices.end());
    if (count && *least < 0) throw_not_sparse("the index " + std::to_string(*least) + " is negative");
    const Eigen::Index needed = count ? static_cast<Eigen::Index>(*greatest) + 1 : 0;
    sort_indices(m, starts);
    set_outer(m, static_cast<Eigen::Index>(starts.size() - 1), std::max<Eigen::Index>(needed, m.innerSize()), starts);
  } catch (const FormatError&) {
    m.resize(0, 0);
    throw;
  }
  static void sort_indices(Matrix& m, std::span<const Index> starts) {
    std::vector<std::pair<Index, S>> sorted;
    for (std::size_t j = 0; j + 1 < starts.size(); ++j) {
      const auto from = static_cast<std::size_t>(starts[j]), size = static_cast<std::size_t>(starts[j + 1] - starts[j]);
      Index* const indices = m.innerIndexPtr() + from;
      S* const values = m.valuePtr() + from;
      if (!std::is_sorted(indices, indices + size)) {
        sorted.resize(size);
        for (std::size_t i = 0; i < size; ++i) sorted[i] = {indices[i], values[i]};
        std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (std::size_t i = 0; i < size; ++i) indices[i] = sorted[i].first, values[i] = sorted[i].second;
      }
      if (const Index* twice = std::adjacent_find(indices, indices + size); twice != indices + size)
        throw_not_sparse("the index " + std::to_string(*twice) + " stands twice in one row or column");
    }
  }
  static void take_shape(Matrix& m, Dim rows, Dim columns) try {
    const Dim outer_size = Matrix::IsRowMajor ? rows : columns, inner_size = Matrix::IsRowMajor ? columns : rows;
    if (rows == m.rows() && columns == m.cols()) return;
    const std::string text = to_string(Shape{rows, columns});
    if (outer_size != m.outerSize())
      throw_not_sparse("indptr is that of " + std::to_string(m.outerSize()) + (Matrix::IsRowMajor ? " rows" : " columns") +
                       ", and the shape is " + text);
    if (inner_size < 0 || inner_size > most) throw_not_sparse("the shape is " + text);
    const std::span<const Index> indices(m.innerIndexPtr(), static_cast<std::size_t>(m.data().size()));
    if (!std::all_of(indices.begin(), indices.end(), [&](Index i) { return i < inner_size; }))
      throw_not_sparse("there are indices outside the shape " + text);
    const std::vector<Index> starts(m.outerIndexPtr(), m.outerIndexPtr() + outer(m) + 1);
    set_outer(m, static_cast<Eigen::Index>(outer_size), static_cast<Eigen::Index>(inner_size), starts);
  } catch (const FormatError&) {
    m.resize(0, 0);
    throw;
  }

  static constexpr std::array<Dim, 1> free_extent{any_dim}, two{2};
  static constexpr TypeOps leaf(std::string_view name, DType dtype, std::span<const Dim> extents) {
    return {.kind = TypeKind::leaf, .type_name = name, .leaf = {.dtype = dtype, .extents = extents}};
  }
  static constexpr TypeOps data_row = [] {
    TypeOps ops = leaf("data of a SparseMatrix", dtype_of<S>, free_extent);
    ops.stage = [](const void* object, TreeView& view) { return elements(get(object), get(object).valuePtr(), view); };
    ops.view = [](const void* object) { return vector(get(object).valuePtr(), get(object).data().size()); };
    ops.resize = [](void* object, std::span<const Dim> extents) { make_room(get(object), extents[0]); };
    return ops;
  }();
  static constexpr TypeOps indices_row = [] {
    TypeOps ops = leaf("indices of a SparseMatrix", dtype_of<Index>, free_extent);
    ops.stage = [](const void* object, TreeView& view) { return elements(get(object), get(object).innerIndexPtr(), view); };
    ops.view = [](const void* object) { return vector(get(object).innerIndexPtr(), get(object).data().size()); };
    ops.resize = [](void* object, std::span<const Dim> extents) { expect_room(get(object), extents[0]); };
    return ops;
  }();
  static constexpr TypeOps indptr_row = [] {
    TypeOps ops = leaf("indptr of a SparseMatrix", dtype_of<Index>, free_extent);
    ops.stage = [](const void* object, TreeView& view) { return pointers(get(object), view); };
    ops.assign = [](void* object, const LeafView& leaf) { take_pointers(get(object), leaf.array.values<Index>()); };
    return ops;
  }();
  static constexpr TypeOps shape_row = [] {
    TypeOps ops = leaf("shape of a SparseMatrix", DType::int64, two);
    ops.stage = [](const void* object, TreeView& view) { return shape(get(object), view); };
    ops.assign = [](void* object, const LeafView& leaf) { take_shape(get(object), leaf.array.at<Dim>({0}), leaf.array.at<Dim>({1})); };
    return ops;
  }();

  static constexpr std::array<std::string_view, 4> names{"data", "indices", "indptr", "shape"};
  static constexpr std::array<const TypeOps*, 4> parts{&data_row, &indices_row, &indptr_row, &shape_row};
};

}  // namespace detail

template <Element S, int Options, Element Index>
struct ContainerTraits<Eigen::SparseMatrix<S, Options, Index>> {
  using Sparse = detail::EigenSparse<S, Options, Index>;
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::record, .role = Role::dict, .type_name = "SparseMatrix", .names = Sparse::names, .types = Sparse::parts};
    ops.children = [](void* object, void** out) { std::fill_n(out, Sparse::parts.size(), object); };
    return ops;
  }
};

}  // namespace orrery::inline v0
