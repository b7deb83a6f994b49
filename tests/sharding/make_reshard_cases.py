"""make_reshard_cases.py ERA DIR: random arrays, cut in one way and wanted in another, and what NumPy's slices of them hold, for reshard.cpp.

DIR/cases.json lists them, DIR/<number>.bin is the whole array in C order. A case has a dtype, a shape, how it is stored, and two cuts: so
many processes that share the devices of a mesh evenly, a spec, and of the second one shape and CRC-32 of what each device has to get.
"""

import json
import os
import random
import sys
import zlib

import numpy as np

_ERA, DIRECTORY = sys.argv[1:]
CASES = 1000
DTYPES = {"bool": "?", "int8": "i1", "int16": "<i2", "uint32": "<u4", "float32": "<f4", "float64": "<f8", "bfloat16": "<u2", "complex64": "<c8"}


def a_cut(rng, rank):
    """A mesh of at most 12 devices, its processes, and a spec for an array of that rank."""
    mesh = []
    for _ in range(rng.randint(1, 3)):
        mesh.append(rng.choice([n for n in (1, 2, 2, 3, 4, 6) if n * int(np.prod(mesh, dtype=int)) <= 12]))
    devices = int(np.prod(mesh))
    names = ["x", "y", "z"][: len(mesh)]
    free = names[:]
    rng.shuffle(free)
    spec = []
    for _ in range(rng.randint(0, rank)):
        axes = [free.pop() for _ in range(min(rng.choice([0, 1, 1, 2]), len(free)))]
        spec.append(axes or None)
    return {"mesh": mesh, "axes": names, "spec": spec, "processes": rng.randint(1, min(4, devices))}


def factors(cut, rank):
    """Into how many parts each dimension is cut."""
    sizes = dict(zip(cut["axes"], cut["mesh"]))
    spec = cut["spec"] + [None] * (rank - len(cut["spec"]))
    return [int(np.prod([sizes[a] for a in axes or []], dtype=int)) for axes in spec]


def slices(cut, shape):
    """Of each device of the mesh, last axis fastest; shards that do not divide evenly are cut off at the end."""
    spec = cut["spec"] + [None] * (len(shape) - len(cut["spec"]))
    for at in np.ndindex(*cut["mesh"]):
        where = dict(zip(cut["axes"], zip(at, cut["mesh"])))
        out = []
        for extent, axes in zip(shape, spec):
            index, parts = 0, 1
            for axis in axes or []:
                index, parts = index * where[axis][1] + where[axis][0], parts * where[axis][1]
            step = -(-extent // parts)
            out.append(slice(min(index * step, extent), min((index + 1) * step, extent)))
        yield tuple(out)


def main():
    cases = []
    for number in range(CASES):
        rng = random.Random(number)
        rank = rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4])
        source, target = a_cut(rng, rank), a_cut(rng, rank)
        uneven = rng.random() < 0.25
        shape = []
        for a, b in zip(factors(source, rank), factors(target, rank)):
            unit = int(np.lcm(a, b))
            shape.append(rng.randint(1, 25) if uneven else unit * rng.randint(1, max(1, 24 // unit)))
        dtype = rng.choice(list(DTYPES))
        values = np.random.default_rng(number)
        if dtype == "bool":
            array = values.integers(0, 2, shape).astype("?")
        elif dtype in ("float32", "float64", "complex64"):
            array = values.standard_normal(shape).astype(DTYPES[dtype])
        else:
            array = values.integers(0, 120, shape).astype(DTYPES[dtype])
        array = np.asarray(array)
        with open(os.path.join(DIRECTORY, f"{number}.bin"), "wb") as f:
            f.write(array.tobytes())
        target["shards"] = [[list(part.shape), zlib.crc32(np.ascontiguousarray(part).tobytes())]
                            for part in (array[index] for index in slices(target, shape))]
        cases.append({"dtype": dtype, "shape": shape, "uneven": uneven, "source": source, "target": target,
                      "ocdbt": rng.random() < 0.7, "zarr3": rng.random() < 0.4, "zstd": rng.random() < 0.3,
                      "chunk_byte_size": rng.choice([0, 0, 64, 256, 1024, 4096])})
    with open(os.path.join(DIRECTORY, "cases.json"), "w", encoding="utf-8") as f:
        json.dump(cases, f)


main()
