#!/usr/bin/env python3
"""saves_against_orbax.py MANAGER ASYNC_SAVE [MiB=1024]: what a training loop pays for a save, with Orbax and with orrery.

Two things are measured, each side in turn: a CheckpointManager's save of the guide's tiny state (max_to_keep 2, not in the background),
and how long an asynchronous save of float32 in ten NumPy arrays keeps its caller, from the second save on. MANAGER and ASYNC_SAVE are the
benchmarks' programs, which print their own numbers besides. Run it with the Python of an era that scripts/setup installed.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import orbax.checkpoint as ocp


def manager_saves(directory, count=100):
    state = {
        "model": {"step": np.int64(0), "params": {"bias": np.ones(3, np.float32), "kernel": np.ones((5, 3), np.float32)}},
        "config": np.array([5, 3]),
        "data": [np.ones(5, np.float32)],
    }
    options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    times = []
    with ocp.CheckpointManager(directory, options=options) as manager:
        for step in range(count):
            start = time.perf_counter()
            manager.save(step, args=ocp.args.StandardSave(state))
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def async_saves(directory, mebibytes, count=4):
    state = {f"layer_{i}": np.ones(mebibytes * 2**20 // 40, np.float32) for i in range(10)}
    times = []
    with ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        for index in range(count):
            start = time.perf_counter()
            checkpointer.save(os.path.join(directory, str(index)), args=ocp.args.PyTreeSave(state))
            times.append(time.perf_counter() - start)
            checkpointer.wait_until_finished()
    return statistics.median(times[1:])


def main():
    manager, async_save = sys.argv[1:3]
    mebibytes = int(sys.argv[3]) if len(sys.argv) > 3 else 1024
    with tempfile.TemporaryDirectory() as directory:
        theirs = manager_saves(os.path.join(directory, "manager"))
        ours = subprocess.run([manager, directory, "200", "10"], check=True, capture_output=True, text=True).stdout
        print(f"CheckpointManager.save of six small leaves: Orbax {ocp.__version__} {theirs * 1000:.1f} ms; orrery:")
        print("  " + "\n  ".join(line for line in ours.splitlines() if "saves" in line))
        theirs = async_saves(directory, mebibytes)
        ours = subprocess.run([async_save, directory, str(mebibytes), "5"], check=True, capture_output=True, text=True).stdout
        print(f"asynchronous save of {mebibytes} MiB in ten arrays keeps its caller: Orbax {theirs * 1000:.0f} ms; orrery:")
        print("  " + ours.splitlines()[0])


if __name__ == "__main__":
    main()
