"""Goes on in JAX where torch_digits, in C++ with libtorch, stopped: restores its newest step through Orbax, trains with optax.adam, saves.

usage: continue.py DIRECTORY [STEPS]     how many steps to train (default 100); 0: only says how many digits are right
"""
import os
import pathlib
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")  # libtorch counts in int64
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from safetensors.numpy import load_file

directory, steps = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100
digits = load_file(pathlib.Path(__file__).parent.parent / "train_digits" / "digits.safetensors")
images, labels = digits["images"].astype(np.float32) / 16, digits["labels"].astype(np.int32)
TRAIN, BATCH = 1500, 50
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # buffers, which have no gradient


def parameters_of(model):
    return {module: {name: array for name, array in members.items() if name not in STATISTICS} for module, members in model.items()}


def linear(layer, x):
    return x @ layer["weight"].T + layer["bias"]


def logits(params, statistics, x, train):
    """What NetworkImpl::forward() computes, without its dropout, and the batch's mean and variance."""
    hidden = linear(params["hidden"], x)
    mean, variance = (hidden.mean(0), hidden.var(0)) if train else (statistics["running_mean"], statistics["running_var"])
    normal = (hidden - mean) / jnp.sqrt(variance + 1e-5) * params["norm"]["weight"] + params["norm"]["bias"]
    return linear(params["output"], jax.nn.relu(normal)), (mean, variance)


@jax.jit
def train_step(params, statistics, adam, lr, x, y):
    def loss(p):
        out, batch = logits(p, statistics, x, True)
        return optax.softmax_cross_entropy_with_integer_labels(out, y).mean(), batch

    gradient, (mean, variance) = jax.grad(loss, has_aux=True)(params)
    updates, adam = optax.scale_by_adam().update(gradient, adam)
    return optax.apply_updates(params, jax.tree.map(lambda update: -lr * update, updates)), {
        "running_mean": 0.9 * statistics["running_mean"] + 0.1 * mean,
        "running_var": 0.9 * statistics["running_var"] + 0.1 * variance * BATCH / (BATCH - 1),
        "num_batches_tracked": statistics["num_batches_tracked"] + 1,
    }, adam


def say(what, state):
    model = state["model"]
    out, _ = logits(parameters_of(model), model["norm"], images[TRAIN:], False)
    print(f"{what} step {state['step']}: {int((jnp.argmax(out, axis=1) == labels[TRAIN:]).sum())} of {len(labels) - TRAIN} right", flush=True)


def moments(states, name):
    """One of libtorch's arrays for each parameter, as a tree like the parameters."""
    return {module: {key: state[name] for key, state in members.items()} for module, members in states.items()}


with ocp.CheckpointManager(directory, options=ocp.CheckpointManagerOptions(max_to_keep=3)) as manager:
    state = manager.restore(manager.latest_step(), args=ocp.args.StandardRestore())
    print("restored", *sorted(f"{module}.{name}" for module, members in state["model"].items() for name in members))
    say("restored", state)
    model, optimizer = state["model"], state["optimizer"]
    params, statistics = parameters_of(model), {name: model["norm"][name] for name in STATISTICS}
    adam = optax.ScaleByAdamState(count=jnp.int32(optimizer["state"]["hidden"]["weight"]["step"]),
                                  mu=moments(optimizer["state"], "exp_avg"), nu=moments(optimizer["state"], "exp_avg_sq"))
    print(f"Adam has counted {int(adam.count)}")
    for _ in range(steps):
        first = state["step"] * BATCH % TRAIN
        batch = slice(first, first + BATCH)
        params, statistics, adam = train_step(params, statistics, adam, optimizer["param_groups"][0]["lr"], images[batch], labels[batch])
        state["step"] += 1
    if steps:  # under the names that libtorch has for them
        state["model"] = params | {"norm": params["norm"] | statistics}
        optimizer["state"] = {module: {name: {"step": int(adam.count), "exp_avg": adam.mu[module][name], "exp_avg_sq": adam.nu[module][name]}
                                       for name in members} for module, members in params.items()}
        manager.save(state["step"], args=ocp.args.StandardSave(state))
        manager.wait_until_finished()
        say("trained up to", state)
