// The states of L-BFGS and of the line searches that end its chain. `Scalar` is the dtype of the parameters.
#pragma once

#include <cstdint>
#include <vector>

namespace orrery::inline v0::optax {

// `Memory` mirrors the parameters with one dimension more in front, the memory's size.
template <class Params, class Memory = Params, class Scalar = float>
struct ScaleByLBFGSState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params params{};
  Params updates{};
  Memory diff_params_memory{};
  Memory diff_updates_memory{};
  std::vector<Scalar> weights_memory{};
};

template <class Scalar = float>
struct ZoomLinesearchInfo {
  using orrery_namedtuple = void;
  std::int32_t num_linesearch_steps = 0;
  Scalar decrease_error{};
  Scalar curvature_error{};
};
template <class Params, class Scalar = float>
struct ScaleByZoomLinesearchState {
  using orrery_namedtuple = void;
  Scalar learning_rate{};
  Scalar value{};
  Params grad{};
  ZoomLinesearchInfo<Scalar> info{};
};

template <class Scalar = float>
struct BacktrackingLinesearchInfo {
  using orrery_namedtuple = void;
  std::int32_t num_linesearch_steps = 0;
  Scalar decrease_error{};
};
// `Grad` is the parameters' mirror with store_grad, std::monostate without. optax 0.2.3 has no `info`: FirstBacktrackingLinesearchState.
template <class Grad, class Scalar = float>
struct ScaleByBacktrackingLinesearchState {
  using orrery_namedtuple = void;
  Scalar learning_rate{};
  Scalar value{};
  Grad grad{};
  BacktrackingLinesearchInfo<Scalar> info{};
};
template <class Grad, class Scalar = float>
struct FirstBacktrackingLinesearchState {
  using orrery_namedtuple = void;
  Scalar learning_rate{};
  Scalar value{};
  Grad grad{};
};

}  // namespace orrery::inline v0::optax
