// The smallest, the mean and the largest element of an array, as NumPy has them: a NaN anywhere makes all three NaN.
#pragma once

#include <optional>

#include "orrery/core/array_view.hpp"

namespace orrery::tools {

struct Statistics {
  double min = 0;
  double mean = 0;
  double max = 0;
};

// Nothing for empty arrays, complex numbers and times. Elements pass through float64, so integers beyond 2^53 are rounded.
std::optional<Statistics> statistics_of(const ArrayView& view);

}  // namespace orrery::tools
