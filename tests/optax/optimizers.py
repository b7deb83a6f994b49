"""The optimizers whose states cases.hpp mirrors: a name, what makes the transformation, and in which eras its state has that layout.

The parameters are one Dense layer. A state is what a few steps with the same gradients everywhere leave behind.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

from states import EVERY, Case

SINCE_2024, SINCE_2025, NEWEST, UNTIL_2025 = EVERY[1:], EVERY[2:], EVERY[3:], EVERY[:3]
STEPS = 3


def params():
    return {"dense": {"bias": jnp.asarray([0.5, -1.25, 2.0]), "kernel": jnp.asarray([[0.25, -0.5, 1.0], [1.5, 0.125, -2.0]])}}


def gradients(step):
    rng = np.random.RandomState(step)
    return {"dense": {"bias": jnp.asarray(rng.randn(3), jnp.float32), "kernel": jnp.asarray(rng.randn(2, 3), jnp.float32)}}


def loss(tree):
    return sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree_util.tree_leaves(tree))


class Optimizer(Case):
    """`extra` are further arguments of update; `fresh` says that a state before the first step can be the target of a restore."""

    def __init__(self, make, eras=EVERY, extra=lambda params, updates: {}, params_of=params, gradients_of=gradients, **options):
        super().__init__(eras, **options)
        self.make, self.extra, self.params, self.gradients = make, extra, params_of, gradients_of

    def fresh(self):
        return self.make().init(self.params())

    def value(self):
        transformation, values = self.make(), self.params()
        state = transformation.init(values)
        for step in range(STEPS):
            updates = self.gradients(step)
            updates, state = transformation.update(updates, state, values, **self.extra(values, updates))
            values = optax.apply_updates(values, updates)
        return state


def schedule():
    return optax.cosine_decay_schedule(0.1, 10)


def kernels(tree):
    """True for kernels alone: the mask of weight decay."""
    return jax.tree_util.tree_map(lambda leaf: leaf.ndim > 1, tree)


def labels(tree):
    return jax.tree_util.tree_map(lambda leaf: "matrices" if leaf.ndim > 1 else "others", tree)


def value(values, _):
    return {"value": loss(values)}


def line_search(values, updates):
    return {"value": loss(values), "grad": updates, "value_fn": loss}


def backtracking():
    return optax.lbfgs(memory_size=2, linesearch=optax.scale_by_backtracking_linesearch(5, store_grad=True))


def sharpness_aware():
    return contrib.sam(optax.sgd(0.1), optax.chain(contrib.normalize(), optax.sgd(0.05)))


def lookahead():
    return optax.lookahead(optax.sgd(0.1, momentum=0.9), 2, 0.5)


def per_example(step):
    return jax.tree_util.tree_map(lambda leaf: jnp.stack([leaf, 2 * leaf]), gradients(step))


def aggregating():
    from optax.experimental import aggregating as module  # pylint: disable=import-outside-toplevel
    return module


def only_kernel(tree):
    return {"dense": {"kernel": tree["dense"]["kernel"]}}


def moments(_, updates):
    return {"sum_sq_diff_grads": jax.tree_util.tree_map(jnp.square, updates), "sample_size": 4}


def complex_params():
    return {"z": jnp.asarray([1 + 2j, 3 - 1j], jnp.complex64)}


def complex_gradients(step):
    return {"z": jnp.asarray([1 + step, 2j - step], jnp.complex64)}


def fast_and_slow():
    return optax.LookaheadParams.init_synced(params())


def named():
    return optax.named_chain(("clip", optax.clip(0.5)), ("adam", optax.scale_by_adam()), ("lr", optax.scale(-0.1)))


def small(step, *_):
    return step % 2 == 0


CASES = {
    # optimizers
    "sgd": Optimizer(lambda: optax.sgd(0.1)),
    "sgd_momentum": Optimizer(lambda: optax.sgd(0.1, momentum=0.9)),
    "sgd_nesterov": Optimizer(lambda: optax.sgd(0.1, momentum=0.9, nesterov=True)),
    "sgd_scheduled": Optimizer(lambda: optax.sgd(schedule())),
    "adam": Optimizer(lambda: optax.adam(0.1)),
    "adam_dict": Optimizer(lambda: optax.adam(0.1)),
    "adam_scheduled": Optimizer(lambda: optax.adam(schedule())),
    "adam_bfloat16": Optimizer(lambda: optax.adam(0.1, mu_dtype=jnp.bfloat16)),
    "adamw": Optimizer(lambda: optax.adamw(0.1)),
    "adamw_scheduled": Optimizer(lambda: optax.adamw(schedule())),
    "adamw_masked": Optimizer(lambda: optax.adamw(0.1, mask=kernels)),
    "adamw_scheduled_masked": Optimizer(lambda: optax.adamw(schedule(), mask=kernels)),
    "adamax": Optimizer(lambda: optax.adamax(0.1)),
    "adamaxw": Optimizer(lambda: optax.adamaxw(0.1)),
    "nadam": Optimizer(lambda: optax.nadam(0.1), SINCE_2024),
    "nadamw": Optimizer(lambda: optax.nadamw(0.1), SINCE_2024),
    "amsgrad": Optimizer(lambda: optax.amsgrad(0.1)),
    "adabelief": Optimizer(lambda: optax.adabelief(0.1)),
    "adadelta": Optimizer(lambda: optax.adadelta(0.1), SINCE_2024),
    "adafactor": Optimizer(lambda: optax.adafactor(0.1, min_dim_size_to_factor=2)),
    "adafactor_momentum": Optimizer(lambda: optax.adafactor(schedule(), min_dim_size_to_factor=2, momentum=0.9, weight_decay_rate=0.01)),
    "adafactor_plain": Optimizer(lambda: optax.adafactor(None, multiply_by_parameter_scale=False, clipping_threshold=None)),
    "adagrad": Optimizer(lambda: optax.adagrad(0.1)),
    "adan": Optimizer(lambda: optax.adan(0.1), SINCE_2025),
    "fromage": Optimizer(lambda: optax.fromage(0.1)),
    "lamb": Optimizer(lambda: optax.lamb(0.1)),
    "lars": Optimizer(lambda: optax.lars(0.1)),
    "lars_masked": Optimizer(lambda: optax.lars(0.1, weight_decay_mask=kernels, trust_ratio_mask=kernels)),
    "lbfgs": Optimizer(lambda: optax.lbfgs(memory_size=2), SINCE_2024, line_search),
    "lbfgs_backtracking": Optimizer(backtracking, SINCE_2025, line_search),
    "lbfgs_first_backtracking": Optimizer(backtracking, EVERY[1:2], line_search),
    "lion": Optimizer(lambda: optax.lion(0.1)),
    "noisy_sgd": Optimizer(lambda: optax.noisy_sgd(0.1), UNTIL_2025),
    "noisy_sgd_typed_key": Optimizer(lambda: optax.noisy_sgd(0.1), NEWEST, layouts=("orbax",)),
    "novograd": Optimizer(lambda: optax.novograd(0.1), target="value"),
    "optimistic_adam": Optimizer(lambda: optax.optimistic_adam(0.1, 0.1), SINCE_2025),
    "optimistic_gradient_descent": Optimizer(lambda: optax.optimistic_gradient_descent(0.1), SINCE_2025),
    "optimistic_gradient_descent_trace": Optimizer(lambda: optax.optimistic_gradient_descent(0.1), EVERY[:2]),
    "polyak_sgd": Optimizer(lambda: optax.polyak_sgd(), SINCE_2024, value),
    "radam": Optimizer(lambda: optax.radam(0.1)),
    "rmsprop": Optimizer(lambda: optax.rmsprop(0.1)),
    "rmsprop_momentum": Optimizer(lambda: optax.rmsprop(0.1, momentum=0.9)),
    "rmsprop_centered": Optimizer(lambda: optax.rmsprop(0.1, centered=True)),
    "rmsprop_corrected": Optimizer(lambda: optax.rmsprop(0.1, bias_correction=True), SINCE_2025),
    "rmsprop_centered_corrected": Optimizer(lambda: optax.rmsprop(0.1, centered=True, bias_correction=True), SINCE_2025),
    "rprop": Optimizer(lambda: optax.rprop(0.1), SINCE_2024),
    "sign_sgd": Optimizer(lambda: optax.sign_sgd(0.1), SINCE_2025),
    "signum": Optimizer(lambda: optax.signum(0.1), NEWEST),
    "sm3": Optimizer(lambda: optax.sm3(0.1)),
    "yogi": Optimizer(lambda: optax.yogi(0.1)),
    # transformations
    "clip": Optimizer(lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.clip(0.5), optax.adam(0.1))),
    "named_chain": Optimizer(named, EVERY[1:3]),
    "named_chain_ordered": Optimizer(named, NEWEST, layouts=("orbax",)),
    "add_noise": Optimizer(lambda: optax.add_noise(0.1, 0.5, 7), UNTIL_2025),
    "add_noise_typed_key": Optimizer(lambda: optax.add_noise(0.1, 0.5, 7), NEWEST, layouts=("orbax",)),
    "apply_every": Optimizer(lambda: optax.apply_every(2)),
    "ema": Optimizer(lambda: optax.ema(0.9)),
    "trace": Optimizer(lambda: optax.trace(0.9)),
    "zero_nans": Optimizer(lambda: optax.zero_nans()),
    "distance_over_gradients": Optimizer(lambda: optax.scale_by_distance_over_gradients(), SINCE_2024),
    "decay_schedule": Optimizer(lambda: optax.add_decayed_weights(schedule()), NEWEST),
    # wrappers
    "masked": Optimizer(lambda: optax.masked(optax.adam(0.1), kernels)),
    "multi_transform": Optimizer(lambda: optax.multi_transform({"matrices": optax.adam(0.1), "others": optax.sgd(0.1)}, labels)),
    "multi_transform_alike": Optimizer(lambda: optax.multi_transform({"matrices": optax.adam(0.1), "others": optax.adam(0.01)}, labels)),
    "inject_hyperparams": Optimizer(lambda: optax.inject_hyperparams(optax.adam)(0.1), SINCE_2024),
    "inject_hyperparams_scheduled": Optimizer(lambda: optax.inject_hyperparams(optax.sgd)(schedule(), momentum=0.9), SINCE_2024),
    "inject_hyperparams_scheduled_stateless": Optimizer(lambda: optax.inject_hyperparams(optax.sgd)(schedule(), momentum=0.9), EVERY[:1]),
    "inject_hyperparams_stateless": Optimizer(lambda: optax.inject_hyperparams(optax.adam)(0.1), EVERY[:1]),
    "multi_steps": Optimizer(lambda: optax.MultiSteps(optax.adam(0.1), 2)),
    "multi_steps_skipping": Optimizer(lambda: optax.MultiSteps(optax.sgd(0.1), 2, should_skip_update_fn=optax.skip_not_finite)),
    "multi_steps_skipping_large": Optimizer(
        lambda: optax.MultiSteps(optax.sgd(0.1), 2, should_skip_update_fn=lambda *a: optax.skip_large_updates(*a, max_squared_norm=10.0))),
    "apply_if_finite": Optimizer(lambda: optax.apply_if_finite(optax.adam(0.1), 3)),
    "conditionally_transform": Optimizer(lambda: optax.conditionally_transform(optax.adam(0.1), small), SINCE_2024),
    "conditionally_mask": Optimizer(lambda: optax.conditionally_mask(optax.adam(0.1), small), SINCE_2024),
    "maybe_update": Optimizer(lambda: optax.maybe_update(optax.adam(0.1), small), UNTIL_2025),
    "lookahead": Optimizer(lookahead, params_of=fast_and_slow),
    "flatten": Optimizer(lambda: optax.flatten(optax.adam(0.1))),
    "snapshot": Optimizer(lambda: optax.snapshot("norm", optax.global_norm), NEWEST),
    "monitor": Optimizer(lambda: optax.monitor({"norm": optax.global_norm, "ema": optax.measure_with_ema(optax.global_norm, 0.9)}), NEWEST, target="value"),
    "accumulate_avg_updates": Optimizer(lambda: aggregating().accumulate_avg_updates(2), NEWEST),
    "mean_and_variance_ema": Optimizer(lambda: aggregating().track_per_element_mean_and_variance_with_ema(), NEWEST, moments),
    # contrib
    "acprop": Optimizer(lambda: contrib.acprop(0.1), SINCE_2024),
    "ademamix": Optimizer(lambda: contrib.ademamix(0.1), NEWEST),
    "simplified_ademamix": Optimizer(lambda: contrib.simplified_ademamix(0.1), NEWEST),
    "adopt": Optimizer(lambda: contrib.adopt(0.1), NEWEST),
    "cocob": Optimizer(lambda: contrib.cocob(), SINCE_2024),
    "dadapt_adamw": Optimizer(lambda: contrib.dadapt_adamw(), SINCE_2024),
    "dog": Optimizer(lambda: contrib.dog(1.0), NEWEST),
    "dog_first_step": Optimizer(lambda: contrib.dog(1.0), EVERY[1:3]),
    "dowg": Optimizer(lambda: contrib.dowg(1.0), SINCE_2024),
    "dpsgd": Optimizer(lambda: contrib.dpsgd(0.1, 1.0, 0.1, 7), EVERY[1:3], gradients_of=per_example),
    "dpsgd_typed_key": Optimizer(lambda: contrib.dpsgd(0.1, 1.0, 0.1, 7), NEWEST, gradients_of=per_example, layouts=("orbax",)),
    "galore": Optimizer(lambda: contrib.galore(0.1, rank=1), NEWEST, layouts=("flax",)),  # Orbax saves no empty arrays
    "galore_kernel": Optimizer(lambda: contrib.galore(0.1, rank=1), NEWEST, params_of=lambda: only_kernel(params()),
                               gradients_of=lambda step: only_kernel(gradients(step))),
    "madgrad": Optimizer(lambda: contrib.madgrad(0.1), NEWEST),
    "mechanize": Optimizer(lambda: contrib.mechanize(optax.sgd(0.1))),
    "momo": Optimizer(lambda: contrib.momo(0.1), SINCE_2024, value),
    "momo_adam": Optimizer(lambda: contrib.momo_adam(0.1), SINCE_2024, value),
    "muon": Optimizer(lambda: contrib.muon(0.1), NEWEST),
    "prodigy": Optimizer(lambda: contrib.prodigy(), SINCE_2024),
    "reduce_on_plateau": Optimizer(lambda: optax.chain(optax.adam(0.1), contrib.reduce_on_plateau()), SINCE_2024, value),
    "sam": Optimizer(sharpness_aware, NEWEST),
    "sam_dataclass": Optimizer(sharpness_aware, EVERY[1:3], layouts=("orbax",)),
    "schedule_free": Optimizer(lambda: contrib.schedule_free(optax.adam(0.1), 0.1), SINCE_2025),
    "schedule_free_vector": Optimizer(lambda: contrib.schedule_free(optax.adam(0.1), 0.1), EVERY[1:2]),
    "schedule_free_adamw": Optimizer(lambda: contrib.schedule_free_adamw(0.1), SINCE_2025),
    "schedule_free_sgd": Optimizer(lambda: contrib.schedule_free_sgd(0.1), SINCE_2025),
    "sophia": Optimizer(lambda: contrib.sophia(0.1), NEWEST, lambda *_: {"obj_fn": loss}),
    "split_real_and_imaginary": Optimizer(lambda: contrib.split_real_and_imaginary(optax.scale_by_adam()), SINCE_2024, params_of=complex_params,
                                     gradients_of=complex_gradients),
}
