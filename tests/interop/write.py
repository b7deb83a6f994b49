"""write.py ERA DIR: this era's Orbax and Flax write every case; `DIR/written.txt` says what there is for the C++ reader."""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", TF_CPP_MIN_LOG_LEVEL="3", JAX_TRACEBACK_FILTERING="off")

import logging
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import flax
import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization
from flax.training import checkpoints

import cases
import layouts
from checks import Checks


def checkpointer(era, **options):
    if era == "2023":  # there the tree's own metadata is an option, off by default
        options = {"write_tree_metadata": True, **options}
    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**{"use_ocdbt": True, **options}))


def array_checkpointer():
    return ocp.Checkpointer(ocp.ArrayCheckpointHandler())


def with_jax(tree):
    def place(leaf):
        return jax.numpy.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
    return jax.tree_util.tree_map(place, tree)


def main(era, out):
    checks, written = Checks(era, "write"), []

    def attempt(way, name, save, restored):
        """What is saved here counts if its own writer restores it: restored(path) is what it then has and what it should have."""
        path = os.path.join(out, way, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)

        def body():
            save(path)
            return cases.differences(*restored(path))

        if checks.check(name, way, body):
            written.append(f"{way} {name}")

    def attempt_orbax(way, name, make, options=None):
        def args(leaf):  # 0.4.0 cannot restore a jax.Array without
            return ocp.RestoreArgs(restore_type=np.ndarray if cases.is_array(leaf) and not str(leaf.dtype).startswith("key<") else None)

        def restored(path, tree):
            got = checkpointer(era).restore(path, item=cases.like(tree, cases.blank), restore_args=cases.like(tree, args))
            return got, cases.like(tree, cases.python_number)

        attempt(way, name, lambda path: checkpointer(era).save(path, make(), **options() if options else {}),
                lambda path: restored(path, make()))

    def attempt_flax(way, name, to_bytes, make):
        def save(path):
            with open(path, "wb") as file:
                file.write(to_bytes(make()))

        def restored(path):
            with open(path, "rb") as file:
                return serialization.from_bytes(cases.like(make(), cases.blank), file.read()), cases.like(make(), number)

        def number(leaf):  # Python's complex numbers are NumPy's until 0.10, by the file too
            return np.complex128(leaf) if type(leaf) is complex and era in ("2023", "2024") else leaf

        attempt(way, name, save, restored)

    def sorted_bytes(tree):
        return serialization.msgpack_serialize(serialization.to_state_dict(tree))

    for name, case in cases.CASES.items():
        if case.orbax or case.from_python == "sharded":
            attempt_orbax("orbax_np", name, case.make)
        if case.orbax and name != "prng_keys":
            attempt_orbax("orbax_jax", name, lambda: with_jax(case.make()))
        if case.from_python == "chunked":
            attempt_orbax("orbax_np", name, case.make,
                          lambda: {"save_args": cases.like(case.make(), lambda _: ocp.SaveArgs(chunk_byte_size=64))})
        if case.flax:
            attempt_flax("flax", name, serialization.to_bytes, case.make)
            attempt_flax("flax_sorted", name, sorted_bytes, case.make)
    if era == "2023":  # its default: the structure is in the placeholder file alone
        make = cases.CASES["dtypes"].make
        attempt("orbax_default", "dtypes", lambda path: ocp.PyTreeCheckpointer().save(path, make()),
                lambda path: (ocp.PyTreeCheckpointer().restore(path), make()))
    write_layouts(era, out, checks, written)
    for name in ("guide", "adam"):  # as a program would, with both of Flax's backends
        make = cases.CASES[name].make
        state = lambda: serialization.to_state_dict(make())
        attempt("flax_directory", name, lambda path: save_directory(path, make(), False),
                lambda path: (checkpoints.restore_checkpoint(path, None), state()))
        attempt("flax_orbax", name, lambda path: save_directory(path, make(), True),
                lambda path: (checkpoints.restore_checkpoint(path, None), cases.raw_flax_orbax(state())))
    with open(os.path.join(out, "written.txt"), "w") as file:
        file.write("".join(line + "\n" for line in written))
    checks.finish()


def write_layouts(era, out, checks, written):
    """Items that are not trees, and trees in other layouts. They count if they are written; C++ alone reads them back."""

    def attempt(way, name, save):
        path = os.path.join(out, way, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if checks.check(name, way, lambda: save(path) or []):
            written.append(f"{way} {name}")

    for layout, (change, files, eras) in layouts.LAYOUTS.items():
        for name in ("dtypes", "adam", "ranks") if era in eras else ():
            def save(path):
                checkpointer(era, use_ocdbt=not files).save(path, cases.CASES[name].make())
                change(path)
            attempt(f"orbax_{layout}", name, save)
    if era in ("2025", "newest"):  # the first ones that have it
        for name in ("dtypes", "adam"):
            attempt("orbax_v1", name, lambda path: save_v1(path, cases.CASES[name].make()))
    if era == "newest":  # the first one that deletes items
        attempt("orbax_v1_deleted", "dtypes", lambda path: save_v1_and_die_deleting(path, cases.CASES["dtypes"].make()))
    for leaf, value in cases.CASES["dtypes"].make().items():
        attempt("array", leaf, lambda path: array_checkpointer().save(path, value))
    attempt("array", "scalar", lambda path: array_checkpointer().save(path, 2.5))
    if era == "2023":
        attempt("array", "aggregated", lambda path: array_checkpointer().save(path, cases.array("bare", "float32", (4, 2)),
                                                                              save_args=ocp.SaveArgs(aggregate=True)))
    if era != "2023":
        write_random_keys(attempt)


def save_v1(path, tree):
    import orbax.checkpoint.experimental.v1 as v1
    options = v1.options.ArrayOptions(saving=v1.options.ArrayOptions.Saving(use_zarr3=False))
    with v1.Context(array_options=options):
        getattr(v1, "save", getattr(v1, "save_pytree", None))(path, tree)


def save_v1_and_die_deleting(path, tree):
    """A checkpoint of two items; while `state`, which would be the one that is loaded, was being deleted the process died."""
    import orbax.checkpoint.experimental.v1 as v1
    from orbax.checkpoint.experimental.v1._src.deletion import path_utils

    async def die(*args, **kwargs):
        raise OSError("the process dies here")

    options = v1.options.ArrayOptions(saving=v1.options.ArrayOptions.Saving(use_zarr3=False))
    with v1.Context(array_options=options):
        v1.save_checkpointables(path, {"state": {"step": np.arange(3)}, "weights": tree})
        delete_path, path_utils.delete_path = path_utils.delete_path, die
        try:
            v1.delete(path, checkpointable_name="state")
        except OSError:
            pass
        finally:
            path_utils.delete_path = delete_path
        loaded = v1.load(path)
    assert os.path.exists(os.path.join(path, "_CHECKPOINT_DELETION")) and os.path.exists(os.path.join(path, "state", "_METADATA"))
    assert loaded.keys() == tree.keys()


def write_random_keys(attempt):
    def save(path, handler, args):
        ocp.Checkpointer(handler).save(path, args=args)

    data = jax.numpy.asarray(cases.array("prng_keys/threefry", "uint32", (2,)))
    state = ("MT19937", cases.array("random_keys/numpy", "uint32", (624,)), 17, 1, 0.25)
    attempt("random_key", "old", lambda path: save(path, ocp.JaxRandomKeyCheckpointHandler(), ocp.args.JaxRandomKeySave(data)))
    attempt("random_key", "typed", lambda path: save(path, ocp.JaxRandomKeyCheckpointHandler("other_name"),
                                                     ocp.args.JaxRandomKeySave(jax.random.wrap_key_data(data, impl="threefry2x32"))))
    attempt("random_key", "numpy", lambda path: save(path, ocp.NumpyRandomKeyCheckpointHandler(), ocp.args.NumpyRandomKeySave(state)))
    attempt("random_key", "numpy_dict", lambda path: save(path, ocp.NumpyRandomKeyCheckpointHandler(), ocp.args.NumpyRandomKeySave(
        {"bit_generator": state[0], "state": {"key": state[1], "pos": state[2]}, "has_gauss": state[3], "gauss": state[4]})))


def save_directory(path, tree, use_orbax):
    flax.config.update("flax_use_orbax_checkpointing", use_orbax)
    checkpoints.save_checkpoint(path, tree, step=7)


if __name__ == "__main__":
    main(sys.argv[1], os.path.abspath(sys.argv[2]))
