"""The Python half of scripts/demo: restores what C++ saved, compares every bit, trains one step more in JAX and saves.

usage: demo_jax.py DIRECTORY
"""
import os
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax.training import checkpoints, train_state

directory = os.path.abspath(sys.argv[1])


def raw(name, dtype, shape):
    return np.fromfile(os.path.join(directory, name), dtype).reshape(shape)


kernel, bias = raw("kernel.bin", np.float32, (5, 3)), raw("bias.bin", np.float32, (3,))
step = int(raw("step.bin", np.int64, ()))


def check(name, restored):
    params = restored["params"] if isinstance(restored, dict) else restored.params
    got_step = restored["step"] if isinstance(restored, dict) else restored.step
    same = (np.asarray(params["kernel"]).tobytes() == kernel.tobytes() and np.asarray(params["bias"]).tobytes() == bias.tobytes()
            and np.asarray(params["kernel"]).shape == (5, 3) and int(got_step) == step)
    print(f"  {name}: {'every bit is the same' if same else 'DIFFERENT'}")
    if not same:
        sys.exit(1)


restored = ocp.PyTreeCheckpointer().restore(os.path.join(directory, "orbax"))
print("  Orbax restores:", restored)
check("Orbax, without a target", restored)
legacy = checkpoints.restore_checkpoint(os.path.join(directory, "legacy"), target=None)
print("  Flax restores:", legacy)
check("Flax, without a target", legacy)

state = train_state.TrainState.create(
    apply_fn=lambda params, x: x @ params["kernel"] + params["bias"],
    params={"bias": jnp.zeros(3), "kernel": jnp.zeros((5, 3))}, tx=optax.sgd(0.1))
state = checkpoints.restore_checkpoint(os.path.join(directory, "legacy"), target=state)
check("Flax, into a TrainState", state)

i, j, k = np.arange(64)[:, None], np.arange(5)[None, :], np.arange(3)
x = (((i * 7 + j * 13) % 17) / 8.0 - 1.0).astype(np.float32)
y = x @ ((np.arange(5)[:, None] - k) / 4.0).astype(np.float32) + (0.5 * k).astype(np.float32)


def loss_of(params):
    return jnp.mean((state.apply_fn(params, x) - y) ** 2)


loss, gradients = jax.value_and_grad(loss_of)(state.params)
state = state.apply_gradients(grads=gradients)
print(f"  one step in JAX: step {int(state.step)}  loss {float(loss):.6f} -> {float(loss_of(state.params)):.6f}")
path = os.path.join(directory, "orbax_from_jax")
ocp.PyTreeCheckpointer().save(path, {"step": int(state.step), "params": state.params, "opt_state": state.opt_state}, force=True)
print(f"  saved {path}")
