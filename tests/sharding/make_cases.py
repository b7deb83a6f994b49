"""make_cases.py ERA DIR: random meshes, specs and shapes, and what the real JAX makes of them, for agree.cpp.

DIR/cases.json lists them. A case has a mesh over some of 16 CPU devices in some order, a PartitionSpec, a shape, and either the shard
shape with every device's index and replica id in the order of devices_indices_map, or what JAX said when it refused.
"""

import json
import os
import random
import re
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=16"
import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402

_ERA, DIRECTORY = sys.argv[1:]
CASES = 300
NAMES = ["x", "y", "z", "data", "model"]


def mesh_shape(rng):
    """Up to four axes, at most 16 devices, axes of size 1 among them."""
    shape = []
    for _ in range(rng.choice([1, 1, 2, 2, 2, 3, 3, 4])):
        fits = [n for n in (1, 2, 2, 3, 4, 5, 8) if n * int(np.prod(shape, dtype=int)) <= 16]
        shape.append(rng.choice(fits))
    return shape


def older_words(text):
    """As JAX printed meshes and specs before 2025: without what has no counterpart here."""
    text = re.sub(r", axis_types=\((?:Auto,? ?)*\)|, memory_kind=\w+", "", text)
    return re.sub(r"\bP\(", "PartitionSpec(", text)


def case(number):
    rng = random.Random(number)
    shape = mesh_shape(rng)
    names = rng.sample(NAMES, len(shape))
    ids = list(range(16))
    if rng.random() < 0.5:
        rng.shuffle(ids)
    ids = ids[:int(np.prod(shape, dtype=int))]

    rank = rng.randrange(6)
    free = names[:]
    rng.shuffle(free)
    spec = []
    for _ in range(rng.randint(0, rank)):
        count = min(rng.choice([0, 0, 1, 1, 1, 2, 2, 3]), len(free))
        axes = [free.pop() for _ in range(count)]
        spec.append(None if not axes else axes[0] if len(axes) == 1 and rng.random() < 0.7 else axes)
    fault = rng.random()
    if fault < 0.04 and spec:
        spec[rng.randrange(len(spec))] = "nowhere"
    elif fault < 0.10 and len(spec) > 1:
        spec[0] = spec[1] = names[0]

    sizes = dict(zip(names, shape))
    extents = []
    for i in range(rank):
        axes = spec[i] if i < len(spec) else None
        axes = [] if axes is None else [axes] if isinstance(axes, str) else axes
        parts = int(np.prod([sizes.get(a, 1) for a in axes], dtype=int))
        extents.append(parts * rng.choice([0, 1, 1, 2, 3]))
        if rng.random() < 0.04:
            extents[-1] += 1
    out = {"mesh": shape, "axes": names, "ids": ids, "spec": spec, "shape": extents}

    devices = {d.id: d for d in jax.devices()}
    mesh = Mesh(np.array([devices[i] for i in ids], dtype=object).reshape(shape), names)
    try:
        sharding = NamedSharding(mesh, PartitionSpec(*[tuple(e) if isinstance(e, list) else e for e in spec]))
        out["shard_shape"] = list(sharding.shard_shape(tuple(extents)))
        # Slices that keep a whole axis are (None, None) to JAX, and to us what they mean.
        out["map"] = [[d.id, [list(s.indices(n)[:2]) for s, n in zip(index, extents)]]
                      for d, index in sharding.devices_indices_map(tuple(extents)).items()]
        array = jax.device_put(np.zeros(extents, np.int8), sharding)
        out["replicas"] = {str(s.device.id): s.replica_id for s in array.addressable_shards}
    except Exception as error:  # DuplicateSpecError is not a ValueError
        if type(error).__name__ not in ("ValueError", "IndivisibleError", "DuplicateSpecError"):
            raise
        out["error"] = older_words(str(error))
    return out


with open(os.path.join(DIRECTORY, "cases.json"), "w") as f:
    json.dump([case(number) for number in range(CASES)], f)
