// The states of optax.contrib. `Scalar` is the dtype of the parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/optax/flag.hpp"
#include "orrery/optax/transforms.hpp"

namespace orrery::inline v0::optax::contrib {

template <class Params>
struct ScaleByAdemamixState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  std::int32_t count_m2 = 0;
  Params m1{};
  Params m2{};
  Params nu{};
};

template <class Params>
struct ScaleBySimplifiedAdEMAMixState {
  using orrery_namedtuple = void;
  std::int32_t t = 0;
  Params m{};
  Params n{};
};

template <class Params>
struct COCOBState {
  using orrery_namedtuple = void;
  Params init_particles{};
  Params cumulative_gradients{};
  Params scale{};
  Params subgradients{};
  Params reward{};
};

template <class Params, class Scalar = float>
struct DAdaptAdamWState {
  using orrery_namedtuple = void;
  Params exp_avg{};
  Params exp_avg_sq{};
  Params grad_sum{};
  Scalar estim_lr{};
  Scalar numerator_weighted{};
  std::int32_t count = 0;
};

template <class Params, class Scalar = float>
struct ProdigyState {
  using orrery_namedtuple = void;
  Params exp_avg{};
  Params exp_avg_sq{};
  Params grad_sum{};
  Params params0{};
  Scalar estim_lr{};
  Scalar numerator_weighted{};
  std::int32_t count = 0;
};

// optax up to 0.2.4 has two other names in it: FirstDoGState.
template <class Params, class Scalar = float>
struct DoGState {
  using orrery_namedtuple = void;
  Flag is_init_step = true;
  Params init_params{};
  Scalar max_dist{};
  Scalar sum_sq_norm_grads{};
};
template <class Params, class Scalar = float>
struct FirstDoGState {
  using orrery_namedtuple = void;
  Flag first_step = true;
  Params init_params{};
  Scalar estim_dist{};
  Scalar sum_sq_norm_grads{};
};
template <class Params, class Scalar = float>
struct DoWGState {
  using orrery_namedtuple = void;
  Params init_params{};
  Scalar weighted_sq_norm_grads{};
  Scalar estim_sq_dist{};
};

// dpsgd. Key as in AddNoiseState.
template <class Key = PrngKey>
struct DifferentiallyPrivateAggregateState {
  using orrery_namedtuple = void;
  Key rng_key{};
};

// `Projected` is the state of the base optimizer over the small gradients, `Projectors` mirrors the parameters.
template <class Projected, class Projectors>
struct GaLoreState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Projected base_optimizer_state{};
  Projectors projector{};
};

template <class Params>
struct MadgradState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params grad_sum_sq{};
  Params s{};
  Params x0{};
};

// mechanize: vectors of num_betas elements.
template <class Params, class Base, class Scalar = float>
struct MechanicState {
  using orrery_namedtuple = void;
  Base base_optimizer_state{};
  std::int32_t count = 0;
  std::vector<Scalar> r{};
  std::vector<Scalar> m{};
  std::vector<Scalar> v{};
  std::vector<Scalar> s{};
  Params x0{};
};

template <class Params, class Scalar = float>
struct MomoState {
  using orrery_namedtuple = void;
  Params exp_avg{};
  Scalar barf{};
  Scalar gamma{};
  Scalar lb{};
  std::int32_t count = 0;
};
template <class Params, class Scalar = float>
struct MomoAdamState {
  using orrery_namedtuple = void;
  Params exp_avg{};
  Params exp_avg_sq{};
  Scalar barf{};
  Scalar gamma{};
  Scalar lb{};
  std::int32_t count = 0;
};

// `ns_coeffs` has the shape (3,), or (steps, 3) where every step has its own.
template <class Params>
struct MuonState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
  Array<float> ns_coeffs{};
};

template <class Scalar = float>
struct ReduceLROnPlateauState {
  using orrery_namedtuple = void;
  Scalar scale{};
  Scalar best_value{};
  std::int32_t plateau_count = 0;
  std::int32_t cooldown_count = 0;
  std::int32_t count = 0;
  Scalar avg_value{};
};

// `Cache` is the parameters' mirror, std::monostate in opaque mode. In Python a dataclass up to optax 0.2.4.
template <class State, class Adversary, class Cache>
struct SAMState {
  using orrery_namedtuple = void;
  std::int32_t steps_since_sync = 0;
  State opt_state{};
  Adversary adv_state{};
  Cache cache{};
};

// `Beta` is a number, std::array<float, 1> in optax 0.2.3.
template <class Params, class Base, class Beta = float, class Scalar = float>
struct ScheduleFreeState {
  using orrery_namedtuple = void;
  Beta b1{};
  Scalar weight_sum{};
  std::int32_t step_count = 0;
  Scalar max_lr{};
  Base base_optimizer_state{};
  Params z{};
};

template <class Key = RawKey>
struct HutchinsonState {
  using orrery_namedtuple = void;
  Key key{};
};
template <class Params, class HessianState = HutchinsonState<>>
struct SophiaState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
  Params nu{};
  HessianState hessian_fn_state{};
};

// Where a parameter is complex, its mirrors in `Inner` are SplitRealAndImaginaryArrays.
template <class Inner>
struct SplitRealAndImaginaryState {
  using orrery_namedtuple = void;
  Inner inner_state{};
};
template <class Real>
struct SplitRealAndImaginaryArrays {
  using orrery_namedtuple = void;
  Real real{};
  Real imaginary{};
};

}  // namespace orrery::inline v0::optax::contrib
