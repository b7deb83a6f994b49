#!/usr/bin/env python3
"""items.py ERA --python P --items I --work DIR [--mpirun M --ranks N,N,...]: sharded checkpoints between a program with items.hpp and the
real Orbax on eight CPU devices.

Orbax restores what we wrote without a target, as the same NamedSharding, and onto every other sharding; we restore what it wrote onto
each. With --mpirun, "mpirun --oversubscribe" or the like, the program is that many ranks in turn; more than 8 cannot save. The last line sums up. Without that Python the test counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import era  # pylint: disable=wrong-import-position


def python_side(command, directory):
    import jax
    import numpy as np
    import orbax.checkpoint as ocp
    from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    specs = [P(), P("x"), P("x", "y"), P(None, "x"), P(("x", "y")), P("y", "x")]  # items.cpp has the same ones
    whole = np.arange(128, dtype=np.float32).reshape(8, 16)
    checkpointer = ocp.PyTreeCheckpointer()
    failed = 0
    for i, spec in enumerate(specs):
        item = os.path.join(directory, str(i))
        if command == "save":
            checkpointer.save(item, {"model": jax.device_put(whole, NamedSharding(mesh, spec))})
            continue
        for target in [None, *specs]:
            try:
                wanted = NamedSharding(mesh, spec if target is None else target)
                if target is None:
                    array = checkpointer.restore(item)["model"]
                else:
                    args = {"model": ocp.ArrayRestoreArgs(sharding=wanted)}
                    array = checkpointer.restore(item, restore_args=args)["model"]
                same = np.array_equal(np.asarray(array), whole) and array.dtype == whole.dtype
                trouble = "" if same and array.sharding == wanted else f"{array.sharding} {array}"
            except Exception as error:  # pylint: disable=broad-exception-caught
                trouble = repr(error)
            failed += bool(trouble)
            print("FAIL" if trouble else "PASS", f"Orbax restores {spec} as", "what it was" if target is None else target, trouble[:500])
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("era")
    for name in ("python", "items", "work"):
        parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
    parser.add_argument("--mpirun")
    parser.add_argument("--ranks", default="1")
    args = parser.parse_args()
    era.stop_without(args.python, args.era)
    shutil.rmtree(args.work, ignore_errors=True)
    theirs = os.path.join(args.work, "theirs")
    os.makedirs(theirs)
    commands = [[args.python, __file__, "save", theirs]]
    for ranks in args.ranks.split(","):
        items = [*args.mpirun.split(), "-n", ranks, args.items] if args.mpirun else [args.items]
        ours = os.path.join(args.work, f"ours-{ranks}")
        os.makedirs(ours)
        commands += [[*items, "save", ours], [args.python, __file__, "restore", ours], [*items, "restore", theirs], [*items, "restore", ours]]
    environment = {**era.ENVIRONMENT, "JAX_PLATFORMS": "cpu",
                   "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    return era.run_in_turns([(command, command[-2] == "restore") for command in commands], args.work, environment)


if __name__ == "__main__":
    sys.exit(python_side(*sys.argv[1:]) if len(sys.argv) == 3 else main())
