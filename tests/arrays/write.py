#!/usr/bin/env python3
"""write.py DIRECTORY [SEED]: some hundred random arrays by the real TensorStore, each beside the elements that it reads back.

DIRECTORY/<i>/ is the array, <i>.bin its elements (C order, little-endian; narrow integers sign-extended), <i>.txt what it is. What this
TensorStore does not have (zarr v3, some dtypes) is left out; the last line counts.
"""

import importlib.metadata
import json
import os
import sys

import ml_dtypes
import numpy as np
import tensorstore as ts

root = sys.argv[1]
rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
# 0.1.45 dies of some shards; the Orbax of its time wrote zarr v2 alone.
OLD = tuple(int(n) for n in importlib.metadata.version("tensorstore").split(".")[:3]) < (0, 1, 46)
NUMPY = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "complex64",
         "complex128"]
NARROW = ["int2", "int4", "float4_e2m1fn"]
NAMED = ["bfloat16", "float8_e3m4", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2", "float8_e5m2fnuz",
         "float8_e8m0fnu"] + NARROW


def pick(options):
    return options[int(rng.integers(len(options)))]


def numpy_dtype(name):
    return np.dtype(name) if name in NUMPY else np.dtype(getattr(ml_dtypes, name))


def random_values(name, shape):
    dtype = numpy_dtype(name)
    if name == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if name in ("int2", "int4"):
        most = 2 if name == "int2" else 8
        return rng.integers(-most, most, shape).astype(np.int8).astype(dtype)
    if name == "float4_e2m1fn":
        return rng.integers(0, 16, shape).astype(np.uint8).view(dtype)
    count = int(np.prod(shape, dtype=int)) * dtype.itemsize
    data = rng.integers(0, 256, count).astype(np.uint8)
    if rng.random() < 0.5:
        data[rng.random(count) < 0.9] = 0  # something to compress
    return data.view(dtype).reshape(shape)


def reference(array, name):
    if name in ("int2", "int4"):
        return array.astype(np.int8).tobytes()
    if name == "float4_e2m1fn":
        return (np.ascontiguousarray(array).view(np.uint8) & 15).tobytes()
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")) if name in NUMPY else array).tobytes()


def shape_and_chunks(rank):
    shape = [int(rng.integers(1, 40 if rank < 3 else 9)) for _ in range(rank)]
    return shape, [int(rng.integers(1, n + 3)) for n in shape]


def blosc():
    return {"cname": pick(["lz4", "lz4hc", "blosclz", "zlib", "zstd", "snappy"]), "clevel": int(rng.integers(0, 10)), "blocksize": pick([0, 0, 256, 4096])}


def fill_for(name, version):
    kind = "complex" if name.startswith("complex") else "float" if "float" in name else "bool" if name == "bool" else "int"
    scalar = {"bool": [True, False], "int": [0, 1], "float": [1.5, "NaN", "-Infinity", 0, -0.5] + (["0x1"] if version == 3 else [])}
    if version == 2 and name == "float4_e2m1fn":
        return "Aw=="
    if name == "float8_e8m0fnu":  # of other numbers TensorStore 0.1.86 makes other elements than ml_dtypes
        return pick([0, "NaN"])
    return [pick([1.5, "NaN"]), pick([-2, "Infinity"])] if kind == "complex" else pick(scalar[kind])


def zarr2():
    name = pick(NUMPY * 2 + NAMED)
    shape, chunks = shape_and_chunks(int(rng.integers(0, 5)))
    size = numpy_dtype(name).itemsize
    code = {"b": "b", "i": "i", "u": "u", "f": "f", "c": "c"}.get(np.dtype(name).kind if name in NUMPY else "", "")
    dtype = (("|" if size == 1 else pick("<>")) + code + str(size)) if name in NUMPY else name
    compressor = pick([None, {"id": "zstd", "level": pick([1, 5, -3])}, {"id": "zlib", "level": 3}, {"id": "gzip", "level": 1}, {"id": "bz2", "level": pick([1, 9])},
                       {"id": "blosc", "shuffle": pick([-1, 0, 1, 2]), **blosc()}])
    metadata = {"shape": shape, "chunks": chunks, "dtype": dtype, "compressor": compressor, "order": pick("CF") if len(shape) > 1 else "C",
                "dimension_separator": pick("./"), "fill_value": pick([None, fill_for(name, 2)])}
    return name, {"driver": "zarr", "metadata": metadata}


def compressor(size):
    shuffle = pick(["noshuffle", "shuffle", "bitshuffle"])
    return pick([{"name": "zstd", "configuration": {"level": pick([1, 3, -5]), "checksum": bool(rng.integers(2))}},
                 {"name": "gzip", "configuration": {"level": 2}},
                 {"name": "blosc", "configuration": {"shuffle": shuffle, "typesize": pick([size, size, 3]), **blosc()}}])


def byte_codecs(size):
    """None, a checksum, a compressor or a row of both in any order."""
    codecs = []
    if rng.random() < 0.3:
        codecs.append({"name": "crc32c"})
    for _ in range(pick([0, 1, 1, 1, 2, 3])):
        codecs.append(compressor(size))
        if rng.random() < 0.3:
            codecs.append({"name": "crc32c"})
    return codecs


def array_codecs(rank, size, sharded):
    codecs = []
    while rank > 0 and rng.random() < 0.4:
        order = pick([rng.permutation(rank).tolist(), "C", "F"])
        codecs.append({"name": "transpose", "configuration": {"order": order}})
    if not sharded:
        codecs.append({"name": "bytes", "configuration": {"endian": pick(["little", "big"])}} if size > 1 else {"name": "bytes"})
    return codecs


def zarr3():
    name = pick(NUMPY * 2 + NAMED)
    size = numpy_dtype(name).itemsize
    rank = int(rng.integers(0, 5))
    shape, chunks = shape_and_chunks(rank)
    levels = pick([0, 0, 1, 1, 1, 2])
    # Outwards from the innermost chunk; each level permutes, so extents are kept square where there are several.
    if levels:
        inner = [int(rng.integers(1, 4)) for _ in range(rank)]
        codecs = array_codecs(rank, size, False) + byte_codecs(size)
        for _ in range(levels):
            index_codecs = [{"name": "bytes", "configuration": {"endian": pick(["little", "big"])}}]
            index_codecs += [{"name": "crc32c"}] * int(rng.integers(0, 3))
            shard = {"name": "sharding_indexed", "configuration": {"chunk_shape": inner, "codecs": codecs, "index_codecs": index_codecs,
                                                                   "index_location": pick(["start", "end"])}}
            before = array_codecs(rank, size, True)
            outer = [n * int(rng.integers(1, 4)) for n in inner]  # as encoded
            for codec in reversed(before):
                order = codec["configuration"]["order"]
                order = list(range(rank)) if order == "C" else list(range(rank))[::-1] if order == "F" else order
                decoded = [0] * rank
                for i, axis in enumerate(order):
                    decoded[axis] = outer[i]
                outer = decoded
            codecs, inner = before + [shard], outer
        chunks = inner
    else:
        codecs = array_codecs(rank, size, False) + byte_codecs(size)
    separator = pick([{}, {}, {"separator": "."}, {"separator": "/"}])
    encoding = {"name": pick(["default", "v2"]), **({"configuration": separator} if separator else {})}
    metadata = {"shape": shape, "data_type": name, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
                "chunk_key_encoding": encoding, "codecs": codecs}
    if rng.random() < 0.6:
        metadata["fill_value"] = fill_for(name, 3)
    return name, {"driver": "zarr3", "metadata": metadata}


def write(i):
    path = os.path.join(root, str(i))
    name, spec = zarr2() if i % 2 == 0 or OLD else zarr3()
    store = ts.open({**spec, "kvstore": {"driver": "file", "path": path}, "create": True}).result()
    shape = spec["metadata"]["shape"]
    values = random_values(name, tuple(shape))
    if rng.random() < 0.4 and shape:  # a part alone, so that chunks are missing
        box = tuple(slice(0, int(rng.integers(0, n + 1))) for n in shape)
        if all(s.stop for s in box):
            store[box].write(values[box]).result()
    else:
        store.write(values).result()
    with open(path + ".bin", "wb") as file:
        file.write(reference(store.read().result(), name))
    with open(path + ".txt", "w", encoding="utf-8") as file:
        file.write(f"{name} {json.dumps(spec)}")


os.makedirs(root)
COUNT = 240
left_out = 0
for number in range(COUNT):
    try:
        write(number)
    except (ValueError, AttributeError, TypeError) as error:
        left_out += 1
        print(f"left out {number}: {str(error)[:160]}")
print(f"{COUNT - left_out} arrays written, {left_out} left out")
