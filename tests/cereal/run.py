#!/usr/bin/env python3
"""run.py ERA --python P --states S --work DIR: a model that cereal describes, saved by states.cpp's program S; the real Orbax and Flax restore
it as the natural tree below, change it and save it; S restores what they saved.

The last line sums up. Without that Python the test counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import era  # pylint: disable=wrong-import-position


def expected(as_state_dict):
    """What Python sees. Flax's state dicts have lists and tuples as dicts of numbers."""
    import numpy as np

    def sequence(kind, *elements):
        return {str(i): element for i, element in enumerate(elements)} if as_state_dict else kind(elements)

    return {
        "step": 12,
        "network": {
            "cereal_class_version": 2,
            "layers": sequence(
                list,
                {"cereal_polymorphic_name": "Dense", "name": "dense", "kernel": np.array([1, 2, 3], np.float32)},
                {"cereal_polymorphic_name": "Dropout", "name": "dropout", "rate": 0.5},
            ),
            "head": {"cereal_shared": "/layers/0"},
            "spare": {"cereal_polymorphic_name": "Dense", "name": "spare", "kernel": np.array([4], np.float32)},
            "schedules": {"warmup": {"degrees": 0.5}},
            "best_step": 10,
            "worst_step": None,
            "tag": sequence(tuple, "v1", np.array(5, np.int32)),
            "note": "a note",
            "mask": np.array([True, False, True]),
        },
    }


def same(a, b):
    import numpy as np

    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in b)
    if isinstance(b, (list, tuple)):
        return isinstance(a, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(b, np.ndarray):
        return np.asarray(a).dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


def change(tree, as_state_dict):
    import numpy as np

    network = tree["network"]
    layers = network["layers"]
    first, second = (layers["0"], layers["1"]) if as_state_dict else layers
    first["kernel"] = np.asarray(first["kernel"]) + 1
    second["rate"] = 0.25
    added = {"kernel": np.array([9, 8], np.float32), "name": "added", "cereal_polymorphic_name": "Dense"}
    if as_state_dict:
        layers["2"] = added
        network["tag"] = {"0": "v2", "1": np.array(6, np.int32)}
    else:
        layers.append(added)
        network["tag"] = ("v2", np.array(6, np.int32))
    tree["step"] += 1
    network["spare"] = None
    network["schedules"] = {"decay": {"degrees": 2.0}, "warmup": {"degrees": 1.0}}
    network["best_step"], network["worst_step"] = None, 3
    network["note"] = 0.125
    network["mask"] = np.array([True, True])
    return tree


def python_side(directory):
    import flax.serialization
    import orbax.checkpoint as ocp

    failed = 0

    def judge(name, tree, wanted):
        nonlocal failed
        trouble = "" if same(tree, wanted) else f"{tree}\n  is not\n  {wanted}"
        failed += bool(trouble)
        print("FAIL" if trouble else "PASS", name, trouble)

    checkpointer = ocp.PyTreeCheckpointer()
    for name in ("item", "archive"):
        tree = checkpointer.restore(os.path.join(directory, name))
        wanted = expected(False)
        if name == "archive":  # the path starts where cereal's part does
            wanted["network"]["head"]["cereal_shared"] = "/network/layers/0"
        judge(f"Orbax restores the {name}", tree, wanted)
        checkpointer.save(os.path.join(directory, name + "-back"), change(tree, False))
    for name in ("state.msgpack", "archive.msgpack"):
        with open(os.path.join(directory, name), "rb") as file:
            tree = flax.serialization.msgpack_restore(file.read())
        wanted = expected(True)
        if name == "archive.msgpack":
            wanted["network"]["head"]["cereal_shared"] = "/network/layers/0"
        judge(f"Flax restores {name}", tree, wanted)
        with open(os.path.join(directory, name + "-back"), "wb") as file:
            file.write(flax.serialization.msgpack_serialize(change(tree, True)))
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
    for command in (
        [args.states, "save", args.work],
        [args.python, os.path.abspath(__file__), "--python-side", args.work],
        [args.states, "check", args.work],
    ):
        if subprocess.run(command, check=False, timeout=400, env=era.ENVIRONMENT).returncode:
            print(f"FAIL {args.era} {' '.join(command)}\n0 passed, 1 failed, 0 skipped")
            return 1
    shutil.rmtree(args.work)
    return 0


if __name__ == "__main__":
    sys.exit(python_side(sys.argv[2]) if sys.argv[1:2] == ["--python-side"] else main())
