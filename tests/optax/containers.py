"""Containers of Flax: linen's collections, a TrainState with batch statistics, FrozenDict, dataclasses, boxes, and the states of nnx."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from flax.training import dynamic_scale, early_stopping, train_state

from states import EVERY, Case

try:
    from flax import nnx
except ImportError:
    nnx = None


class Made(Case):
    """make(seed): the state of seed 1 is saved, that of seed 0 is a target."""

    def __init__(self, make, eras=EVERY, **options):
        super().__init__(eras, **options)
        self.make = make

    def fresh(self):
        return self.make(0)

    def value(self):
        return self.make(1)


# ----------------------------------------------------------------- linen

class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=True)(nn.Dense(3)(x))


class NormedState(train_state.TrainState):
    batch_stats: Any




MODEL, ADAM = Net(), optax.adam(0.1)
APPLY = MODEL.apply


def variables(seed):
    return MODEL.init(jax.random.PRNGKey(seed), jnp.ones((1, 2)))


def with_statistics(seed):
    made = variables(seed)
    state = NormedState.create(apply_fn=APPLY, params=made["params"], tx=ADAM, batch_stats=made["batch_stats"])
    return state.apply_gradients(grads=jax.tree_util.tree_map(lambda leaf: 0.5 * leaf + 1, state.params))


def frozen(seed):
    return flax.core.freeze(jax.tree_util.tree_map(lambda leaf: leaf + 1, variables(seed)))


def frozen_state(seed):
    state = train_state.TrainState.create(apply_fn=APPLY, params=frozen(seed)["params"], tx=ADAM)
    return state.apply_gradients(grads=jax.tree_util.tree_map(lambda leaf: 0.5 * leaf + 1, state.params))


def fast_and_slow(seed):
    return optax.LookaheadParams(*[{"dense": {"bias": jnp.zeros(3) + seed, "kernel": jnp.ones((2, 3)) * at}} for at in (seed, seed + 1)])


def boxed(seed):
    kernel = jax.random.normal(jax.random.PRNGKey(seed), (2, 3))
    return {"bias": jnp.zeros(3) + seed, "kernel": nn.Partitioned(kernel, names=("in", "out"))}


# ----------------------------------------------------------------- dataclasses

@struct.dataclass
class Metrics:
    loss: jax.Array
    accuracy: jax.Array
    name: str = struct.field(pytree_node=False, default="run")


class Experiment(struct.PyTreeNode):
    metrics: Metrics
    rng: jax.Array
    history: Any
    best: Any = None


class LongExperiment(Experiment):
    epoch: int = 0


def metrics(seed):
    return Metrics(loss=jnp.float32(seed + 0.25), accuracy=jnp.float32(0.75 * seed))


def experiment(seed):
    return Experiment(metrics=metrics(seed), rng=jax.random.PRNGKey(seed), history=(metrics(seed + 1), metrics(seed + 2)))


def long_experiment(seed):
    return LongExperiment(metrics=metrics(seed), rng=jax.random.PRNGKey(seed), history=(metrics(seed + 1), metrics(seed + 2)),
                          best=jnp.arange(3.0) + seed, epoch=4 + seed)


def scale(seed):
    return dynamic_scale.DynamicScale(fin_steps=jnp.int32(3 + seed), scale=jnp.float32(131072.0 + seed))


def stopping(seed):
    return early_stopping.EarlyStopping(min_delta=0.125, patience=2).update(1.5 + seed).update(1.5 + seed)


# ----------------------------------------------------------------- nnx

def model(seed):
    class Model(nnx.Module):
        def __init__(self, rngs):
            layers = [nnx.Linear(2, 2, rngs=rngs), nnx.Linear(2, 2, rngs=rngs)]
            self.layers = nnx.List(layers) if hasattr(nnx, "List") else layers
            self.linear = nnx.Linear(3, 2, rngs=rngs)
            self.norm = nnx.BatchNorm(2, rngs=rngs)
    return Model(nnx.Rngs(seed))


def nnx_state(seed):
    return nnx.state(model(seed))


def dropout(seed):
    return nnx.state(nnx.Dropout(0.5, rngs=nnx.Rngs(seed)))


def nnx_optimizer(seed):
    return nnx.state(nnx.Optimizer(model(seed), optax.adam(0.1), wrt=nnx.Param))


CASES = {
    "train_state": Made(with_statistics),
    "variables": Made(variables),
    "frozen_dict": Made(frozen),
    "frozen_train_state": Made(frozen_state),
    "lookahead_params": Made(fast_and_slow),
    "partitioned": Made(boxed),
    "dataclass": Made(experiment),
    "derived_dataclass": Made(long_experiment),
    "dynamic_scale": Made(scale),
    "dynamic_scale_fresh": Made(lambda seed: dynamic_scale.DynamicScale(fin_steps=seed)),
    "early_stopping": Made(stopping, EVERY[1:]),
    "nnx_raw_state": Made(nnx_state, EVERY[1:2], layouts=("orbax",)),
    "nnx_state": Made(nnx_state, EVERY[2:], layouts=("orbax",)),
    "nnx_dropout": Made(dropout, EVERY[3:], layouts=("orbax",)),
    "nnx_dropout_default": Made(dropout, EVERY[2:3], layouts=("orbax",)),
    "nnx_pure_dict": Made(lambda seed: nnx.to_pure_dict(nnx_state(seed)), EVERY[2:]),
    "nnx_optimizer": Made(nnx_optimizer, EVERY[3:], layouts=("orbax",)),
    "nnx_optimizer_with_model": Made(nnx_optimizer, EVERY[2:3], layouts=("orbax",)),
}
