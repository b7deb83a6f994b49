// The states of optax's gradient transformations as structs (spec/flax-legacy.md 6), one header a theme; optimizers.hpp composes them.
#pragma once

#include "orrery/optax/contrib.hpp"       // IWYU pragma: export
#include "orrery/optax/experimental.hpp"  // IWYU pragma: export
#include "orrery/optax/flag.hpp"          // IWYU pragma: export
#include "orrery/optax/line_search.hpp"   // IWYU pragma: export
#include "orrery/optax/optimizers.hpp"    // IWYU pragma: export
#include "orrery/optax/scale_by.hpp"      // IWYU pragma: export
#include "orrery/optax/transforms.hpp"    // IWYU pragma: export
#include "orrery/optax/wrappers.hpp"      // IWYU pragma: export
