"""write.py ERA DIR: this era's Orbax and Flax write every case; `DIR/written.txt` says what there is for the C++ reader."""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", TF_CPP_MIN_LOG_LEVEL="3", JAX_TRACEBACK_FILTERING="off")

import logging
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization

import cases
from checks import Checks


def checkpointer(era, **options):
    if era == "2023":  # there the tree's own metadata is an option, off by default
        options = {"write_tree_metadata": True, **options}
    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_ocdbt=True, **options))


def with_jax(tree):
    def place(leaf):
        return jax.numpy.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
    return jax.tree_util.tree_map(place, tree)


def main(era, out):
    checks, written = Checks(era, "write"), []

    def attempt(way, name, save):
        path = os.path.join(out, way, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if checks.check(name, way, lambda: save(path) or []):
            written.append(f"{way} {name}")

    def save_flax(path, make):
        with open(path, "wb") as file:
            file.write(make())

    for name, case in cases.CASES.items():
        if case.orbax or case.from_python == "sharded":
            attempt("orbax_np", name, lambda path: checkpointer(era).save(path, case.make()))
        if case.orbax and not case.from_python and name != "prng_keys":
            attempt("orbax_jax", name, lambda path: checkpointer(era).save(path, with_jax(case.make())))
        if case.from_python == "chunked":
            args = lambda tree: jax.tree_util.tree_map(lambda _: ocp.SaveArgs(chunk_byte_size=64), tree)
            attempt("orbax_np", name, lambda path: checkpointer(era).save(path, case.make(), save_args=args(case.make())))
        if case.flax:
            attempt("flax", name, lambda path: save_flax(path, lambda: serialization.to_bytes(case.make())))
            attempt("flax_sorted", name, lambda path: save_flax(path, lambda: serialization.msgpack_serialize(serialization.to_state_dict(case.make()))))
    if era == "2023":  # its default: the structure is in the placeholder file alone
        attempt("orbax_default", "dtypes", lambda path: ocp.PyTreeCheckpointer().save(path, cases.CASES["dtypes"].make()))
    for name in ("guide", "adam"):  # as a program would
        attempt("flax_directory", name, lambda path: save_directory(path, cases.CASES[name].make()))
    with open(os.path.join(out, "written.txt"), "w") as file:
        file.write("".join(line + "\n" for line in written))
    checks.finish()


def save_directory(path, tree):
    import flax
    from flax.training import checkpoints
    flax.config.update("flax_use_orbax_checkpointing", False)
    checkpoints.save_checkpoint(path, tree, step=7)


if __name__ == "__main__":
    main(sys.argv[1], os.path.abspath(sys.argv[2]))
