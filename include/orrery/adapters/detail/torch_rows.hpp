// What the adapters of libtorch share: a tensor seen as a leaf, and rows of the table that only run time can make. Rows of equal content
// are one row, which stays: there are as many as there are different modules in the program, however many objects it makes of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/core/ivalue.h>  // first: clang refuses the others of libtorch 1.13 without it, as C++20
#include <ATen/core/Tensor.h>

#include "orrery/core/array_view.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail::torch_adapter {

// Known by name: which of these there are depends on the version of libtorch.
inline constexpr std::pair<std::string_view, DType> dtype_names[] = {
    {"Bool", DType::bool_},
    {"Byte", DType::uint8},
    {"Char", DType::int8},
    {"Short", DType::int16},
    {"Int", DType::int32},
    {"Long", DType::int64},
    {"UInt16", DType::uint16},
    {"UInt32", DType::uint32},
    {"UInt64", DType::uint64},
    {"Half", DType::float16},
    {"BFloat16", DType::bfloat16},
    {"Float", DType::float32},
    {"Double", DType::float64},
    {"ComplexFloat", DType::complex64},
    {"ComplexDouble", DType::complex128},
    {"Float8_e5m2", DType::float8_e5m2},
    {"Float8_e4m3fn", DType::float8_e4m3fn},
    {"Float8_e5m2fnuz", DType::float8_e5m2fnuz},
    {"Float8_e4m3fnuz", DType::float8_e4m3fnuz},
    {"Float8_e8m0fnu", DType::float8_e8m0fnu},
};
inline constexpr auto scalar_type_count = static_cast<std::size_t>(at::ScalarType::NumOptions);

// none for what is no dtype of NumPy and JAX: quantized types, ComplexHalf.
inline DType dtype_of(at::ScalarType type) {
  static const auto table = [] {
    std::array<DType, scalar_type_count> dtypes{};
    for (std::size_t i = 0; i < scalar_type_count; ++i)
      for (const auto& [name, dtype] : dtype_names)
        if (name == at::toString(static_cast<at::ScalarType>(i))) dtypes[i] = dtype;
    return dtypes;
  }();
  const auto index = static_cast<std::size_t>(type);
  return index < table.size() ? table[index] : DType::none;
}
// Nothing where this version of libtorch has no such dtype.
inline std::optional<at::ScalarType> scalar_type_of(DType dtype) {
  for (std::size_t i = 0; i < scalar_type_count && dtype != DType::none; ++i)
    if (dtype_of(static_cast<at::ScalarType>(i)) == dtype) return static_cast<at::ScalarType>(i);
  return std::nullopt;
}

inline Shape shape_of(at::IntArrayRef sizes) { return Shape(std::span<const Dim>(sizes.data(), sizes.size())); }

// --- a tensor as a leaf

// ArgumentError for a tensor whose elements are not a strided array in the CPU's memory; `what` opens the message: "weight of Linear".
inline void check_storable(const at::TensorImpl& tensor, const std::string& what) {
  const auto refuse = [&](const std::string& wanted, const std::string& found, const std::string& advice) {
    throw ArgumentError(what + " cannot be stored: expected " + wanted + ", found " + found + "; " + advice);
  };
  if (tensor.device().is_meta()) refuse("a tensor with elements", "one on the device meta", "give it memory first (at::empty_like)");
  if (!tensor.device().is_cpu())
    refuse("a tensor in the memory of the CPU", "one on " + tensor.device().str(),
           "save tensor.cpu(), and restore into a tensor on the CPU that is then handed to tensor.copy_()");
  if (tensor.layout() != at::kStrided || !tensor.has_storage()) {
    std::string layout = "another layout";
    if (tensor.layout() == at::kSparse) layout = "a sparse one";
    refuse("a strided tensor", layout, "save tensor.to_dense()");
  }
  if (const at::ScalarType type = c10::typeMetaToScalarType(tensor.dtype()); dtype_of(type) == DType::none)
    refuse("a dtype that NumPy or JAX has", at::toString(type),
           at::isQIntType(type) ? "save tensor.dequantize()" : "save the tensor in another dtype, as tensor.to(at::kComplexFloat)");
}

// Of a tensor whose conjugation or negation is put off, the elements are not its values.
inline bool is_lazy(const at::TensorImpl& tensor) { return tensor.is_conj() || tensor.is_neg(); }

// The elements where they lie; `address` is that of the at::TensorImpl, which stands for every handle of the tensor.
inline LeafView view_of(const at::TensorImpl& tensor) {
  const std::size_t item = tensor.itemsize();
  ArrayView view{dtype_of(c10::typeMetaToScalarType(tensor.dtype())), shape_of(tensor.sizes()), shape_of(tensor.strides()),
                 tensor.numel() ? tensor.data() : nullptr};
  for (Dim& stride : view.strides) stride *= static_cast<Dim>(item);
  return {.kind = LeafKind::array, .array = std::move(view)};
}

// The values, copied only where they are put off.
inline LeafView staged_view(const at::Tensor& tensor, TreeView& tree) {
  if (!is_lazy(*tensor.unsafeGetTensorImpl())) return view_of(*tensor.unsafeGetTensorImpl());
  const at::Tensor values = tensor.resolve_conj().resolve_neg().contiguous();
  const std::size_t size = values.nbytes();
  std::byte* to = tree.stage(size);
  if (size) std::memcpy(to, values.data_ptr(), size);
  return {.kind = LeafKind::array, .array = ArrayView::dense(dtype_of(values.scalar_type()), to, shape_of(values.sizes()))};
}

// Elements are about to be written where they lie: autograd must notice if it kept them for a backward pass, and a storage that is shared
// until somebody writes (since libtorch 2.1) must no longer be.
template <class Impl>
void begin_writing(Impl& tensor) {
  if constexpr (requires { tensor.mutable_data(); })
    if (tensor.numel()) static_cast<void>(tensor.mutable_data());
  if (!tensor.is_inference()) tensor.bump_version();
}

// --- rows by content

// The row of a tensor whose shape and dtype stay, as a module's parameters do. Its address is that of the at::TensorImpl.
inline const TypeOps& fixed_tensor_row(DType dtype, const Shape& shape) {
  struct Row {
    std::vector<Dim> extents{};
    TypeOps ops{};
  };
  static std::mutex mutex;
  static std::map<std::pair<DType, std::vector<Dim>>, Row> rows;
  const std::lock_guard lock(mutex);
  auto [at, is_new] = rows.try_emplace({dtype, {shape.begin(), shape.end()}});
  Row& row = at->second;
  if (is_new) {
    row.extents = at->first.second;
    row.ops = {.kind = TypeKind::leaf, .type_name = "torch::Tensor", .leaf = {.dtype = dtype, .extents = row.extents}};
    row.ops.view = [](const void* object) { return view_of(*static_cast<const at::TensorImpl*>(object)); };
    row.ops.resize = [](void* object, std::span<const Dim>) { begin_writing(*static_cast<at::TensorImpl*>(object)); };
  }
  return row.ops;
}
inline const TypeOps& fixed_tensor_row(const at::TensorImpl& tensor, const std::string& what) {
  check_storable(tensor, what);
  if (is_lazy(tensor))
    throw ArgumentError(what + " cannot be stored: its conjugation or negation is put off; resolve_conj() or resolve_neg() it");
  return fixed_tensor_row(dtype_of(c10::typeMetaToScalarType(tensor.dtype())), shape_of(tensor.sizes()));
}

// Named members of one object: their rows, and where they are.
struct Members {
  std::vector<std::string> names{};
  std::vector<const TypeOps*> types{};
  std::vector<void*> addresses{};

  void add(std::string name, const TypeOps& type, void* address) {
    names.push_back(std::move(name));
    types.push_back(&type);
    addresses.push_back(address);
  }
  void write(void** out) const { std::copy(addresses.begin(), addresses.end(), out); }
};

// The row of a class with those members; `children` writes their addresses again. Without members there is nothing to store.
inline const TypeOps& record_row(std::string_view type_name, const Members& members, void (*children)(void*, void**)) {
  struct Row {
    std::vector<std::string_view> names{};
    TypeOps ops{};
  };
  using Key = std::tuple<std::string, std::vector<std::string>, std::vector<const TypeOps*>, void (*)(void*, void**)>;
  static std::mutex mutex;
  static std::map<Key, Row> rows;
  const std::lock_guard lock(mutex);
  auto [at, is_new] = rows.try_emplace(Key(type_name, members.names, members.types, children));
  Row& row = at->second;
  if (is_new) {
    const auto& [type, names, types, function] = at->first;
    row.names.assign(names.begin(), names.end());
    row.ops = {.kind = names.empty() ? TypeKind::none : TypeKind::record, .type_name = type, .names = row.names, .types = types};
    row.ops.children = function;
  }
  return row.ops;
}

}  // namespace orrery::inline v0::detail::torch_adapter
