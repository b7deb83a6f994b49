"""make_cases.py ERA DIR: random trees and rules, and what the real Orbax of this era makes of them, for agree.cpp.

DIR/cases.json lists them; each is seeded by its number alone, so the trees are the same in every era. A case has an original tree, which
is also saved as an Orbax checkpoint DIR/<number>, a new tree, rules, and the results of apply_transformations and of a restore with the
same rules: a tree, or the class of what was raised. DIR/casts is a checkpoint of one array per dtype; DIR/casts.json has its elements
as they come back under every other dtype.
"""

import json
import os
import random
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)
import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402
import orbax.checkpoint as ocp  # noqa: E402

ERA, DIRECTORY = sys.argv[1:]
CASES = 200
KEYS = ["a", "b", "kernel", "bias", "layer_0", "layer_1", "step", "w.x", "é"]
Transform = ocp.RestoreTransform


# ----------------------------------------------------------------- functions that both sides know

def plus_one(x):
    return x if isinstance(x, str) else x + (np.ones_like(x) if isinstance(x, np.ndarray) else 1)


def transpose(x):
    return x.T if isinstance(x, np.ndarray) else x


def twice(x):
    return np.concatenate([np.ravel(x)] * 2) if isinstance(x, np.ndarray) else x


VALUE_FNS = {f.__name__: f for f in (plus_one, transpose, twice)}


def at(tree, path):
    for key in path:
        tree = tree[int(key)] if isinstance(tree, (list, tuple)) else tree[key]
    return tree


def joined(paths):
    """All elements of arrays of float32, one after the other."""
    return lambda key, tree, args=None: np.concatenate([np.ravel(at(tree, path)) for path in paths])


# ----------------------------------------------------------------- trees

def leaf(rng):
    kind = rng.randrange(10)
    if kind == 0:
        return rng.randrange(-5, 100)
    if kind == 1 and ERA == "newest":
        return rng.choice(["text", "other"])
    dtype = rng.choice(["float32", "float32", "float32", "int32", "int64"])
    shape = [rng.randrange(1, 4) for _ in range(rng.randrange(1, 3))]
    return np.array([rng.randrange(-50, 50) / 2 for _ in range(int(np.prod(shape)))]).reshape(shape).astype(dtype)


def tree(rng, depth, empties):
    kind = rng.randrange(12)
    if depth == 0 or kind < 3:
        if empties and rng.randrange(12) == 0:
            return rng.choice([None, {}, [], ()])
        return leaf(rng)
    if kind < 5:
        return rng.choice([list, tuple])(tree(rng, depth - 1, empties) for _ in range(rng.randrange(1, 4)))
    return {key: tree(rng, depth - 1, empties) for key in rng.sample(KEYS, rng.randrange(1, 5))}


def changed(rng, value):
    """Like a tree, but not quite: entries gone, renamed, added, other leaves."""
    if isinstance(value, dict):
        out = {}
        for key, child in value.items():
            if rng.randrange(6) == 0:
                continue
            out[rng.choice(KEYS) if rng.randrange(5) == 0 else key] = changed(rng, child)
        if rng.randrange(3) == 0:
            out["new_" + rng.choice("xyz")] = tree(rng, 1, True)
        return out
    if isinstance(value, (list, tuple)):
        out = [changed(rng, child) for child in value]
        if rng.randrange(5) == 0:
            out.append(leaf(rng))
        return type(value)(out)
    if rng.randrange(15) == 0:
        return tree(rng, 1, True)
    return leaf(rng) if value is not None else None


def flat(value, path=()):
    """The leaves by their paths, as Orbax has them: none where there is None or nothing."""
    if isinstance(value, dict):
        return {k: v for key in sorted(value) for k, v in flat(value[key], path + (key,)).items()}
    if isinstance(value, (list, tuple)):
        return {k: v for i, child in enumerate(value) for k, v in flat(child, path + (str(i),)).items()}
    return {} if value is None else {path: value}


def escaped(text):
    return "".join("\\" + c if c in ".()[]{}*+?^$|\\" else c for c in text)


def rule(rng, original, new):
    """(pattern, Transform, the same as JSON) for keys that are there, mostly."""
    old_keys = list(original) or [("none",)]
    new_keys = list(new) or [("none",)]
    target = rng.choice(new_keys)
    text = "/".join(target)
    pattern, groups = rng.choice([
        (escaped(text), 0), (escaped(text), 0), (escaped("/".join(target[:-1])) + "/(.*)" if len(target) > 1 else "(.*)", 1),
        ("(.*)" + escaped(target[-1]), 1), ("(.*)/([^/]*)", 2), (f"({escaped(text)}|bias)", 1), (".*", 0), ("[a-z]+", 0),
        (escaped(text[:1]) + "(.*?)(/.*)?", 2)])
    what = rng.randrange(10)
    if what < 2:
        return pattern, Transform(use_fallback=True), {"use_fallback": True}
    floats = [path for path, value in original.items() if isinstance(value, np.ndarray) and value.dtype == np.float32]
    if what == 2 and floats:
        paths = [rng.choice(floats) for _ in range(rng.randrange(1, 3))]
        inputs = [escaped("/".join(path)) for path in paths] if rng.randrange(2) else [".*"]
        made = Transform(multi_value_fn=joined(paths), multi_value_fn_input_args={one: ocp.RestoreArgs() for one in inputs})
        return pattern, made, {"joined": ["/".join(path) for path in paths], "inputs": inputs}
    source = "/".join(rng.choice(old_keys))
    choices = [None, source, source]
    if groups == 1:
        choices += [source + "\\1", "\\1", "/".join(rng.choice(old_keys)[:-1] + ("\\1",)), "\\g<1>" + rng.choice(old_keys)[-1]]
    if groups == 2:
        choices += ["\\2/\\1", "\\1/\\2", "\\1\\2"]
    original_key = rng.choice(choices)
    name = rng.choice(list(VALUE_FNS)) if what < 6 else None
    written = {}
    if original_key is not None:
        written["original_key"] = original_key
    if name:
        written["value_fn"] = name
    return pattern, Transform(original_key=original_key, value_fn=VALUE_FNS.get(name)), written


# ----------------------------------------------------------------- JSON

def to_json(value):
    if value is None:
        return None
    if isinstance(value, dict):
        return {"dict": [[key, to_json(child)] for key, child in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [to_json(child) for child in value]}
    if isinstance(value, str):
        if value.startswith("PLACEHOLDER://"):
            raise Unread
        return {"string": value}
    if isinstance(value, (np.ndarray, jax.Array)) and np.ndim(value):
        return {"array": str(value.dtype), "shape": list(value.shape), "values": np.asarray(value).ravel().tolist()}
    number = np.asarray(value).item()  # a Python scalar; some eras give it back as an array without dimensions
    if not isinstance(number, (int, float)):
        raise Unread
    return {"number": number}


class Unread(Exception):
    """A restore gave the mark of a value that it did not read.

    Orbax takes the restore_args of the first key of the target that a rule gives a stored key to; where that one is None or empty, there are
    none, and the stored key is not read, though other keys want it, too.
    """


def outcome(run):
    try:
        return {"tree": to_json(run())}
    except Unread:
        return {"unread": True}
    except Exception as error:  # pylint: disable=broad-except
        if "ValueMetadataEntry" in str(error):  # a function was given such a mark
            return {"unread": True}
        return {"error": type(error).__name__, "text": str(error)[:200]}


def make_case(number, checkpointer):
    rng = random.Random(number)
    original = tree(rng, 3, ERA == "newest")
    while not isinstance(original, dict) or not flat(original):
        original = tree(rng, 3, ERA == "newest")
    new = changed(rng, original)
    while not isinstance(new, dict) or not new:  # an empty target takes what is stored with us, and stays empty with Orbax
        new = changed(rng, original)
    rules = {}
    written = {}
    for _ in range(rng.choice([0, 1, 1, 2, 3, 4])):
        pattern, transform, text = rule(rng, flat(original), flat(new))
        rules[pattern] = transform
        written[pattern] = text
    default = rng.randrange(4) != 0
    path = os.path.join(DIRECTORY, str(number))
    checkpointer.save(path, original)
    restore_args = jax.tree_util.tree_map(lambda _: ocp.RestoreArgs(), new)

    def restore():
        if ERA == "newest":
            args = ocp.args.PyTreeRestore(item=new, restore_args=restore_args, transforms=rules, transforms_default_to_original=default)
            return checkpointer.restore(path, args=args)
        return checkpointer.restore(path, item=new, restore_args=restore_args, transforms=rules, transforms_default_to_original=default)

    return {"name": str(number), "original": to_json(original), "new": to_json(new), "default_to_original": default,
            "rules": [[pattern, text] for pattern, text in written.items()],
            "apply": outcome(lambda: ocp.apply_transformations(original, rules, new, default)), "restore": outcome(restore)}


# ----------------------------------------------------------------- conversions

CAST_DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64",
               "complex64", "complex128"] + (["float8_e4m3fn", "float8_e5m2"] if ERA == "newest" else [])


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def cast_values(name):
    rng = np.random.RandomState(7)
    dtype = dtype_of(name)
    if dtype == bool:
        return np.array([False, True, True])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        near = [0, 1, 2, 3, 7, 100, 127, 128, 129, 255, 256, 257, 2047, 2049, 32767, 65504, 65519, 65520, 65535, 16777217, 33554435, 2**31 - 1, 2**53 + 1]
        values = [v for v in near + [-v for v in near] + [limits.min, limits.max, limits.max - 1] if limits.min <= v <= limits.max]
        return np.array(values + rng.randint(max(limits.min, -2**31), min(limits.max, 2**31 - 1), 200).tolist(), dtype)
    values = [0.0, -0.0, 0.1, 0.5, 0.9999, 1, 1.5, 2.5, 3.5, -0.5, -1.5, -2.7, 126.9, 127.5, 255.4, 448, 464, 465, 2049, 65504, 65519, 65520, 1e-3, 1e-8, 6e-8,
              2.0**-133, 1e-40, 1e-45, 3.4e38, 1e38, 1e10, 1.00390625, 1.01171875, float("inf"), float("-inf"), float("nan")]
    values += (rng.randn(300) * 10.0 ** rng.uniform(-6, 6, 300)).tolist()
    with np.errstate(all="ignore"):
        real = np.array(values).astype(dtype)
    return real + (real[::-1] * np.array(1j)).astype(dtype) if dtype.kind == "c" else real


def make_casts(checkpointer):
    path = os.path.join(DIRECTORY, "casts")
    arrays = {name: cast_values(name) for name in CAST_DTYPES}
    checkpointer.save(path, arrays)
    out = {}
    for name in CAST_DTYPES:
        # TensorStore has no conversion from complex to real but by dropping what is imaginary, which it wants to be told.
        keys = [key for key in arrays if not key.startswith("complex") or name.startswith("complex")]
        args = {key: ocp.RestoreArgs(restore_type=np.ndarray, dtype=dtype_of(name) if key in keys else None) for key in arrays}
        if ERA == "newest":
            got = checkpointer.restore(path, args=ocp.args.PyTreeRestore(restore_args=args))
        else:
            got = checkpointer.restore(path, restore_args=args)
        for key in keys:
            element = np.ascontiguousarray(got[key])
            assert element.dtype == dtype_of(name), (key, name, element.dtype)
            out[f"{key} to {name}"] = element.tobytes().hex()
    with open(os.path.join(DIRECTORY, "casts.json"), "w", encoding="utf-8") as file:
        json.dump(out, file)


def main():
    os.makedirs(DIRECTORY, exist_ok=True)
    checkpointer = ocp.PyTreeCheckpointer()
    with open(os.path.join(DIRECTORY, "cases.json"), "w", encoding="utf-8") as file:
        json.dump([make_case(number, checkpointer) for number in range(CASES)], file)
    make_casts(checkpointer)


main()
