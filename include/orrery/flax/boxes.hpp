// Small classes of Flax that stand in a state beside TrainState, field by field (spec/flax-legacy.md 5.3): boxes around one array, and what
// a training loop keeps. A box's metadata (names of axes, an nnx Variable's type) is no part of the tree.
#pragma once

#include <cstdint>

#include "orrery/fwd.hpp"

namespace orrery::inline v0::flax {

// A leaf of an nnx.State in an Orbax item: {"value": array}. nnx.to_pure_dict leaves the array alone.
template <class T>
struct Variable {
  T value{};
};
// The same as Flax 0.8 stored it.
template <class T>
struct RawVariable {
  T raw_value{};
};

// linen's boxes of parameters with names for their axes: nn.Partitioned, nn.LogicallyPartitioned, and the box around an nnx Variable.
template <class T>
struct Partitioned {
  T value{};
};
template <class T>
using LogicallyPartitioned = Partitioned<T>;

// flax.training.dynamic_scale, once a step was taken: 0-d arrays. Before that Python's numbers: DynamicScale<std::int64_t, double>.
template <class Steps = std::int32_t, class Scale = float>
struct DynamicScale {
  Steps fin_steps = 0;
  Scale scale = 65536;
};

// flax.training.early_stopping since Flax 0.8: Python's own numbers, but for what type the metric has.
template <class Metric = double>
struct EarlyStopping {
  double min_delta = 0;
  std::int64_t patience = 0;
  Metric best_metric{};
  std::int64_t patience_count = 0;
  bool should_stop = false;
  bool has_improved = false;
};

}  // namespace orrery::inline v0::flax
