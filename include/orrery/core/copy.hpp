// Everything that moves elements from one array to another: copies of one dtype with any strides (strided_copy.hpp), conversions
// (cast.hpp, lossless.hpp), and putting bytes right in place (element_bits.hpp).
#pragma once

#include "orrery/core/cast.hpp"          // IWYU pragma: export
#include "orrery/core/element_bits.hpp"  // IWYU pragma: export
#include "orrery/core/lossless.hpp"      // IWYU pragma: export
#include "orrery/core/strided_copy.hpp"  // IWYU pragma: export
