#!/usr/bin/env python3
"""seed.py GOLDEN OUT [ARRAYS]: seeds for the fuzz targets, OUT/<target>/<name>, out of the unpacked golden set and of arrays that
tests/arrays/write.py wrote. Needs the command zstd."""

import bz2
import gzip
import json
import os
import pathlib
import struct
import subprocess
import sys

golden, out = map(pathlib.Path, sys.argv[1:3])
arrays = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
LARGEST = 4096
MOST = 8192  # what scripts/fuzz lets an input grow to


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

# zarr: metadata, and each array's first chunks behind it. blosc: chunks that are containers.
ZARR = (".zarray", "zarr.json")


def is_blosc(text):
    metadata = json.loads(text)
    if "compressor" in metadata:
        return (metadata["compressor"] or {}).get("id") == "blosc"
    return [codec["name"] for codec in metadata.get("codecs", [])][-1:] == ["blosc"]


def chunk_seed(name, text, chunk):
    put("zarr_chunk", name, struct.pack("<H", len(text)) + text + chunk)
    if is_blosc(text):
        put("blosc", name, chunk, MOST)


def array_seeds(folder, name):
    text = next((folder / each).read_bytes() for each in ZARR if (folder / each).exists())
    put("zarr_metadata", name, text)
    chunks = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in ZARR and path.relative_to(folder).parts[0][0] in "c0123456789")
    if chunks:
        chunk_seed(name, text, chunks[0].read_bytes())


for path in files:
    if path.name in ZARR:
        array_seeds(path.parent, name_of(path))
if arrays:
    for folder in sorted(arrays.iterdir()):
        if folder.is_dir():
            array_seeds(folder, f"array{folder.name}")
for dtype, item in (("<f4", 4), (">f4", 4), ("|b1", 1), ("bfloat16", 2), ("int4", 1), (">c8", 8), ("<i8", 8)):
    for order in "CF":
        text = json.dumps({"zarr_format": 2, "shape": [3, 5], "chunks": [2, 3], "dtype": dtype, "order": order, "compressor": None, "fill_value": None, "filters": None,
                           "dimension_separator": "."}).encode()
        put("zarr_metadata", f"made{dtype}{order}", text)
        put("zarr_chunk", f"made{dtype}{order}", struct.pack("<H", len(text)) + text + bytes([1, 0] * 3 * item))


CRC_TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    CRC_TABLE.append(n)


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def sealed(content):
    return content + struct.pack("<I", crc32c(content))


def v3(shape, chunks, data_type, codecs, fill=0):
    return json.dumps({"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": data_type, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
                       "chunk_key_encoding": {"name": "default"}, "fill_value": fill, "codecs": codecs}).encode()


def codec(name, **configuration):
    return {"name": name, "configuration": configuration} if configuration else {"name": name}


def sharded(chunks, codecs, location="end"):
    return codec("sharding_indexed", chunk_shape=chunks, codecs=codecs, index_codecs=[codec("bytes", endian="little"), codec("crc32c")], index_location=location)


def shard(parts, at_start=False):
    at, index = 16 * len(parts) + 4 if at_start else 0, b""
    for part in parts:
        index += struct.pack("<QQ", at, len(part)) if part is not None else b"\xff" * 16
        at += len(part or b"")
    content = b"".join(part or b"" for part in parts)
    return sealed(index) + content if at_start else content + sealed(index)


LITTLE, CRC = codec("bytes", endian="little"), codec("crc32c")
part = bytes(range(16))  # 4 x int32
inner = shard([part, None])
for name, text, chunk in (
    ("plain", v3([2, 3], [2, 2], "int32", [LITTLE]), part),
    ("crc", v3([2, 3], [2, 2], "int32", [LITTLE, CRC, CRC]), sealed(sealed(part))),
    ("transposed", v3([2, 3], [2, 2], "int32", [codec("transpose", order=[1, 0]), codec("bytes", endian="big"), CRC]), sealed(part)),
    ("shards", v3([4, 4], [4, 4], "int32", [sharded([2, 2], [LITTLE, CRC])]), shard([sealed(part), None, sealed(part), sealed(part)])),
    ("shards_start", v3([4, 4], [4, 4], "int32", [sharded([2, 2], [LITTLE], "start")], 7), shard([part, part, None, part], True)),
    ("one_shard", v3([2, 2], [2, 2], "float32", [sharded([2, 2], [LITTLE, CRC])], "NaN"), shard([sealed(part)])),
    ("nested", v3([4, 4], [4, 4], "int32", [sharded([2, 4], [sharded([2, 2], [LITTLE], "end")], "start")]), shard([inner, inner], True)),
    ("transposed_shards", v3([4, 2], [4, 2], "int32", [codec("transpose", order=[1, 0]), sharded([2, 2], [codec("transpose", order=[1, 0]), LITTLE])]), shard([part, part])),
    ("bools", v3([4, 4], [4, 4], "bool", [sharded([4, 4], [codec("bytes")])], True), shard([bytes([0, 1] * 8)])),
    ("int4", v3([16], [16], "int4", [codec("bytes"), CRC], -3), sealed(part)),
    ("gzip_twice", v3([2, 2], [2, 2], "int32", [LITTLE, CRC, codec("gzip"), CRC, codec("gzip")]), gzip.compress(sealed(gzip.compress(sealed(part), mtime=0)), mtime=0)),
    ("bz2", json.dumps({"zarr_format": 2, "shape": [2, 2], "chunks": [2, 2], "dtype": "<i4", "order": "C", "compressor": {"id": "bz2", "level": 9}, "fill_value": 0,
                        "filters": None}).encode(), bz2.compress(part)),
):
    put("zarr_metadata", f"v3_{name}", text)
    chunk_seed(f"v3_{name}", text, chunk)

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


def item_seed(name, names, database=None):
    """Files of a folder; those that `database` is true of are keys of databases, in the folder that their name begins with."""
    if len(names) > 60 or sum(map(len, names.values())) > MOST or any(len(each.encode()) > 120 for each in names):
        return
    put("item", name, b"".join(entry(1 + (len(content) > 300) if database and database(each) else 0, each, content) for each, content in names.items()), MOST)


def names_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_relative_to(folder)}


def seeds_of(folder):
    names = names_in(folder)
    item_seed(name_of(folder), names)
    # Without the file that describes it, where others still do.
    if "_METADATA" in names and "checkpoint" not in names:
        item_seed(name_of(folder) + "_bare", {name: content for name, content in names.items() if name not in ("_METADATA", "array_metadatas/process_0", "_sharding")})
    if "manifest.ocdbt" not in names and "_METADATA" in names:
        text = {name: content.replace(b'"use_ocdbt": false', b'"use_ocdbt": true') if name == "_METADATA" else content for name, content in names.items()}
        item_seed(name_of(folder) + "_database", text, lambda name: name.endswith(ZARR) or ("/" in name and not name.startswith("array_metadatas")))


for mark in files:
    if mark.name == "_METADATA" or (mark.name == "checkpoint" and not (mark.parent / "_METADATA").exists()) or (
            mark.name == "manifest.ocdbt" and not (mark.parent / "_METADATA").exists() and not mark.parent.name.startswith("ocdbt.process_")):
        seeds_of(mark.parent)
for folder in sorted(path for path in golden.rglob("*") if path.is_dir()):
    below = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if len(below) == 2 and below[1] == below[0] + "_metadata":  # a random key
        names = names_in(folder)
        item_seed(name_of(folder), names)
        arrays_in = {name: content for name, content in names.items() if name.endswith(ZARR) or "/checkpoint/" in name}
        if arrays_in:
            rest = {name: content.replace(b'"use_ocdbt": false', b'"use_ocdbt": true') for name, content in names.items() if name not in arrays_in}
            put("item", name_of(folder) + "_database", b"".join(entry(0, name, content) for name, content in rest.items()) + entry(3, below[0], b"") + b"".join(
                entry(2, name.split("/", 1)[1], content) for name, content in arrays_in.items()), MOST)
    if folder.name.endswith("_gda") and (folder.parent / folder.name[:-4]).is_file():  # arrays of several processes
        item_seed(name_of(folder), {"checkpoint_3": (folder.parent / folder.name[:-4]).read_bytes(), **{"checkpoint_3_gda/" + name: content for name, content in names_in(folder).items()}})
    if any((folder / each).exists() for each in ZARR) and "tensorstore" in name_of(folder):
        item_seed(name_of(folder), names_in(folder))

KEYS = {"step": ([], "scalar", "<i8"), "params.a.kernel": ([2, 3], "np.ndarray", "<f4"), "params.a.bias": ([3], "np.ndarray", "<f8"), "data.0": ([2], "np.ndarray", "<f4"),
        "ema": ([2], "jax.Array", "bfloat16"), "key": ([2], "jax.Array", "<u4"), "any": ([], "scalar", "<i8"), "rest.x": ([1], "np.ndarray", "|b1")}
DTYPES = {"<i8": "int64", "<f4": "float32", "<f8": "float64", "bfloat16": "bfloat16", "<u4": "uint32", "|b1": "bool"}
PROCESS = json.dumps({"array_metadatas": [{"array_metadata": {"param_name": "key", "write_shape": [2], "chunk_shape": [2], "ext_metadata": {"random_key_impl": "threefry2x32"}}}]}).encode()
tree = {}
for name, (shape, kind, dtype) in KEYS.items():
    keys = [{"key": key, "key_type": 1 if key.isdigit() else 2} for key in name.split(".")]
    tree[str(tuple(name.split(".")))] = {"key_metadata": keys, "value_metadata": {"value_type": kind, "skip_deserialize": False}}


def typed(zarr3, compressor=None):
    stored = b""
    for name, (shape, kind, dtype) in KEYS.items():
        chunks, count, size = [max(n, 1) for n in shape], 1, 2 if dtype == "bfloat16" else int(dtype[2:])
        for n in shape:
            count *= n
        elements = bytes(count * size)
        if zarr3:
            plain = codec("bytes") if size == 1 else LITTLE
            text = v3(shape, chunks, DTYPES[dtype], [sharded(chunks, [plain, CRC])], False if size == 1 else 0)
            stored += entry(1, name + "/zarr.json", text) + entry(2, "/".join([name, "c", *"0" * len(shape)]), shard([sealed(elements)]))
        else:
            text = json.dumps({"chunks": chunks, "compressor": None, "dimension_separator": ".", "dtype": dtype, "fill_value": None, "filters": None, "order": "C", "shape": shape,
                               "zarr_format": 2}).encode()
            stored += entry(1, name + "/.zarray", text) + entry(2, name + "/" + (".".join("0" * len(shape)) or "0"), elements)
    return stored


for zarr3 in (False, True):
    name = "typed_zarr3" if zarr3 else "typed"
    metadata = {"tree_metadata": tree, "use_ocdbt": True, "use_zarr3": zarr3, "store_array_data_equal_to_fill_value": True}
    put("item", name, entry(0, "_METADATA", json.dumps(metadata).encode()) + typed(zarr3) + entry(0, "array_metadatas/process_0", PROCESS), MOST)
    put("item", name + "_bare", typed(zarr3), MOST)

for folder in sorted(out.iterdir()):
    sizes = [file.stat().st_size for file in folder.iterdir()]
    print(f"{folder.name}: {len(sizes)} seeds, {sum(sizes)} bytes")
