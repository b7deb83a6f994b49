// Copies that convert elements, as TensorStore's cast and NumPy's astype do (spec/zarr.md 9). Dispatch is on the pair of dtypes
// once per call: elements are widened, converted and narrowed by blocks. What a conversion may lose: core/lossless.hpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "orrery/core/array_view.hpp"
#include "orrery/core/element_bits.hpp"
#include "orrery/core/loop_nest.hpp"
#include "orrery/core/narrow_float.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/strided_copy.hpp"

namespace orrery::inline v0 {

// Writes the elements of `from`, converted to to.dtype, to `to` (writable though a view says const, not overlapping `from`). Shapes must
// be equal. Float to integer truncates, saturates, and makes NaN zero; integer to integer wraps; to bool is "not zero"; to a narrower
// float rounds to nearest even (float64 reaches bfloat16 and float16 by way of float32, as in TensorStore); complex to real drops the
// imaginary part. Time types convert only to themselves and from or to int64 (ArgumentError).
template <OnUse = OnUse()>
void cast_copy(const ArrayView& from, const ArrayView& to);

namespace detail {

[[noreturn]] inline void throw_no_cast(DType from, DType to) {
  throw ArgumentError("there is no conversion from " + std::string(name(from)) + " to " + std::string(name(to)));
}

inline constexpr std::size_t cast_block = 256;

// What elements are widened to.
enum class Wide : std::uint8_t { signed_, unsigned_, single, double_ };

constexpr bool is_time(DType dtype) noexcept { return info(dtype).kind == DTypeKind::time; }
constexpr bool is_complex(DType dtype) noexcept { return info(dtype).kind == DTypeKind::complex; }

constexpr Wide wide_of(DType dtype) noexcept {
  switch (info(dtype).kind) {
    case DTypeKind::signed_integer:
    case DTypeKind::time: return Wide::signed_;
    case DTypeKind::floating: return dtype == DType::float64 ? Wide::double_ : Wide::single;
    default: return Wide::unsigned_;  // a complex number is widened to whether it is not zero: only casts to bool do that
  }
}

template <Wide W>
using WideType =
    std::conditional_t<W == Wide::signed_, std::int64_t,
                       std::conditional_t<W == Wide::unsigned_, std::uint64_t, std::conditional_t<W == Wide::single, float, double>>>;

template <class T>
T load_raw(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <std::size_t Size, bool Signed>
using IntOfSize =
    std::conditional_t<Size == 1, std::conditional_t<Signed, std::int8_t, std::uint8_t>,
                       std::conditional_t<Size == 2, std::conditional_t<Signed, std::int16_t, std::uint16_t>,
                                          std::conditional_t<Size == 4, std::conditional_t<Signed, std::int32_t, std::uint32_t>,
                                                             std::conditional_t<Signed, std::int64_t, std::uint64_t>>>>;

template <DType D>
WideType<wide_of(D)> load_element(const char* from) noexcept {
  constexpr DTypeInfo type = info(D);
  constexpr bool is_signed = wide_of(D) == Wide::signed_;
  if constexpr (D == DType::bool_)
    return load_raw<std::uint8_t>(from) != 0;
  else if constexpr (D == DType::complex64)
    return load_raw<float>(from) != 0 || load_raw<float>(from + 4) != 0;
  else if constexpr (D == DType::complex128)
    return load_raw<double>(from) != 0 || load_raw<double>(from + 8) != 0;
  else if constexpr (D == DType::float32)
    return load_raw<float>(from);
  else if constexpr (D == DType::float64)
    return load_raw<double>(from);
  else if constexpr (type.kind == DTypeKind::floating)
    return narrow_to_float<D>(load_raw<IntOfSize<type.size, false>>(from));
  else if constexpr (is_sub_byte(D)) {
    const std::uint8_t byte = normalized_byte(load_raw<std::uint8_t>(from), type.bits, is_signed);
    return static_cast<IntOfSize<1, is_signed>>(byte);
  } else
    return load_raw<IntOfSize<type.size, is_signed>>(from);
}

template <DType D>
void store_element(WideType<wide_of(D)> value, char* to) noexcept {
  constexpr DTypeInfo type = info(D);
  auto put = [to](auto element) { std::memcpy(to, &element, sizeof element); };
  if constexpr (D == DType::bool_)
    put(static_cast<std::uint8_t>(value != 0));
  else if constexpr (D == DType::float32 || D == DType::float64)
    put(value);
  else if constexpr (type.kind == DTypeKind::floating)
    put(static_cast<IntOfSize<type.size, false>>(narrow_from_float<D>(value)));
  else if constexpr (is_sub_byte(D))
    put(normalized_byte(static_cast<std::uint8_t>(value), type.bits, wide_of(D) == Wide::signed_));
  else
    put(static_cast<IntOfSize<type.size, wide_of(D) == Wide::signed_>>(value));
}

using LoadBlock = void (*)(const char* from, Dim step, std::size_t count, void* wide);
using StoreBlock = void (*)(const void* wide, std::size_t count, char* to, Dim step);

template <DType D>
void load_block(const char* from, Dim step, std::size_t count, void* wide) noexcept {
  constexpr Dim item = static_cast<Dim>(item_size(D));
  auto* out = static_cast<WideType<wide_of(D)>*>(wide);
  if (step == item)
    for (std::size_t i = 0; i < count; ++i) out[i] = load_element<D>(from + static_cast<Dim>(i) * item);
  else
    for (std::size_t i = 0; i < count; ++i, from += step) out[i] = load_element<D>(from);
}

template <DType D>
void store_block(const void* wide, std::size_t count, char* to, Dim step) noexcept {
  constexpr Dim item = static_cast<Dim>(item_size(D));
  const auto* in = static_cast<const WideType<wide_of(D)>*>(wide);
  if (step == item)
    for (std::size_t i = 0; i < count; ++i) store_element<D>(in[i], to + static_cast<Dim>(i) * item);
  else
    for (std::size_t i = 0; i < count; ++i, to += step) store_element<D>(in[i], to);
}

// Time types are int64; nothing is ever stored as a complex number, whose halves are cast one by one.
constexpr DType cast_storage(DType dtype) noexcept { return is_time(dtype) ? DType::int64 : dtype == DType::none ? DType::uint8 : dtype; }
constexpr DType store_storage(DType dtype) noexcept { return is_complex(dtype) ? DType::float32 : cast_storage(dtype); }

inline constexpr auto load_blocks = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array<LoadBlock, sizeof...(I)>{&load_block<cast_storage(static_cast<DType>(I))>...};
}(std::make_index_sequence<dtype_table.size()>());
inline constexpr auto store_blocks = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array<StoreBlock, sizeof...(I)>{&store_block<store_storage(static_cast<DType>(I))>...};
}(std::make_index_sequence<dtype_table.size()>());

// float64 to float32, to odd: the last bit stays set if anything was lost, so that rounding once more, to a type at least two bits
// narrower, gives what one rounding would have given.
inline float rounded_to_odd(double value) noexcept {
  float single = static_cast<float>(value);
  const double back = static_cast<double>(single);
  if (back == value || value != value) return single;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(single);
  const bool away = (back < 0 ? -back : back) > (value < 0 ? -value : value);
  if (away) --bits;  // towards zero; infinity becomes the largest value
  return std::bit_cast<float>(bits | 1u);
}

// An integer type as the range that casts to it saturate at.
struct IntRange {
  std::int64_t low = 0;
  std::uint64_t high = 0;
};
constexpr IntRange int_range(DType dtype) noexcept {
  const unsigned bits = info(dtype).bits;
  if (wide_of(dtype) == Wide::unsigned_) return {0, ~std::uint64_t{0} >> (64 - bits)};
  return {-static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1) - 1, (std::uint64_t{1} << (bits - 1)) - 1};
}

using ConvertBlock = void (*)(const void* in, std::size_t count, void* out, IntRange range);

template <class In, class Out>
void convert_block(const void* in, std::size_t count, void* out, IntRange range) noexcept {
  const auto* values = static_cast<const In*>(in);
  auto* results = static_cast<Out*>(out);
  if constexpr (std::is_integral_v<Out>) {
    const In low = static_cast<In>(range.low), high = static_cast<In>(range.high);
    for (std::size_t i = 0; i < count; ++i) {
      const In value = values[i];
      if (value >= high)
        results[i] = static_cast<Out>(range.high);  // `high` may have been rounded up, to a value out of range
      else if (value > low)
        results[i] = static_cast<Out>(value);
      else
        results[i] = value <= low ? static_cast<Out>(range.low) : Out{0};  // else NaN
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) results[i] = static_cast<Out>(values[i]);
  }
}

inline void convert_to_odd(const void* in, std::size_t count, void* out, IntRange) noexcept {
  for (std::size_t i = 0; i < count; ++i) static_cast<float*>(out)[i] = rounded_to_odd(static_cast<const double*>(in)[i]);
}

template <class In>
void convert_to_bool(const void* in, std::size_t count, void* out, IntRange) noexcept {
  for (std::size_t i = 0; i < count; ++i) static_cast<std::uint64_t*>(out)[i] = static_cast<const In*>(in)[i] != 0;
}

// What leads from the wide form of one dtype to that of another; null where the bits are already right.
template <OnUse = OnUse()>
inline ConvertBlock converter(DType from, DType to) noexcept {
  const Wide in = wide_of(from), out = wide_of(to);
  const bool in_is_float = in == Wide::single || in == Wide::double_;
  if (out == Wide::single) {
    if (in == Wide::signed_) return &convert_block<std::int64_t, float>;
    if (in == Wide::unsigned_) return &convert_block<std::uint64_t, float>;
    if (in == Wide::single) return nullptr;
    return item_size(to) == 1 ? &convert_to_odd : &convert_block<double, float>;
  }
  if (out == Wide::double_) {
    if (in == Wide::signed_) return &convert_block<std::int64_t, double>;
    if (in == Wide::unsigned_) return &convert_block<std::uint64_t, double>;
    return in == Wide::single ? &convert_block<float, double> : nullptr;
  }
  if (!in_is_float) return nullptr;
  if (to == DType::bool_) return in == Wide::single ? &convert_to_bool<float> : &convert_to_bool<double>;
  if (out == Wide::signed_) return in == Wide::single ? &convert_block<float, std::int64_t> : &convert_block<double, std::int64_t>;
  return in == Wide::single ? &convert_block<float, std::uint64_t> : &convert_block<double, std::uint64_t>;
}

template <OnUse = OnUse()>
inline void cast_reals(const ArrayView& from, const ArrayView& to) {
  const LoopNest nest = make_loop_nest(from, to);
  if (nest.empty) return;
  const LoadBlock load = load_blocks[static_cast<std::size_t>(from.dtype)];
  const StoreBlock store = store_blocks[static_cast<std::size_t>(to.dtype)];
  const ConvertBlock convert = converter(from.dtype, to.dtype);
  const IntRange range = int_range(to.dtype);
  alignas(64) std::byte loaded[cast_block * 8];
  alignas(64) std::byte converted[cast_block * 8];
  auto run = [&](const char* source, Dim source_step, char* target, Dim target_step, std::size_t count) {
    load(source, source_step, count, loaded);
    if (convert) convert(loaded, count, converted, range);
    store(convert ? converted : loaded, count, target, target_step);
  };
  if (nest.rank() == 0) return run(nest.from, 0, nest.to, 0, 1);
  // A source finer along another dimension is walked along that one between blocks, while its cache lines are at hand.
  const std::size_t last = nest.last(), finest = nest.finest_source();
  const Dim source_step = nest.from_steps[last], target_step = nest.to_steps[last], extent = nest.extents[last];
  const Dim rows = finest == last ? 1 : nest.extents[finest];
  constexpr Dim block = static_cast<Dim>(cast_block);
  for_each_outer(nest, finest, last, [&](const char* source, char* target) {
    for (Dim at = 0; at < extent; at += block) {
      const std::size_t count = static_cast<std::size_t>(extent - at < block ? extent - at : block);
      for (Dim row = 0; row < rows; ++row)
        run(source + at * source_step + row * nest.from_steps[finest], source_step, target + at * target_step + row * nest.to_steps[finest],
            target_step, count);
    }
  });
}

// One half of the elements of a complex array.
inline ArrayView half_of(const ArrayView& complex, std::size_t half) {
  ArrayView view = complex;
  view.dtype = complex.dtype == DType::complex64 ? DType::float32 : DType::float64;
  view.data = static_cast<const char*>(complex.data) + half * view.item_size();
  return view;
}

}  // namespace detail

template <OnUse>
void cast_copy(const ArrayView& from, const ArrayView& to) {
  if (from.dtype == to.dtype) return copy(from, to);
  const bool time = detail::is_time(from.dtype) || detail::is_time(to.dtype);
  if (from.dtype == DType::none || to.dtype == DType::none || (time && from.dtype != DType::int64 && to.dtype != DType::int64))
    detail::throw_no_cast(from.dtype, to.dtype);
  if (detail::is_complex(to.dtype)) {
    cast_copy(detail::is_complex(from.dtype) ? detail::half_of(from, 0) : from, detail::half_of(to, 0));
    constexpr double zero = 0;  // all bits are zero, so it will do for float32, too
    const ArrayView imaginary = detail::half_of(to, 1);
    if (detail::is_complex(from.dtype))
      cast_copy(detail::half_of(from, 1), imaginary);
    else
      copy(ArrayView{imaginary.dtype, to.shape, Shape::zeros(to.rank()), &zero}, imaginary);
  } else if (detail::is_complex(from.dtype) && to.dtype != DType::bool_) {
    cast_copy(detail::half_of(from, 0), to);
  } else {
    detail::cast_reals(from, to);
  }
}

ORRERY_ONCE(void cast_copy<>(const ArrayView&, const ArrayView&));

}  // namespace orrery::inline v0
