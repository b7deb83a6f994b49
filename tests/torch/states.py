#!/usr/bin/env python3
"""states.py ERA --python P --states S --work DIR: states of libtorch's models and optimizers between states.cpp's program and real Python.

Orbax and Flax restore what C++ saved, as arrays of the names and values that libtorch itself lists; both write it back as it was and
doubled, and C++ restores that. One line per check; the last line sums up. Without that Python the test counts as skipped (exit 77), or as
failed where CI=true.
"""

import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import era  # pylint: disable=wrong-import-position

OPTIMIZERS = ["adam", "adamw", "sgd", "rmsprop", "adagrad"]


def python_side(directory):
    import flax.serialization
    import jax
    import ml_dtypes
    import numpy as np
    import orbax.checkpoint as ocp

    dtypes = {"Float": np.float32, "Double": np.float64, "Half": np.float16, "BFloat16": ml_dtypes.bfloat16, "Long": np.int64,
              "Char": np.int8, "Bool": np.bool_}
    failed = 0

    def check(name, holds, text=""):
        nonlocal failed
        failed += not holds
        print("PASS" if holds else "FAIL", name, "" if holds else text[:500], flush=True)

    def listed(name):
        for line in open(os.path.join(directory, name + ".txt")):
            path, dtype, rank, *rest = line.rstrip("\n").split(" ")
            rank = int(rank)
            shape = tuple(map(int, rest[:rank]))
            yield path, np.frombuffer(bytes.fromhex(rest[rank]), dtypes[dtype]).reshape(shape)

    def at(tree, path):
        for key in path.split("."):
            tree = tree[key]
        return tree

    def doubled(tree):
        def double(path, leaf):
            names = [getattr(key, "key", getattr(key, "name", key)) for key in path]
            if "param_groups" in names:
                return 0.125 if names[-1] == "lr" else leaf
            if names[-1] == "step":
                return leaf * 2
            array = np.asarray(leaf)
            return array * array.dtype.type(2) if array.dtype.kind in "fV" else leaf
        return jax.tree_util.tree_map_with_path(double, tree)

    checkpointer = ocp.PyTreeCheckpointer()
    for name in OPTIMIZERS:
        path = os.path.join(directory, name)
        orbax = checkpointer.restore(path + ".orbax")
        flax_tree = flax.serialization.msgpack_restore(open(path + ".msgpack", "rb").read())
        for layout, tree in (("orbax", orbax), ("msgpack", flax_tree)):
            wrong, known = [], 0
            for where, want in listed(name):
                known += 1
                got = np.asarray(at(tree, where))
                if got.dtype != want.dtype or got.shape != want.shape or got.tobytes() != want.tobytes():
                    wrong.append(where)
            check(f"{name}, {layout}: every array has the name and the bits that libtorch lists", not wrong and known > 15, " ".join(wrong))
            leaves = len(jax.tree_util.tree_leaves({"model": tree["model"], "state": tree["optimizer"]["state"], "extras": tree["extras"]}))
            check(f"{name}, {layout}: and nothing else is there", leaves == known, f"{leaves} leaves, {known} listed")
            group = tree["optimizer"]["param_groups"]
            group = group[0] if layout == "orbax" else group["0"]
            check(f"{name}, {layout}: options are Python's numbers", group["lr"] == 0.01 and isinstance(group["lr"], float), str(group))
        checkpointer.save(path + ".same.orbax", orbax)
        checkpointer.save(path + ".changed.orbax", doubled(orbax))
        open(path + ".same.msgpack", "wb").write(flax.serialization.msgpack_serialize(flax_tree))
        open(path + ".changed.msgpack", "wb").write(flax.serialization.msgpack_serialize(doubled(flax_tree)))
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("era")
    for name in ("python", "states", "work"):
        parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
    args = parser.parse_args()
    era.stop_without(args.python, args.era)
    shutil.rmtree(args.work, ignore_errors=True)
    os.makedirs(args.work)
    environment = {**era.ENVIRONMENT, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}
    turns = [([args.states, "write", args.work], False), ([args.python, __file__, "--in-python", args.work], True),
             ([args.states, "check", args.work], True)]
    return era.run_in_turns(turns, args.work, environment)


if __name__ == "__main__":
    sys.exit(python_side(sys.argv[2]) if sys.argv[1:2] == ["--in-python"] else main())
