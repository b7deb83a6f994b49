#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "orrery/core/copy.hpp"

namespace orrery::tools {

std::optional<Statistics> statistics_of(const ArrayView& view) {
  const DTypeKind kind = info(view.dtype).kind;
  const std::size_t total = view.size();
  if (total == 0 || kind == DTypeKind::complex || kind == DTypeKind::time || kind == DTypeKind::none) return std::nullopt;
  constexpr std::size_t block = std::size_t{1} << 16;
  const std::size_t step = std::min(block, total);
  std::vector<std::byte> elements(step * view.item_size());
  std::vector<double> wide(step);
  Statistics result{std::numeric_limits<double>::infinity(), 0, -std::numeric_limits<double>::infinity()};
  bool nan = false;
  for (std::size_t first = 0; first < total; first += step) {
    const std::size_t count = std::min(step, total - first);
    const Shape shape{static_cast<Dim>(count)};
    copy_c_order_range(view, first, count, elements.data());
    cast_copy(ArrayView::dense(view.dtype, elements.data(), shape), ArrayView::dense(DType::float64, wide.data(), shape));
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      nan |= std::isnan(wide[i]);
      result.min = std::min(result.min, wide[i]);
      result.max = std::max(result.max, wide[i]);
      sum += wide[i];
    }
    result.mean += sum / static_cast<double>(total);
  }
  if (nan) result.min = result.mean = result.max = std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace orrery::tools
