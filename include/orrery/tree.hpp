// Trees, arrays, what changes them on restore and what a restore reports: Tree, Array, ArrayView, DType, KeyPath, visit, Transforms,
// apply_transformations.
#pragma once

#include "orrery/core/array.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/reflect/visit.hpp"
#include "orrery/restore/apply_transformations.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/restore/restore_args.hpp"
#include "orrery/restore/transforms.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/print.hpp"
#include "orrery/tree/prng_key.hpp"
#include "orrery/tree/tree.hpp"
