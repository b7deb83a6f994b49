"""check.py ERA DIR: this era's Orbax and Flax restore everything that interop_writer wrote into DIR, in every way they have, and it is
compared bit for bit with cases.py; what Flax writes of the same trees has to be the same bytes."""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", TF_CPP_MIN_LOG_LEVEL="3", JAX_TRACEBACK_FILTERING="off")

import logging
import shutil
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization
from flax.training import checkpoints

from cases import CASES, array, blank, differences, is_array, like, python_number, raw_flax_orbax, raw_orbax
from checks import Checks


def target_of(tree):
    return like(tree, blank)


def sharded_target(tree):
    """Arrays whose first axis can be split are wanted on all eight devices, the others on one."""
    sharding = jax.sharding.NamedSharding(jax.sharding.Mesh(np.asarray(jax.devices()), ("d",)), jax.sharding.PartitionSpec("d"))

    def args(leaf):
        split = is_array(leaf) and leaf.ndim and leaf.shape[0] % 8 == 0
        return ocp.ArrayRestoreArgs(sharding=sharding) if split else ocp.RestoreArgs(restore_type=np.ndarray if is_array(leaf) else None)
    return jax.tree_util.tree_map(args, tree)


def on_eight_devices(path, tree):
    got = ocp.PyTreeCheckpointer().restore(path, item=target_of(tree), restore_args=sharded_target(tree))
    found = differences(got, tree)
    for leaf in jax.tree_util.tree_leaves(got):
        if isinstance(leaf, jax.Array) and leaf.ndim and leaf.shape[0] % 8 == 0 and len(leaf.sharding.device_set) != 8:
            found.append(f"{leaf.shape}: not on eight devices")
    return found


def standard(path, *target):
    checkpointer = ocp.StandardCheckpointer()
    return checkpointer.restore(path, *target)


def managed(path, scratch, restore):
    """The item as the step 3 of a manager, which keeps it in `default` and its step's own metadata one level up."""
    shutil.copytree(path, os.path.join(scratch, "3", "default"))
    metadata = os.path.join(scratch, "3", "default", "_CHECKPOINT_METADATA")
    if os.path.exists(metadata):
        os.remove(metadata)
    return restore(scratch)


def classic_manager(root):
    manager = ocp.CheckpointManager(root, ocp.PyTreeCheckpointer())
    assert manager.latest_step() == 3
    return manager.restore(3)


def standard_manager(root):
    return ocp.CheckpointManager(root).restore(3, args=ocp.args.StandardRestore())


def check_orbax(checks, name, path, make, scratch):
    def way(mode, body):
        checks.check(name, mode, body)

    raw = lambda: raw_orbax(make())
    way("raw", lambda: differences(ocp.PyTreeCheckpointer().restore(path), raw()))
    way("target", lambda: differences(ocp.PyTreeCheckpointer().restore(path, item=target_of(make())), like(make(), python_number)))
    way("manager", lambda: differences(managed(path, f"{scratch}/manager/{name}", classic_manager), raw()))
    if checks.era != "2023":  # 0.4.0 has neither a Standard restore without a target nor args
        way("standard", lambda: differences(standard(path), raw()))
        way("standard_manager", lambda: differences(managed(path, f"{scratch}/standard_manager/{name}", standard_manager), raw()))
    way("standard_target", lambda: differences(standard(path, target_of(make())), make()))
    if name == "big":
        way("sharded", lambda: on_eight_devices(path, make()))


# Sets of SaveOptions that change the files, and the cases that writer.cpp saves with each.
SETS = ["background", "files", "chunks", "zstd", "files_zstd", "zarr3", "zarr3_files", "zarr3_zstd"]
SET_CASES = ["guide", "adam", "column_major", "dtypes", "ranks", "empty_arrays", "scalars", "strings", "numpy_scalars", "keys", "zeros",
             "bare", "big", "chunked"]


def check_set(checks, directory, set_name):
    """Ways are called SET:WAY here."""
    for name in SET_CASES:
        path, make = f"{directory}/options/{set_name}/{name}", CASES[name].make
        if name == "keys" and "files" in set_name:  # TensorStore takes a backslash in the name of a file for a slash
            make = lambda: {key: value for key, value in CASES["keys"].make().items() if "\\" not in key}
        way = lambda mode, body: checks.check(name, f"{set_name}:{mode}", body)
        way("raw", lambda: differences(ocp.PyTreeCheckpointer().restore(path), raw_orbax(make())))
        way("target", lambda: differences(ocp.PyTreeCheckpointer().restore(path, item=target_of(make())), like(make(), python_number)))
        if checks.era != "2023":
            way("standard", lambda: differences(standard(path), raw_orbax(make())))
        if name == "big":
            way("sharded", lambda: on_eight_devices(path, make()))


def damaged(path, array, scratch):
    """A byte of one stored chunk is changed; a restore has to notice it."""
    shutil.copytree(path, scratch)
    folder = os.path.join(scratch, array)
    while os.path.isdir(folder):
        folder = os.path.join(folder, next(name for name in sorted(os.listdir(folder)) if not name.startswith((".z", "zarr"))))
    with open(folder, "r+b") as file:
        content = bytearray(file.read())
        content[len(content) // 2] ^= 1
        file.seek(0)
        file.write(content)
    try:
        ocp.PyTreeCheckpointer().restore(scratch)
    except Exception as error:  # noqa: BLE001: which one it is differs by era
        return [] if any(word in str(error) for word in ("DATA_LOSS", "Digest", "decod", "zstd", "INVALID")) else [str(error)[:200]]
    return ["the damage went unnoticed"]


def check_cast(checks, path):
    """Floating point is stored as bfloat16, which TensorStore makes of it here; all else as it was."""
    import tensorstore as ts

    def expected(leaf):
        if not np.issubdtype(leaf.dtype, np.floating) and leaf.dtype.name != "bfloat16":
            return leaf
        return ts.cast(ts.array(leaf), ts.bfloat16).read().result()

    def one_nan(leaf):  # which of them it becomes is nobody's business
        return np.where(np.isnan(leaf), np.asarray(np.nan, leaf.dtype), leaf) if leaf.dtype.name == "bfloat16" else leaf

    checks.check("dtypes", "cast:raw", lambda: differences(like(ocp.PyTreeCheckpointer().restore(path), one_nan),
                                                           like(like(CASES["dtypes"].make(), expected), one_nan)))


def check_flax(checks, name, directory, make):
    path, sorted_path = f"{directory}/flax/{name}", f"{directory}/flax_sorted/{name}"
    with open(path, "rb") as file:
        content = file.read()
    with open(sorted_path, "rb") as file:
        sorted_content = file.read()
    state = lambda: serialization.to_state_dict(make())

    def same_bytes(got, want):
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        return [] if got == want else [f"{len(got)} bytes, not {len(want)}; the first difference is at {at}"]

    checks.check(name, "to_bytes", lambda: same_bytes(content, serialization.to_bytes(make())))
    checks.check(name, "msgpack_serialize", lambda: same_bytes(sorted_content, serialization.msgpack_serialize(state())))
    checks.check(name, "msgpack_restore", lambda: differences(serialization.msgpack_restore(content), state()))
    checks.check(name, "from_bytes", lambda: differences(serialization.from_bytes(target_of(make()), content), make()))
    checks.check(name, "restore_checkpoint", lambda: differences(checkpoints.restore_checkpoint(path, target=None), state()))
    checks.check(name, "restore_checkpoint_target",
                 lambda: differences(checkpoints.restore_checkpoint(path, target=target_of(make())), make()))


def check_arrays(checks, directory):
    """Single arrays and numbers: raw, and wanted as NumPy arrays, whatever they were saved as."""
    want = {**CASES["dtypes"].make(), "scalar": 2.5, "integer": -7, "rank0": array("array/rank0", "int16", ()), "empty": np.zeros((0, 3), np.float32),
            "column_major": CASES["column_major"].make()["matrix"], "key": array("prng_keys/threefry", "uint32", (2,))}

    def restore(name, **options):
        return ocp.Checkpointer(ocp.ArrayCheckpointHandler()).restore(f"{directory}/array/{name}", **options)

    for name, value in want.items():
        if name == "key" and checks.era == "newest":  # the versions before give the data of a typed key
            checks.check(name, "array", lambda: differences(restore(name), jax.random.wrap_key_data(value)))
            continue
        number = not is_array(value)
        raw = np.asarray(value) if number and checks.era != "newest" else value  # recorded from 0.12 on
        checks.check(name, "array", lambda: differences(restore(name), raw))
        checks.check(name, "array_numpy", lambda: differences(restore(name, restore_args=ocp.RestoreArgs(restore_type=np.ndarray)), np.asarray(value)))


def main(era, directory):
    checks = Checks(era, "check")
    scratch = os.path.join(directory, f"managers.{era}")
    shutil.rmtree(scratch, ignore_errors=True)
    for name, case in CASES.items():
        if case.orbax:
            check_orbax(checks, name, f"{directory}/orbax/{name}", case.make, scratch)
        if case.flax:
            check_flax(checks, name, directory, case.make)
    for set_name in SETS:
        check_set(checks, directory, set_name)
    for set_name in ("files_zstd", "zarr3_files"):
        checks.check("big", f"{set_name}:damaged", lambda: damaged(f"{directory}/options/{set_name}/big", "f32", f"{scratch}/damaged/{set_name}"))
    check_cast(checks, f"{directory}/options/cast/dtypes")
    for name in ("guide", "adam"):
        checks.check(name, "flax_orbax", lambda: differences(checkpoints.restore_checkpoint(f"{directory}/flax_orbax/{name}", target=None),
                                                             raw_flax_orbax(serialization.to_state_dict(CASES[name].make()))))
    check_arrays(checks, directory)
    checks.finish()


if __name__ == "__main__":
    main(sys.argv[1], os.path.abspath(sys.argv[2]))
