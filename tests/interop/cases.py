"""The trees of the interoperability tests, in NumPy. cases.hpp defines the same ones in C++; neither reads the other.

Every array is named by a label; its bits are a stream of numbers seeded by that label, so both sides know every bit without talking.
"""

import dataclasses
from typing import Any

import ml_dtypes
import numpy as np

# ----------------------------------------------------------------- values


def stream(label, count):
    """`count` bytes of splitmix64, seeded by the FNV-1a hash of the label."""
    seed = 0xCBF29CE484222325
    for byte in label.encode("utf-8"):
        seed = ((seed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count // 8 + 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return z.astype("<u8").tobytes()[:count]


def dtype_of(name):
    """NumPy's dtype of that name; AttributeError where this era's ml_dtypes lacks it."""
    try:
        return np.dtype(name)
    except TypeError:
        return np.dtype(getattr(ml_dtypes, name))


def array(label, dtype, shape):
    """Bits from the label's stream: whatever they mean, NaNs with odd payloads included. Narrow types use their low bits."""
    count = int(np.prod(shape, dtype=np.int64))
    if dtype in ("int4", "int2"):  # as a user makes them: from int8, in range
        bits = int(dtype[-1])
        low = np.frombuffer(stream(label, count), np.uint8) & (2**bits - 1)
        signed = low.astype(np.int8) - (low >> (bits - 1)).astype(np.int8) * 2**bits
        return signed.astype(dtype_of(dtype)).reshape(shape)
    item = dtype_of(dtype)
    data = np.frombuffer(stream(label, count * item.itemsize), np.uint8).copy()
    mask = {"bool": 1, "uint2": 3, "uint4": 15, "float4_e2m1fn": 15, "float6_e2m3fn": 63, "float6_e3m2fn": 63}.get(dtype)
    if mask:
        data &= mask
    return data.view(item).reshape(shape)


# ----------------------------------------------------------------- cases

STANDARD = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "complex64",
            "complex128", "bfloat16"]
NARROW = ["int4", "int2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e3m4",
          "float8_e8m0fnu", "float4_e2m1fn"]
NO_ORBAX = ["uint4", "uint2", "float8_e4m3", "float6_e2m3fn", "float6_e3m2fn", "datetime64[s]", "datetime64[ns]", "timedelta64[D]"]


@dataclasses.dataclass
class Case:
    make: Any                # () -> tree
    orbax: bool = True       # Orbax items, both ways
    flax: bool = True        # legacy Flax files, both ways
    from_python: str = ""    # Orbax items that only Python writes: how ("sharded", "chunked")


CASES = {}


def case(name, **options):
    def add(make):
        CASES[name] = Case(make, **options)
        return make
    return add


@case("guide")
def guide():
    import optax
    from flax.training import train_state
    params = {"bias": array("guide/bias", "float32", (3,)), "kernel": array("guide/kernel", "float32", (5, 3))}
    state = train_state.TrainState.create(apply_fn=None, params=params, tx=optax.sgd(0.001)).replace(step=1)
    return {"model": state, "config": {"dimensions": np.array([5, 3])}, "data": [array("guide/x1", "float32", (5,))]}


@case("adam")
def adam():
    import optax
    from flax.training import train_state

    def params(name):
        return {layer: {"bias": array(f"adam/{name}/{layer}/bias", "float32", (n,)),
                        "kernel": array(f"adam/{name}/{layer}/kernel", "float32", (m, n))}
                for layer, m, n in (("Dense_0", 4, 7), ("Dense_1", 7, 2))}

    state = train_state.TrainState.create(apply_fn=None, params=params("params"), tx=optax.adam(0.1))
    moments = state.opt_state[0]._replace(count=np.array(3, np.int32), mu=params("mu"), nu=params("nu"))
    return state.replace(step=3, opt_state=(moments, *state.opt_state[1:]))


@case("column_major")
def column_major():
    return {"matrix": np.asfortranarray(array("column_major/matrix", "float64", (4, 3))),
            "fixed": np.asfortranarray(array("column_major/fixed", "float32", (3, 2))),
            "ints": np.asfortranarray(array("column_major/ints", "int32", (5, 2))),
            "rows": array("column_major/rows", "float32", (2, 6)),
            "cube": np.asfortranarray(array("column_major/cube", "int16", (2, 3, 4)))}


case("dtypes")(lambda: {name: array(f"dtypes/{name}", name, (2, 3)) for name in STANDARD})
for _name in NARROW + NO_ORBAX:
    case(f"dtype_{_name}", orbax=_name in NARROW)(lambda name=_name: {"a": array(f"dtype/{name}", name, (3, 5))})


@case("ranks")
def ranks():
    shapes = [(), (3,), (2, 3), (2, 3, 4), (2, 1, 3, 2), (2, 1, 2, 3, 2)]
    return {dtype: [array(f"ranks/{dtype}/{len(shape)}", dtype, shape) for shape in shapes] for dtype in ("float32", "int16")}


case("empty_arrays")(lambda: {"a": np.zeros((0,), np.float32), "b": np.zeros((0, 3), np.int64), "c": np.zeros((3, 0), np.float32),
                              "d": np.zeros((2, 0, 4), np.bool_)})


@case("empties")
def empties():
    return {"none": None, "dict": {}, "list": [], "nested": {"a": {"b": {}}, "l": [None, {}, [], 1]},
            "w": array("empties/w", "float32", (2,))}


case("empty_tuple")(lambda: {"tuple": (), "list": [(), 1]})
case("none")(lambda: {"a": None, "b": [None, array("none/b", "int8", (2,)), None], "c": {"d": None}})


@case("strings")
def strings():
    return {"ascii": "hello", "unicode": "検査点 é \U0001f680", "empty": "", "quotes": "it's \"quoted\"\n\\", "long": "0123456789 é" * 700,
            "list": ["x", "", "y"], "w": array("strings/w", "float32", (2,))}


case("strings_only")(lambda: {"a": "one", "b": {"c": "two"}})


@case("scalars")
def scalars():
    return {"true": True, "false": False,
            "ints": [0, 1, -1, 127, 128, -129, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)], "uint64": 2**64 - 1,
            "floats": [0.0, -0.0, 0.1, -1e300, 5e-324, float("inf"), float("-inf"), float("nan")]}


case("complex", orbax=False)(lambda: {"z": 1.5 - 2j, "list": [0j, complex(float("inf"), -0.0)]})


@case("numpy_scalars")
def numpy_scalars():
    return {"f32": np.float32(0.1), "f64": np.float64(-2.5), "i8": np.int8(-3), "i32": np.int32(70000), "u64": np.uint64(2**64 - 1)}


@case("numpy_scalars_of_flax", orbax=False)
def numpy_scalars_of_flax():
    return {"bool": np.bool_(True), "bf16": ml_dtypes.bfloat16(1.5), "c128": np.complex128(1 - 2j), "f16": np.float16(0.25)}


def _keys(label, keys):
    return {key: array(f"{label}/{key}", "int16", (2,)) for key in keys}


case("keys")(lambda: _keys("keys", ["with space", "ключ", "核", "it's", 'say "hi"', "back\\slash", "0", "10", "2", "a.b", ".hidden", "tab\t", "é",
                                    "\U0001f680", "UPPER", "-", "x" * 120, "..."]))
case("keys_slash")(lambda: {**_keys("keys_slash", ["a/b", "/c"]), "d": _keys("keys_slash/d", ["e/f/g"])})
case("keys_dots")(lambda: _keys("keys_dots", [".", "..", "a/../x"]))
case("keys_empty")(lambda: _keys("keys_empty", ["", "a"]))
case("keys_string_slash")(lambda: {"a/b": "nested", "c": {"d/e": "deeper"}, "w": array("keys_string_slash/w", "int8", (2,))})
case("many")(lambda: {f"layer_{i:04d}": {"n": i, "w": array(f"many/{i}", "int16", (3,))} for i in range(1000)})


@case("deep")
def deep():
    tree = array("deep", "float32", (2, 2))
    for level in range(60):
        tree = [tree] if level % 3 == 2 else {"d": tree}
    return tree


@case("sequences")
def sequences():
    def a(i):
        return array(f"sequences/{i}", "float32", (2,))
    return {"list": [a(0), [a(1), a(2)]], "tuple": (a(3), (a(4), [a(5), 1])), "mixed": [{"a": a(6)}, (1, 2)],
            "twelve": [a(10 + i) for i in range(12)]}


case("bare")(lambda: array("bare", "float32", (4, 2)))
case("big")(lambda: {"f32": array("big/f32", "float32", (304, 1000)), "bf16": array("big/bf16", "bfloat16", (704, 1000)),
                     "i8": array("big/i8", "int8", (3,))})
case("zeros")(lambda: {"f32": np.zeros((4, 5), np.float32), "i64": np.zeros((3,), np.int64), "minus": np.full((4,), -0.0),
                       "n": 0, "x": 0.0, "no": False})


@case("prng_keys", flax=False)
def prng_keys():
    import jax
    data = jax.numpy.asarray(array("prng_keys/threefry", "uint32", (2,)))
    several = jax.numpy.asarray(array("prng_keys/rbg", "uint32", (3, 4)))
    return {"one": jax.random.wrap_key_data(data, impl="threefry2x32"), "rbg": jax.random.wrap_key_data(several, impl="rbg"),
            "w": array("prng_keys/w", "float32", (2,))}


@case("sharded", orbax=False, flax=False, from_python="sharded")
def sharded():
    import jax
    devices = np.asarray(jax.devices())

    def place(label, dtype, shape, grid, names, *spec):
        sharding = jax.sharding.NamedSharding(jax.sharding.Mesh(devices.reshape(grid), names), jax.sharding.PartitionSpec(*spec))
        return jax.device_put(array(f"sharded/{label}", dtype, shape), sharding)

    return {"line": place("line", "float32", (16, 3), (8,), ("d",), "d"),
            "columns": place("columns", "int32", (3, 16), (8,), ("d",), None, "d"),
            "square": place("square", "float32", (8, 6), (4, 2), ("x", "y"), "x", "y"),
            "partial": place("partial", "bfloat16", (8, 6), (4, 2), ("x", "y"), None, "y"),
            "both": place("both", "float32", (16, 2), (4, 2), ("x", "y"), ("x", "y")),
            "cube": place("cube", "int16", (4, 2, 6), (2, 2, 2), ("a", "b", "c"), "a", None, "c"),
            "replicated": place("replicated", "float32", (8, 4), (4, 2), ("x", "y")),
            "scalar": place("scalar", "float32", (), (8,), ("d",)),
            "host": array("sharded/host", "float32", (5,))}


case("chunked", orbax=False, flax=False, from_python="chunked")(
    lambda: {"even": array("chunked/even", "float32", (12, 20)), "odd": array("chunked/odd", "int64", (7, 11, 3)), "n": 5})

# ----------------------------------------------------------------- forms


def is_array(value):
    return isinstance(value, np.ndarray) or (type(value).__module__.split(".")[0] in ("jax", "jaxlib") and hasattr(value, "sharding"))


def fields(value):
    """(name, child) pairs of a dataclass or a named tuple, else None."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(name, getattr(value, name)) for name in value._fields]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if f.metadata.get("pytree_node", True)]
    return None


def raw_orbax(tree):
    """What a restore without a target gives: tuples as lists, structs as dicts, empty ones as None, NumPy scalars as Python's."""
    named = fields(tree)
    if named is not None:
        return {name: raw_orbax(child) for name, child in named} or None
    if isinstance(tree, dict):
        return {key: raw_orbax(child) for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return None if tree == () else [raw_orbax(child) for child in tree]
    return tree.item() if isinstance(tree, np.generic) else tree


def raw_flax_orbax(state):
    """What restore_checkpoint without a target gives of a state dict that went through Orbax: empty states are None."""
    return {key: raw_flax_orbax(child) for key, child in state.items()} or None if isinstance(state, dict) else state


def like(tree, leaf):
    """A target: the same structure with leaf(x) for every leaf x."""
    if is_array(tree) or not isinstance(tree, (dict, list, tuple)) and fields(tree) is None:
        return None if tree is None else leaf(tree)
    if isinstance(tree, dict):
        return {key: like(child, leaf) for key, child in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[like(child, leaf) for child in tree])
    if isinstance(tree, (list, tuple)):
        return type(tree)(like(child, leaf) for child in tree)
    return tree.replace(**{name: like(child, leaf) for name, child in fields(tree)})


def python_number(leaf):
    """To Orbax a NumPy scalar is a number like Python's."""
    return leaf.item() if isinstance(leaf, np.generic) else leaf


def blank(leaf):
    """Another value of the same type, shape and dtype."""
    if is_array(leaf):
        return np.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, np.ndarray) else leaf
    return "?" if isinstance(leaf, str) else type(leaf)(0)


# ----------------------------------------------------------------- comparison


def bits(value):
    """dtype, shape and C-order bytes; what int4 and its like have in their upper bits is nobody's business."""
    data = np.asarray(value)
    name = data.dtype.name
    if name in ("int4", "int2"):
        data = data.astype(np.int8)
    elif name in ("uint4", "uint2"):
        data = data.astype(np.uint8)
    return name, data.shape, np.ascontiguousarray(data).tobytes()


def _is_key(value):
    return is_array(value) and str(value.dtype).startswith("key<")


def differences(got, want, path="", found=None):
    """What is not the same, as a list of texts; bit for bit. jax and NumPy arrays count as equal."""
    found = [] if found is None else found
    where = path or "/"
    if _is_key(got) or _is_key(want):
        import jax
        if not (_is_key(got) and _is_key(want) and got.dtype == want.dtype):
            found.append(f"{where}: {getattr(got, 'dtype', type(got))}, not {getattr(want, 'dtype', type(want))}")
        else:
            differences(np.asarray(jax.random.key_data(got)), np.asarray(jax.random.key_data(want)), path, found)
    elif is_array(want):
        if not is_array(got):
            found.append(f"{where}: {type(got).__name__} {got!r:.60}, not an array")
        elif bits(got)[:2] != bits(want)[:2]:
            found.append(f"{where}: {bits(got)[:2]}, not {bits(want)[:2]}")
        elif bits(got) != bits(want):
            a, b = bits(got)[2], bits(want)[2]
            at = next(i for i in range(len(b)) if a[i] != b[i])
            found.append(f"{where}: from byte {at} on {a[at:at + 8].hex()}, not {b[at:at + 8].hex()}")
    elif fields(want) is not None:
        if type(got) is not type(want):
            found.append(f"{where}: {type(got).__name__}, not {type(want).__name__}")
        else:
            for (name, child), (_, other) in zip(fields(got), fields(want)):
                differences(child, other, f"{path}/{name}", found)
    elif isinstance(want, dict):
        if not isinstance(got, dict) or set(got) != set(want):
            keys = sorted(got) if isinstance(got, dict) else type(got).__name__
            found.append(f"{where}: {keys!r:.90}, not the keys {sorted(want)!r:.90}")
        else:
            for key in want:
                differences(got[key], want[key], f"{path}/{key}", found)
    elif isinstance(want, (list, tuple)):
        if type(got) is not type(want) or len(got) != len(want):
            found.append(f"{where}: {type(got).__name__} {got!r:.60}, not a {type(want).__name__} of {len(want)}")
        else:
            for i, (child, other) in enumerate(zip(got, want)):
                differences(child, other, f"{path}/{i}", found)
    elif type(got) is not type(want):
        found.append(f"{where}: {type(got).__name__} {got!r:.60}, not {type(want).__name__} {want!r:.60}")
    elif isinstance(want, (float, complex, np.generic)):
        if bits(got) != bits(want):
            found.append(f"{where}: {got!r}, not {want!r}")
    elif got != want:
        found.append(f"{where}: {got!r:.80}, not {want!r:.80}")
    return found


def summary(found):
    return "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
