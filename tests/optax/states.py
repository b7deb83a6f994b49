"""states.py write|check ERA DIR: states of this era's optax and Flax, saved in DIR/python for optax_states, and what that left in DIR/cpp.

    write   DIR/python/{flax,orbax}/NAME of every case, DIR/python/cases.txt with their names, and DIR/python/fields.txt with the fields of
            every class of optax that can be in a state
    check   DIR/cpp/{flax,orbax}/NAME restored into a state of the same optimizer, compared bit for bit

`check` prints a line for each check, both end with the sum.
"""

import os
import pickle
import sys

os.environ.update(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3")

import logging
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization

EVERY = ("2023", "2024", "2025", "newest")


class Case:
    """A state of Python's own classes: `value` makes it, `fresh` one of the same structure that knows nothing."""

    def __init__(self, eras=EVERY, layouts=("flax", "orbax"), target="fresh"):
        self.eras, self.layouts, self.kind_of_target = eras, layouts, target

    def target(self):
        return self.value() if self.kind_of_target == "value" else self.fresh()


# Classes that are arguments or live within one update only.
NO_STATES = {"GradientTransformation", "GradientTransformationExtraArgs", "GradientTransformationWithExtraArgs", "Aggregator", "Aux",
             "MuonDimensionNumbers", "GaLoreDimensionNumbers", "BacktrackingLineSearchState", "BacktrackingSearchState", "ZoomLinesearchState"}


def classes_of_optax():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "optax":
            for one in vars(module).values():
                if isinstance(one, type) and issubclass(one, tuple) and hasattr(one, "_fields") and one.__module__.startswith("optax"):
                    found[one.__name__] = one._fields
    return {name: fields for name, fields in sorted(found.items()) if name not in NO_STATES}


def bits(leaf):
    """(what it is, its bytes)"""
    if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, getattr(jax.dtypes, "prng_key", np.void)):
        return f"{leaf.dtype}{leaf.shape}", np.asarray(jax.random.key_data(leaf)).tobytes()
    if isinstance(leaf, (bool, int, float, str)):
        return type(leaf).__name__, repr(leaf).encode()
    array = np.asarray(leaf)
    return f"{array.dtype}{array.shape}", array.tobytes()


def write(era, cases, directory):
    for layout in ("flax", "orbax"):
        os.makedirs(f"{directory}/{layout}")
    checkpointer = ocp.PyTreeCheckpointer()
    with open(f"{directory}/cases.txt", "w", encoding="utf-8") as names:
        for name, case in cases.items():
            value = case.value()
            with open(f"{directory}/{name}.leaves", "wb") as file:
                pickle.dump([bits(leaf) for leaf in jax.tree_util.tree_leaves(value)], file)
            if "flax" in case.layouts:
                with open(f"{directory}/flax/{name}", "wb") as file:
                    file.write(serialization.to_bytes(value))
            if "orbax" in case.layouts:
                checkpointer.save(f"{directory}/orbax/{name}", value)
            names.write(" ".join((name, *case.layouts)) + "\n")
    with open(f"{directory}/fields.txt", "w", encoding="utf-8") as file:
        for name, fields in classes_of_optax().items():
            file.write(" ".join((name, *fields)) + "\n")


def differences(got, target, wanted):
    """What is wrong, in words; nothing if nothing is."""
    structures = [jax.tree_util.tree_structure(tree) for tree in (got, target)]
    if structures[0] != structures[1]:
        return f"{structures[0]}, not {structures[1]}"
    if len(jax.tree_util.tree_leaves(got)) != len(wanted):
        return f"{structures[0]} has not {len(wanted)} leaves"
    for (path, leaf), (kind, data) in zip(jax.tree_util.tree_flatten_with_path(got)[0], wanted):
        if bits(leaf) != (kind, data):
            return f"{jax.tree_util.keystr(path)} is {bits(leaf)[0]} {leaf!r}, not {kind} {data!r}"
    return ""


def check(era, cases, directory):
    count = {True: 0, False: 0}
    for name, case in cases.items():
        with open(f"{directory}/python/{name}.leaves", "rb") as file:
            wanted = pickle.load(file)
        for layout in case.layouts:
            path = f"{directory}/cpp/{layout}/{name}"
            try:
                target = case.target()
                if layout == "flax":
                    with open(path, "rb") as file:
                        got = serialization.from_bytes(target, file.read())
                else:
                    got = ocp.PyTreeCheckpointer().restore(path, item=target)
                wrong = differences(got, target, wanted)
            except Exception as error:  # pylint: disable=broad-except
                wrong = f"{type(error).__name__}: {str(error)[:300]}"
            count[not wrong] += 1
            print(f"{'FAIL' if wrong else 'PASS'} {era} check {layout} {name}{': ' if wrong else ''}{wrong}")
    print(f"{count[True]} passed, {count[False]} failed, 0 skipped")
    return 1 if count[False] else 0


def main(mode, era, directory):
    import containers  # pylint: disable=import-outside-toplevel
    import optimizers  # pylint: disable=import-outside-toplevel
    cases = {name: case for name, case in {**optimizers.CASES, **containers.CASES}.items() if era in case.eras}
    if mode == "write":
        return write(era, cases, f"{directory}/python")
    return check(era, cases, directory)


if __name__ == "__main__":
    sys.modules["states"] = sys.modules["__main__"]
    sys.exit(main(sys.argv[1], sys.argv[2], os.path.abspath(sys.argv[3])))
