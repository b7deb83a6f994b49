"""The command `orrery` on golden checkpoints: what it prints, what it converts, how it fails. Standard library only.

    python3 command_test.py build/release/tools/orrery build/release/tests/golden/set
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

COMMAND, GOLDEN = sys.argv[1], pathlib.Path(sys.argv[2])


def run(*arguments):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8")


def show(path, *options):
    done = run("show", path, "--json", *options)
    if done.returncode != 0:
        raise AssertionError(f"orrery show {path}: {done.stderr}")
    return json.loads(done.stdout)


def expected(case):
    with open(GOLDEN / f"{case}.expected.json", encoding="utf-8") as file:
        return json.load(file)


def comparable(leaves):
    return [{key: value for key, value in leaf.items() if key != "restored_as"} for leaf in leaves]


def without(leaves, *fields):
    return [{key: value for key, value in leaf.items() if key not in fields} for leaf in leaves]


class Show(unittest.TestCase):
    maxDiff = None

    def test_whole_checkpoints_print_their_expected_description(self):
        for case in ("orbax-0.12/layout_ocdbt_zarr2_zstd", "orbax-0.12/dtypes_numpy_zarr2", "orbax-0.12/ranks", "orbax-0.12/empties", "orbax-0.12/keys",
                     "orbax-0.12/prng_keys", "orbax-0.12/sharded_big", "orbax-0.12/strings", "orbax-0.11/default", "guide-newest/single_save",
                     "flax/scalars", "flax/numpy_scalars", "flax/containers", "flax/chunked", "flax/integer_keys", "flax/strings_and_maps",
                     "guide-newest/legacy_step0", "safetensors/all_dtypes", "safetensors/names", "safetensors/shapes", "safetensors/no_tensors"):
            with self.subTest(case):
                about = expected(case)
                path = (GOLDEN / case).parent / about["checkpoint"]
                printed = show(path, "--checksums")
                self.assertEqual(printed["leaves"], comparable(about["leaves"]))
                self.assertEqual(printed["format"], next((name for name in ("orbax", "safetensors") if name in about["layout"]), "flax"))

    def test_lines_are_the_very_text_of_the_expected_file(self):
        case = "flax/scalars"
        text = (GOLDEN / f"{case}.expected.json").read_text(encoding="utf-8")
        wanted = [line.strip().rstrip(",") for line in text.splitlines() if line.startswith('    {"path"')]
        printed = run("show", GOLDEN / f"{case}.msgpack", "--json", "--checksums").stdout.splitlines()
        self.assertEqual([line.strip().rstrip(",") for line in printed[1:-1]] + [printed[-1].strip().removesuffix("]}")], wanted)

    def test_a_root_shows_its_latest_step_or_the_one_asked_for(self):
        about = expected("guide-newest/managed")
        root = GOLDEN / "guide-newest/managed"
        by_step = {part["step"]: comparable(part["leaves"]) for part in about["parts"]}
        self.assertEqual(show(root, "--checksums")["leaves"], by_step[4])
        self.assertEqual(show(root, "--checksums", "--step", 3)["leaves"], by_step[3])
        self.assertEqual(show(root / "3", "--checksums")["leaves"], by_step[3])
        self.assertEqual(show(root / "3/default/", "--checksums")["leaves"], by_step[3])
        missing = run("show", root, "--step", 7)
        self.assertEqual(missing.returncode, 1)
        self.assertIn("no such step", missing.stderr)

    def test_a_step_with_several_items_shows_them_as_parts(self):
        case = "orbax-0.12/manager_composite"
        about = [part for part in expected(case)["parts"] if part["path"]]
        printed = show(GOLDEN / case, "--checksums")["parts"]
        self.assertEqual([(p["path"], p["step"], p["item"], p["leaves"]) for p in printed],
                         [(p["path"], p["step"], p["item"], comparable(p["leaves"])) for p in about])
        one = show(GOLDEN / case, "--checksums", "--item", "state")
        self.assertEqual(one["leaves"], comparable(next(p["leaves"] for p in about if p["item"] == "state")))

    def test_single_arrays_random_keys_and_v1_items_show_what_they_restore_to(self):
        for case in ("orbax-0.4/array_handler", "orbax-0.5/array_handler_aggregate", "orbax-0.12/array_handler_scalar", "orbax-0.4/strings"):
            with self.subTest(case):
                self.assertEqual(show(GOLDEN / case, "--checksums")["leaves"], comparable(expected(case)["leaves"]))
        parts = show(GOLDEN / "orbax-0.12/random_keys")["parts"]
        self.assertEqual([(part["item"], part["leaves"][0]["kind"]) for part in parts], [("numpy", "string"), ("old", "array"), ("typed", "prng_key")])
        self.assertEqual(show(GOLDEN / "orbax-0.12/random_keys/typed")["leaves"][0]["impl"], "threefry2x32")
        self.assertEqual(show(GOLDEN / "orbax-0.12/v1_save_zarr2", "--checksums")["leaves"], comparable(expected("orbax-0.12/v1_save_zarr2")["leaves"]))

    def test_a_directory_with_legacy_files_shows_the_latest(self):
        about = {part["path"]: part for part in expected("flax/dir_steps")["parts"]}
        root = GOLDEN / "flax/dir_steps"
        self.assertEqual(show(root, "--checksums")["leaves"], comparable(about["checkpoint_100"]["leaves"]))
        self.assertEqual(show(root, "--checksums", "--step", 11)["leaves"], comparable(about["checkpoint_11"]["leaves"]))

    def test_a_directory_that_flax_wrote_through_orbax_shows_what_flax_restores_its_steps_what_orbax_does(self):
        case = "guide-newest/flax_checkpointing_step0_4"
        self.assertEqual(show(GOLDEN / case, "--checksums")["leaves"], comparable(expected(case)["leaves"]))
        self.assertIn(["data", 0], [leaf["path"] for leaf in show(GOLDEN / case / "checkpoint_4")["leaves"]])

    def test_without_checksums_names_kinds_dtypes_and_shapes_remain(self):
        for case, path in (("orbax-0.12/sequences", "orbax-0.12/sequences"), ("flax/containers", "flax/containers.msgpack")):
            with self.subTest(case):
                printed = show(GOLDEN / path)["leaves"]
                wanted = without(comparable(expected(case)["leaves"]), "crc32c", "hex", "value", "value_prefix")
                text = [leaf for leaf in printed if leaf["kind"] == "string"]
                self.assertEqual([leaf for leaf in printed if leaf not in text], [leaf for leaf in wanted if leaf["kind"] != "string"])
                self.assertEqual([leaf["path"] for leaf in printed], [leaf["path"] for leaf in wanted])

    def test_without_checksums_no_array_is_read(self):
        with tempfile.TemporaryDirectory() as scratch:
            copy = pathlib.Path(scratch) / "big"
            shutil.copytree(GOLDEN / "orbax-0.12/sharded_big", copy)
            # Values above 1024 bytes lie alone in the process's own files; the metadata is elsewhere. Zeros are no zstd frames.
            for file in (copy / "ocdbt.process_0/d").iterdir():
                if (size := file.stat().st_size) > 4096:
                    file.write_bytes(bytes(size))
            self.assertEqual([leaf["path"] for leaf in show(copy)["leaves"]], [leaf["path"] for leaf in expected("orbax-0.12/sharded_big")["leaves"]])
            self.assertEqual(run("show", copy, "--json", "--checksums").returncode, 1)

    def test_the_table_names_every_leaf_and_with_values_what_is_in_it(self):
        plain = run("show", GOLDEN / "guide-newest/single_save").stdout
        for text in ("model/params/kernel", "float32", "(5, 3)", "60", "7 leaves"):
            self.assertIn(text, plain)
        values = run("show", GOLDEN / "guide-newest/single_save", "--values").stdout
        kernel = next(line for line in values.splitlines() if "kernel" in line)
        self.assertEqual(kernel.count(" / "), 2)
        step = next(line for line in values.splitlines() if "model/step" in line)
        self.assertTrue(step.endswith(" 1"), step)


class Fail(unittest.TestCase):
    def test_wrong_command_lines_exit_with_2(self):
        for arguments in ((), ("show",), ("frobnicate",), ("show", "x", "--no-such-option"), ("show", "x", "--checksums"), ("convert", "a", "b"),
                          ("convert", "a", "b", "--to", "floppy")):
            with self.subTest(arguments):
                self.assertEqual(run(*arguments).returncode, 2)
        self.assertEqual(run("--help").returncode, 0)
        self.assertEqual(run("--version").returncode, 0)

    def test_bad_checkpoints_exit_with_1_and_say_which_file(self):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            (scratch / "empty").mkdir()
            (scratch / "cut").write_bytes((GOLDEN / "flax/containers.msgpack").read_bytes()[:100])
            (scratch / "cut.safetensors").write_bytes((GOLDEN / "safetensors/basic.safetensors").read_bytes()[:100])
            for path in (scratch / "nothing", scratch / "cut.safetensors", scratch / "empty", scratch / "cut", "gs://bucket/checkpoint", GOLDEN / "flax/dir_leftover_tmp/checkpoint_tmp",
                         GOLDEN / "orbax-0.12/unfinished_merge/3.orbax-checkpoint-tmp"):
                with self.subTest(path):
                    done = run("show", path, "--json")
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(str(path), done.stderr)
                    self.assertEqual(done.stdout, "")


def as_state_dict(leaves):
    """Flax's state dict has dicts with the keys "0", "1", ... where there are lists."""
    return [{**leaf, "path": [str(key) if isinstance(key, int) else key for key in leaf["path"]]} for leaf in leaves]


class Convert(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def convert(self, *arguments):
        done = run("convert", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_orbax_to_flax_keeps_every_leaf(self):
        for case in ("guide-newest/single_save", "orbax-0.12/layout_ocdbt_zarr2_zstd"):
            with self.subTest(case):
                file = self.folder / case.replace("/", "_")
                self.convert(GOLDEN / case, file, "--to", "flax")
                arrays = lambda leaves: [leaf for leaf in leaves if leaf["kind"] in ("array", "scalar", "string")]
                self.assertEqual(arrays(show(file, "--checksums")["leaves"]), arrays(as_state_dict(comparable(expected(case)["leaves"]))))

    def test_flax_to_orbax_keeps_every_leaf(self):
        case = "flax/train_state_adam"
        self.convert(GOLDEN / f"{case}.msgpack", self.folder / "item", "--to", "orbax")
        by_path = lambda leaves: sorted(leaves, key=lambda leaf: json.dumps(leaf["path"]))
        arrays = lambda leaves: by_path(leaf for leaf in leaves if leaf["kind"] in ("array", "scalar"))
        self.assertEqual(arrays(show(self.folder / "item", "--checksums")["leaves"]), arrays(comparable(expected(case)["leaves"])))

    def test_there_and_back_gives_the_same_leaves_and_from_then_on_the_same_bytes(self):
        source = GOLDEN / "flax/dtype_bfloat16.msgpack"
        self.convert(source, self.folder / "item", "--to", "orbax")
        self.convert(self.folder / "item", self.folder / "file", "--to", "flax")
        by_path = lambda leaves: sorted(leaves, key=lambda leaf: leaf["path"])  # Orbax restores dicts sorted
        self.assertEqual(show(self.folder / "file", "--checksums")["leaves"], by_path(comparable(expected("flax/dtype_bfloat16")["leaves"])))
        self.convert(self.folder / "file", self.folder / "item", "--to", "orbax", "--force")
        self.convert(self.folder / "item", self.folder / "again", "--to", "flax")
        self.assertEqual((self.folder / "again").read_bytes(), (self.folder / "file").read_bytes())

    def test_orbax_to_safetensors_joins_names_with_dots_and_back_keeps_them(self):
        file = self.folder / "model"
        self.convert(GOLDEN / "guide-newest/single_save", file, "--to", "safetensors")
        by_path = lambda leaves: sorted(leaves, key=lambda leaf: leaf["path"])
        arrays = [{**leaf, "kind": "array", "path": [".".join(map(str, leaf["path"]))]} for leaf in comparable(expected("guide-newest/single_save")["leaves"])
                  if leaf["kind"] in ("array", "scalar")]
        for leaf in arrays:
            leaf.pop("value", None)
        self.assertEqual(by_path(show(file, "--checksums")["leaves"]), by_path(arrays))
        self.convert(file, self.folder / "item", "--to", "orbax")
        self.assertEqual(show(self.folder / "item", "--checksums")["leaves"], by_path(arrays))
        self.convert(self.folder / "item", self.folder / "again", "--to", "safetensors")
        self.assertEqual((self.folder / "again").read_bytes(), file.read_bytes())

    def test_texts_of_a_safetensors_file_stay_and_strings_are_refused(self):
        self.convert(GOLDEN / "safetensors/metadata.safetensors", self.folder / "file", "--to", "safetensors")
        self.assertIn('"note":"é 检查点"'.encode(), (self.folder / "file").read_bytes())
        done = run("convert", GOLDEN / "orbax-0.12/strings", self.folder / "no", "--to", "safetensors")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no text", done.stderr)
        self.assertFalse((self.folder / "no").exists())

    def test_an_existing_destination_stays_unless_forced(self):
        source, file = GOLDEN / "guide-newest/single_save", self.folder / "file"
        file.write_text("mine")
        self.assertEqual(run("convert", source, file, "--to", "flax").returncode, 1)
        self.assertEqual(file.read_text(), "mine")
        self.convert(source, file, "--to", "flax", "--force")
        self.assertEqual(len(show(file)["leaves"]), 7)

    def test_a_step_of_several_items_wants_one_named(self):
        source = GOLDEN / "orbax-0.12/manager_composite"
        done = run("convert", source, self.folder / "file", "--to", "flax")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--item", done.stderr)
        self.convert(source, self.folder / "file", "--to", "flax", "--item", "state")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
