"""Goes on in JAX where train_digits, in C++, stopped: restores its newest step through Orbax, trains with optax.adam, saves.

usage: continue.py DIRECTORY [STEPS]     how many steps to train (default 100); 0: only says how many digits are right
"""
import os
import pathlib
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from safetensors.numpy import load_file

directory, steps = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100
digits = load_file(pathlib.Path(__file__).with_name("digits.safetensors"))
images, labels = digits["images"].astype(np.float32) / 16, digits["labels"].astype(np.int32)
TRAIN, BATCH = 1500, 50
optimizer = optax.adam(1e-3)


def logits(params, x):
    hidden = jax.nn.relu(x @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    return hidden @ params["output"]["kernel"] + params["output"]["bias"]


@jax.jit
def train_step(params, opt_state, x, y):
    loss = lambda p: optax.softmax_cross_entropy_with_integer_labels(logits(p, x), y).mean()
    updates, opt_state = optimizer.update(jax.grad(loss)(params), opt_state)
    return optax.apply_updates(params, updates), opt_state


def say(what, state):
    right = int((jnp.argmax(logits(state["params"], images[TRAIN:]), axis=1) == labels[TRAIN:]).sum())
    print(f"{what} step {state['step']}: {right} of {len(labels) - TRAIN} right", flush=True)


def next_batch(order):
    if order["position"] + BATCH > TRAIN:  # the next epoch; C++ shuffles with the engine, whose words pass through here unchanged
        order["epoch"] += 1
        order["permutation"] = np.random.default_rng(order["epoch"]).permutation(TRAIN).astype(np.int32)
        order["position"] = 0
    order["position"] += BATCH
    return order["permutation"][order["position"] - BATCH:order["position"]]


# The shapes of TrainState in train_digits.cpp.
params = {name: {"kernel": jnp.zeros((64, n)), "bias": jnp.zeros(n)} for name, n in {"hidden": 64, "output": 10}.items()}
target = {
    "step": 0,
    "params": params,
    "opt_state": optimizer.init(params),
    "order": {"permutation": np.zeros(TRAIN, np.int32), "position": 0, "epoch": 0},
    "rng": np.zeros(313, np.uint64),
}

with ocp.CheckpointManager(directory, options=ocp.CheckpointManagerOptions(max_to_keep=3)) as manager:
    state = manager.restore(manager.latest_step(), args=ocp.args.StandardRestore(target))
    print(f"Adam's count is {int(state['opt_state'][0].count)}")
    say("restored", state)
    for _ in range(steps):
        batch = next_batch(state["order"])
        state["params"], state["opt_state"] = train_step(state["params"], state["opt_state"], images[batch], labels[batch])
        state["step"] += 1
    if steps:
        manager.save(state["step"], args=ocp.args.StandardSave(state))
        manager.wait_until_finished()
        say("trained up to", state)
