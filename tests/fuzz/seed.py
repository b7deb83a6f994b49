#!/usr/bin/env python3
"""seed.py GOLDEN OUT: seeds for the fuzz targets, OUT/<target>/<name>, out of the unpacked golden set. Needs the command zstd."""

import json
import os
import pathlib
import struct
import subprocess
import sys

golden, out = map(pathlib.Path, sys.argv[1:3])
LARGEST = 4096


def put(target, name, content, largest=LARGEST):
    if len(content) <= largest:
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name.replace("/", "_")).write_bytes(content)


def name_of(path):
    return str(path.relative_to(golden))


files = sorted(path for path in golden.rglob("*") if path.is_file())

# msgpack: legacy files, and the aggregate file of an item.
for path in files:
    if path.suffix == ".msgpack" or path.name == "checkpoint":
        put("msgpack", name_of(path), path.read_bytes())

# JSON: what items and steps have beside their arrays.
for path in files:
    if path.name in ("_METADATA", "_CHECKPOINT_METADATA", "_strings.json", "_sharding", "metadata") or path.parent.name == "array_metadatas":
        put("json", name_of(path), path.read_bytes())
put("json", "orrery", json.dumps({"crc32c": {"a.b/0.0": 123, "c/0": 4294967295}}).encode())
put("json", "escapes", json.dumps({"a\t\n\r\b\f\\\"/\x01\x1f\x7f é \u2028 \U0001f600": ["\t", "\n", "\r", "\b", "\f"]}).encode())
put("json", "numbers", b'[0, -0, 1e-400, 1e308, 18446744073709551615, 99999999999999999999, NaN, -Infinity, 1.5e+3, "\\u00e9\\ud83d\\ude00"]')

# zarr: metadata, and each array's first chunks behind it.
for path in files:
    if path.name == ".zarray":
        text = path.read_bytes()
        put("zarr_metadata", name_of(path), text)
        for chunk in sorted(path.parent.rglob("*")):
            if chunk.is_file() and chunk.name != ".zarray" and chunk.name[0].isdigit():
                put("zarr_chunk", name_of(chunk), struct.pack("<H", len(text)) + text + chunk.read_bytes())
                break
for dtype, item in (("<f4", 4), (">f4", 4), ("|b1", 1), ("bfloat16", 2), ("int4", 1), (">c8", 8), ("<i8", 8)):
    for order in "CF":
        text = json.dumps({"zarr_format": 2, "shape": [3, 5], "chunks": [2, 3], "dtype": dtype, "order": order, "compressor": None, "fill_value": None, "filters": None,
                           "dimension_separator": "."}).encode()
        put("zarr_metadata", f"made{dtype}{order}", text)
        put("zarr_chunk", f"made{dtype}{order}", struct.pack("<H", len(text)) + text + bytes([1, 0] * 3 * item))

# OCDBT: bodies without their envelopes, found by magic number and length. (A body that is compressed is one zstd frame.)
MAGIC = {0x0CDB3A2A: "ocdbt_manifest", 0x0CDB20DE: "ocdbt_btree", 0x0CDB1234: "ocdbt_version_tree"}


def body_of(blob):
    if blob[12] != 0 or blob[13] > 1:
        return None
    body = blob[14:-4]
    return subprocess.run(["zstd", "-dcq"], input=body, capture_output=True).stdout if blob[13] == 1 else body


for path in files:
    if path.name != "manifest.ocdbt" and path.parent.name != "d" and not path.name.startswith("manifest"):
        continue
    content = path.read_bytes()
    for magic, target in MAGIC.items():
        at = -1
        found = 0
        while (at := content.find(struct.pack(">I", magic), at + 1)) >= 0 and found < 3:
            length = int.from_bytes(content[at + 4:at + 12], "little")
            if 18 <= length <= min(len(content) - at, 65536):
                body = body_of(content[at:at + length])
                if body:
                    put(target, f"{name_of(path)}_{at}", body, 2048)
                    found += 1
    if path.name == "manifest.ocdbt":
        put("ocdbt_manifest", name_of(path) + "_whole", content)

# safetensors.
for path in files:
    if path.suffix == ".safetensors":
        put("safetensors", path.name, path.read_bytes())


def dotted(*names):
    header, offset = {}, 0
    for name in names:
        header[name] = {"dtype": "F32", "shape": [1], "data_offsets": [offset, offset + 4]}
        offset += 4
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(offset)


put("safetensors", "typed", dotted("below.0.step", "below.0.layers.1.weight", "layers.0.bias", "layers.0.weight", "nested.a.b.c", "one.weight", "pair.0", "params.a.b.weight", "rest.x",
                                   "step"))


# item: directories as they are, and those that keep arrays in files also as entries of a database.
def entry(kind, name, content):
    return struct.pack("<BB", kind, len(name.encode())) + name.encode() + struct.pack("<H", len(content)) + content


for mark in files:
    if mark.name not in ("_METADATA", "checkpoint") or (mark.name == "checkpoint" and (mark.parent / "_METADATA").exists()):
        continue
    item = mark.parent
    inside = [path for path in files if path.is_relative_to(item)]
    if len(inside) > 60 or sum(path.stat().st_size for path in inside) > 3 * LARGEST:
        continue
    names = {str(path.relative_to(item)): path.read_bytes() for path in inside}
    if any(len(name.encode()) > 120 for name in names):
        continue
    put("item", name_of(item), b"".join(entry(0, name, content) for name, content in names.items()))
    if "manifest.ocdbt" not in names:
        is_stored = lambda name: name.endswith(".zarray") or "/" in name
        text = {name: content.replace(b'"use_ocdbt": false', b'"use_ocdbt": true') if name == "_METADATA" else content for name, content in names.items()}
        put("item", name_of(item) + "_database", b"".join(entry(1 + (len(content) > 300) if is_stored(name) else 0, name, content) for name, content in text.items()))

KEYS = {"step": ([], "scalar", "<i8"), "params.a.kernel": ([2, 3], "np.ndarray", "<f4"), "params.a.bias": ([3], "np.ndarray", "<f8"), "data.0": ([2], "np.ndarray", "<f4"),
        "ema": ([2], "jax.Array", "bfloat16"), "key": ([2], "jax.Array", "<u4"), "any": ([], "scalar", "<i8"), "rest.x": ([1], "np.ndarray", "|b1")}
tree, stored = {}, b""
for name, (shape, kind, dtype) in KEYS.items():
    keys = [{"key": key, "key_type": 1 if key.isdigit() else 2} for key in name.split(".")]
    tree[str(tuple(name.split(".")))] = {"key_metadata": keys, "value_metadata": {"value_type": kind, "skip_deserialize": False}}
    zarray = {"chunks": [max(n, 1) for n in shape], "compressor": None, "dimension_separator": ".", "dtype": dtype, "fill_value": None, "filters": None, "order": "C", "shape": shape,
              "zarr_format": 2}
    count = 1
    for n in shape:
        count *= n
    stored += entry(1, name + "/.zarray", json.dumps(zarray).encode())
    stored += entry(2, name + "/" + (".".join("0" * len(shape)) or "0"), bytes(count * (2 if dtype == "bfloat16" else int(dtype[2:]))))
metadata = {"tree_metadata": tree, "use_ocdbt": True, "store_array_data_equal_to_fill_value": True}
put("item", "typed", entry(0, "_METADATA", json.dumps(metadata).encode()) + stored + entry(0, "array_metadatas/process_0", json.dumps(
    {"array_metadatas": [{"array_metadata": {"param_name": "key", "write_shape": [2], "chunk_shape": [2], "ext_metadata": {"random_key_impl": "threefry2x32"}}}]}).encode()), 8192)

for folder in sorted(out.iterdir()):
    sizes = [file.stat().st_size for file in folder.iterdir()]
    print(f"{folder.name}: {len(sizes)} seeds, {sum(sizes)} bytes")
