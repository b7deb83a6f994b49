#!/usr/bin/env python3
"""against_orbax.py RESTORE_RAW [LEAVES=10000] [ELEMENTS=64]: a raw restore by Orbax and by orrery of the checkpoint that Orbax wrote.

Run it with the Python of an era that scripts/setup installed. The two take turns, three times each; printed are the medians, their
ratio, and the versions. Leaves are NumPy arrays of random float32.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import orbax.checkpoint as ocp


def main():
    program = sys.argv[1]
    leaves = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    elements = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    random = np.random.default_rng(7)
    tree = {f"layer_{i:06}": random.standard_normal(elements, dtype=np.float32) for i in range(leaves)}
    checkpointer = ocp.PyTreeCheckpointer()
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "many")
        checkpointer.save(path, tree)
        theirs, ours = [], []
        for _ in range(3):
            start = time.perf_counter()
            restored = checkpointer.restore(path)
            theirs.append(time.perf_counter() - start)
            ours.append(float(subprocess.run([program, path, "5"], check=True, capture_output=True, text=True).stdout))
        assert all(np.array_equal(restored[key], value) for key, value in tree.items())
    a, b = statistics.median(theirs), statistics.median(ours)
    print(f"{leaves} leaves of {elements} float32: Orbax {ocp.__version__} {a:.2f} s, orrery {b * 1000:.1f} ms, ratio {a / b:.0f}")


if __name__ == "__main__":
    main()
