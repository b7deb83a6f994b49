#!/usr/bin/env python3
"""items.py ERA SET --python P --items I --work DIR: an item and a msgpack file of a set of libraries' arrays between a program of
items.cpp's kind and the real Orbax, Flax, NumPy and SciPy.

They restore what we wrote and compare values and dtypes with what NumPy computes; we restore what they write of the same values. The last
line sums up. Without that Python the test counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import era  # pylint: disable=wrong-import-position

# Written as they lie: the first index varies fastest in memory, and in the file.
COLUMN_MAJOR = {"libraries": ["eigen.matrix", "eigen.tensor", "armadillo.matrix", "armadillo.cube", "xtensor.column_major", "dlib.column_major"],
                "mdspan": ["mdspan.left"]}
ROW_MAJOR = {"libraries": ["eigen.row_major", "eigen.row_major_tensor", "xtensor.array", "dlib.matrix"], "mdspan": ["mdspan.right", "mdspan.strided"]}


def expected(which):
    import ml_dtypes
    import numpy as np
    import scipy.sparse

    def number(dtype, *shape):
        grid = np.indices(shape)
        return np.asarray(sum(grid[axis] * (100, 10, 1)[axis] for axis in range(len(shape))), np.float32).astype(dtype)

    def sparse(make, dtype):
        dense = np.zeros((3, 4), dtype)
        for i, j in [(0, 1), (0, 3), (2, 0), (2, 3)]:
            dense[i, j] = 100 * i + 10 * j
        return make(dense)

    def parts(matrix):
        return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": np.array(matrix.shape, np.int64)}

    f4, f8, i4, i8 = np.float32, np.float64, np.int32, np.int64
    if which == "mdspan":
        return {"mdspan": {name: number(f4, 2, 3, 4) for name in ("right", "left", "strided")}}, {}
    matrices = {"csr": sparse(scipy.sparse.csr_matrix, f4), "csc": sparse(scipy.sparse.csc_matrix, f8)}
    eigen = {"matrix": number(f4, 5, 3), "row_major": number(f8, 5, 3), "fixed": number(i8, 3, 2), "vector": number(f4, 4),
             "array": number(np.int16, 2, 3), "complex": number(np.complex64, 2, 2), "half": number(np.float16, 3),
             "bfloat16": number(ml_dtypes.bfloat16, 2, 2), "mask": number(bool, 2), "quaternion": np.array([1.0, 2, 3, 4]),
             "tensor": number(f4, 2, 3, 4), "row_major_tensor": number(f8, 2, 3, 4), "fixed_tensor": number(i4, 2, 2),
             **{name: parts(matrix) for name, matrix in matrices.items()}}
    armadillo = {"matrix": number(f4, 5, 3), "column": number(f8, 4), "row": number(i4, 3), "cube": number(f8, 2, 3, 4),
                 "complex": number(np.complex64, 2, 2), "fixed": number(np.uint64, 3)}
    xtensor = {"array": number(f4, 2, 3, 4), "scalar": np.array(2.5), "tensor": number(np.uint8, 2, 3), "column_major": number(f8, 2, 3, 4),
               "fixed": number(i8, 2, 2)}
    dlib = {"matrix": number(f4, 5, 3), "column_major": number(f8, 5, 3), "column": number(f8, 4), "fixed": number(i4, 2, 2)}
    own = {"tensor": number(f4, 2, 3), "quaternions": number(f4, 2, 4)}
    return {"eigen": eigen, "armadillo": armadillo, "xtensor": xtensor, "dlib": dlib, "own": own}, matrices


def flat(tree, path=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield path + key, value


def compare(what, found, wanted):
    import numpy as np

    found, wanted = dict(flat(found)), dict(flat(wanted))
    failed = 0
    for name in sorted(found.keys() | wanted.keys()):
        have, want = found.get(name), wanted.get(name)
        same = have is not None and want is not None and np.asarray(have).dtype == want.dtype and np.array_equal(np.asarray(have), want)
        failed += not same
        print("PASS" if same else "FAIL", f"{what} restores {name}", "" if same else f"{have!r}, wanted {want!r}"[:500])
    return failed


def rebuilds(what, tree, matrices):
    import scipy.sparse

    failed = 0
    for name, want in matrices.items():
        parts = tree["eigen"][name]
        matrix = type(want)((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))
        same = (matrix != want).nnz == 0 and matrix.dtype == want.dtype and matrix.has_canonical_format and scipy.sparse.issparse(matrix)
        failed += not same
        print("PASS" if same else "FAIL", f"SciPy makes {name} of what {what} restores")
    return failed


def python_side(command, which, directory):
    import flax.serialization
    import orbax.checkpoint as ocp
    import tensorstore as ts

    wanted, matrices = expected(which)
    item, file = os.path.join(directory, "item"), os.path.join(directory, "flax.msgpack")
    checkpointer = ocp.PyTreeCheckpointer()
    if command == "save":
        checkpointer.save(item, wanted)
        with open(file, "wb") as out:
            out.write(flax.serialization.msgpack_serialize(wanted))
        return 0
    tree = checkpointer.restore(item)
    failed = compare("Orbax", tree, wanted) + rebuilds("Orbax", tree, matrices)
    with open(file, "rb") as stored:
        tree = flax.serialization.msgpack_restore(stored.read())
    failed += compare("Flax", tree, wanted) + rebuilds("Flax", tree, matrices)
    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{item}/"}).result()
    for order, names in (("F", COLUMN_MAJOR[which]), ("C", ROW_MAJOR[which])):
        for name in names:
            found = json.loads(store.read(f"{name}/.zarray").result().value)["order"]
            failed += found != order
            print("PASS" if found == order else "FAIL", f"{name} is stored in the order {order}")
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("era")
    parser.add_argument("set", choices=list(COLUMN_MAJOR))
    for name in ("python", "items", "work"):
        parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
    args = parser.parse_args()
    era.stop_without(args.python, args.era)
    shutil.rmtree(args.work, ignore_errors=True)
    ours, theirs = os.path.join(args.work, "ours"), os.path.join(args.work, "theirs")
    os.makedirs(ours)
    os.makedirs(theirs)
    environment = {**era.ENVIRONMENT, "JAX_PLATFORMS": "cpu"}
    python = [args.python, __file__]
    turns = [([args.items, "save", ours], False), ([*python, "restore", args.set, ours], True), ([*python, "save", args.set, theirs], False),
             ([args.items, "restore", theirs], True)]
    return era.run_in_turns(turns, args.work, environment)


if __name__ == "__main__":
    sys.exit(min(python_side(*sys.argv[1:]), 1) if sys.argv[1] in ("save", "restore") else main())
