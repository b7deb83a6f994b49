#!/usr/bin/env python3
"""safetensors_files.py --python P --command ORRERY: our safetensors files against the real library, byte by byte and refusal by refusal.

Run by any Python; --python is the one that has the library. Without it everything counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
for argument in ("--python", "--command"):
    parser.add_argument(argument, required=True, type=os.path.abspath)
args = parser.parse_args()
total = {"passed": 0, "failed": 0, "skipped": 0}


def report(verdict, name, text=""):
    total[verdict] += 1
    if verdict != "passed":
        print(f"{'FAIL' if verdict == 'failed' else 'SKIP'} safetensors {name}: {text}", flush=True)


def finish():
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    sys.exit(1 if total["failed"] else 77 if total["skipped"] else 0)


try:
    import ml_dtypes
    import numpy as np
    import safetensors
    from safetensors.numpy import save
except ImportError as missing:
    has_library = os.path.exists(args.python) and subprocess.run([args.python, "-c", "import safetensors, ml_dtypes"], capture_output=True).returncode == 0
    if has_library and os.environ.get("ORRERY_SAFETENSORS") != "inside":
        os.execve(args.python, [args.python, os.path.abspath(__file__), "--python", args.python, "--command", args.command],
                  {**os.environ, "ORRERY_SAFETENSORS": "inside", "PYTHONDONTWRITEBYTECODE": "1"})
    report("failed" if os.environ.get("CI") == "true" else "skipped", "library", f"{missing}: run scripts/setup, which needs PyPI")
    finish()


def orrery(*arguments):
    return subprocess.run([args.command, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", timeout=60)


def file(header, data=b"", length=None):
    """A file of that header (JSON, text or bytes), with the true length in front of it or another."""
    header = json.dumps(header) if isinstance(header, (dict, list)) else header
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


NAMES = ("bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
         "float8_e5m2fnuz float8_e8m0fnu").split()
DTYPES = {name: np.dtype(getattr(ml_dtypes, name, None) or name) for name in NAMES}


def array(name, *shape):
    rng = np.random.default_rng(len(name) + sum(shape))
    raw = rng.integers(0, 2 if name == "bool" else 256, int(np.prod(shape)) * DTYPES[name].itemsize, np.uint8)
    return raw.view(DTYPES[name]).reshape(shape)


WRITTEN = {
    "nothing": ({}, None),
    "one text": ({}, {"format": "np"}),
    "every dtype": ({f"t.{name}": array(name, 3) for name in DTYPES}, {"format": "pt"}),
    "every dtype, other names and ranks": ({f"{1000 - i}": array(name, *range(2, 2 + i % 5)) for i, name in enumerate(DTYPES)}, None),
    "names": ({name: array("float32", 2) for name in ["", "a", "A", "é", "\uffff", "\U0001f600", "a\"\\\n\t\r\b\f\x01\x1f\x7f/<>&'\u2028", "b.0.c", "b", "b0", "b-0", "__metadata_"]},
              None),
    "shapes": ({str(shape): array("int16", *shape) for shape in [(), (0,), (1,), (3, 0, 2), (2, 3, 4), (1,) * 32]}, {"\n": "\x00\U0001f600"}),
    "many": ({f"model.layers.{i}.weight": array(NAMES[i % len(NAMES)], i % 7) for i in range(2000)}, None),
    "large": ({f"w{i}": array("float32", 1000, 300) for i in range(4)} | {"odd": array("int8", 1234567)}, None),
}

# What the library takes and orrery refuses: a name that stands twice (the library keeps the last without a word), a tensor as a list,
# what is packed into less than a byte (the library's NumPy half cannot load it either), more than 255 dimensions, extents of 2^63 on.
STRICTER = {"twice", "twice, one empty", "text twice", "tensor as a list", "F4", "F6", "rank 300", "extent 2^64-1", "extent 2^63"}
# The other way round: -0 is an integer to orrery, a float to the library.
LAXER = {"-0"}
GOOD = json.dumps(tensor())
READ = {
    "empty file": b"", "seven bytes": b"1234567", "header beyond the file": file("{}", length=100), "length 2^63": file("{}", length=2**63),
    "length 2^64-8": file("{}", length=2**64 - 8), "length above the limit": file("{}", length=100_000_001), "no header": file(""),
    "blank in front": file(" {}"), "line in front": file("\n{}"), "a list": file("[]"), "a number": file("1"), "no UTF-8": file(b'{"\xff":1}'),
    "lines behind": file("{}\n\t "), "zero behind": file("{}\0\0"), "letter behind": file("{}x"), "odd length": file("{}   "),
    "good": file({"a": tensor()}, b"1234"), "data behind": file({"a": tensor()}, b"12345"), "data missing": file({"a": tensor()}, b"123"),
    "hole in front": file({"a": tensor(offsets=(4, 8))}, b"12345678"), "hole": file({"a": tensor(), "b": tensor(offsets=(8, 12))}, b"1" * 12),
    "same place": file({"a": tensor(), "b": tensor()}, b"1111"), "overlap": file({"a": tensor(), "b": tensor(offsets=(2, 6))}, b"1" * 6),
    "backwards": file({"a": tensor(offsets=(4, 0))}, b"1111"), "negative offset": file({"a": tensor(offsets=(-4, 0))}),
    "offset 4.0": file({"a": tensor(offsets=(0, 4.0))}, b"1111"), "three offsets": file({"a": tensor(offsets=(0, 4, 5))}, b"1111"),
    "one offset": file({"a": tensor(offsets=(4,))}, b"1111"), "wrong size": file({"a": tensor(shape=(2,))}, b"1111"),
    "product overflows": file({"a": tensor(shape=(2**32, 2**32))}, b"1111"), "zero behind an overflow": file({"a": tensor(shape=(2**32, 2**32, 0), offsets=(0, 0))}),
    "zero before an overflow": file({"a": tensor(shape=(0, 2**62, 2**62), offsets=(0, 0))}), "negative extent": file({"a": tensor(shape=(-1,))}, b"1111"),
    "extent 2^64": file('{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}', b"1111"),
    "extent 2^64-1": file('{"a":{"dtype":"F32","shape":[18446744073709551615,0],"data_offsets":[0,0]}}'), "extent 2^63": file({"a": tensor(shape=(0, 2**63), offsets=(0, 0))}),
    "bits overflow": file({"a": tensor("U8", (2**61,), (0, 0))}), "end beyond all": file({"a": tensor(shape=(2**60,), offsets=(0, 2**62))}),
    "twice": file(f'{{"a":{GOOD},"a":{GOOD}}}', b"1111"), "twice, one empty": file(f'{{"a":{json.dumps(tensor(shape=(0,), offsets=(0, 0)))},"a":{GOOD}}}', b"1111"),
    "metadata twice": file('{"__metadata__":{},"__metadata__":{}}'), "text twice": file('{"__metadata__":{"a":"1","a":"2"}}'),
    "field twice": file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"1111"), "unknown field": file({"a": {**tensor(), "x": [1, {"y": None}]}}, b"1111"),
    "no shape": file({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, b"1111"), "tensor as a list": file({"a": ["F32", [1], [0, 4]]}, b"1111"), "tensor null": file({"a": None}),
    "metadata null": file({"__metadata__": None}), "metadata number": file({"__metadata__": {"a": 1}}), "metadata list": file({"__metadata__": []}),
    "metadata nested": file({"__metadata__": {"a": {"b": "c"}}}), "metadata as tensor": file({"__metadata__": tensor()}, b"1111"),
    "empty between": file({"a": tensor(), "z": tensor(shape=(0,), offsets=(4, 4)), "b": tensor(offsets=(4, 8))}, b"1" * 8),
    "empty inside another": file({"a": tensor(shape=(2,), offsets=(0, 8)), "z": tensor(shape=(0,), offsets=(4, 4))}, b"1" * 8),
    "empty at the end": file({"a": tensor(), "z": tensor(shape=(0,), offsets=(4, 4))}, b"1111"), "half a surrogate pair": file(f'{{"\\ud800":{GOOD}}}', b"1111"),
    "too deep": file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":' + "[" * 200 + "]" * 200 + "}}", b"1111"), "rank 300": file({"a": tensor(shape=[1] * 300)}, b"1111"),
    "rank 255": file({"a": tensor(shape=[1] * 255)}, b"1111"), "bool of 2": file({"a": tensor("BOOL", (1,), (0, 1))}, b"\x02"), "escaped name": file(f'{{"\\u0061":{GOOD}}}', b"1111"),
    "NaN in what is ignored": file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":NaN}}', b"1111"), "1e0": file('{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', b"1111"),
    "-0": file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}', b"1111"), "small letters": file({"a": tensor("f32")}, b"1111"), "F31": file({"a": tensor("F31")}, b"1111"),
    "F4": file({"a": tensor("F4", (4,), (0, 2))}, b"11"), "F4 odd": file({"a": tensor("F4", (3,), (0, 2))}, b"11"), "F6": file({"a": tensor("F6_E2M3", (4,), (0, 3))}, b"111"),
    "C128": file({"a": tensor("C128", (0,), (0, 0))}),
}

with tempfile.TemporaryDirectory() as scratch:
    theirs, ours = os.path.join(scratch, "theirs.safetensors"), os.path.join(scratch, "ours.safetensors")
    for name, (tensors, metadata) in WRITTEN.items():
        wanted = save(tensors, metadata)
        with open(theirs, "wb") as out:
            out.write(wanted)
        done = orrery("convert", theirs, ours, "--to", "safetensors", "--force")
        if done.returncode:
            report("failed", name, done.stderr.strip())
            continue
        with open(ours, "rb") as back:
            found = back.read()
        report("passed" if found == wanted else "failed", name, "the bytes differ from the library's")
    for name, content in READ.items():
        with open(theirs, "wb") as out:
            out.write(content)
        try:
            safetensors.deserialize(content)
            library = ""
        except safetensors.SafetensorError as error:
            library = str(error)
        done = orrery("show", theirs, "--json", "--checksums")
        refused = done.returncode == 1 and theirs in done.stderr
        if done.returncode and not refused:
            report("failed", name, f"exit {done.returncode}: {done.stderr.strip()}")
        elif refused != bool(library):
            expected = name in (STRICTER if refused else LAXER)
            report("passed" if expected else "failed", name, f"the library says {library or 'yes'!r}, orrery {done.stderr.strip() or 'yes'!r}")
        else:
            report("failed" if name in STRICTER | LAXER else "passed", name, "both agree; take it off the list of differences")
finish()
