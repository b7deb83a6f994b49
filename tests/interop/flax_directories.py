#!/usr/bin/env python3
"""flax_directories.py ERA --python P --program F --work DIR: C++ and the real Flax of one era take turns in one directory of checkpoints.

The same random saves (backend, function, keep, overwrite, keep_every_n_steps, whole and float steps, leftovers of dead saves) are done twice:
in one directory by Flax alone, in another by Flax or C++, as it comes. After each both directories have to hold the same names, and both
libraries have to find the same steps, the same newest one, and in it the values that were saved. A check is one such save with all that
follows. Without that Python one check counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys

SEQUENCES, SAVES = 24, 8

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "program", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
total = {"passed": 0, "failed": 0, "skipped": 0}


def report(verdict, name, text=""):
    total[verdict] += 1
    if verdict != "passed":
        print(f"{'FAIL' if verdict == 'failed' else 'SKIP'} {args.era} {name}: {text}", flush=True)


def finish():
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped", flush=True)
    os._exit(1 if total["failed"] else 77 if total["skipped"] else 0)


if not os.path.exists(args.python):
    report("failed" if os.environ.get("CI") == "true" else "skipped", "flax directories",
           "there is no Python of this era: run scripts/setup, which needs PyPI")
    finish()
if os.environ.get("ORRERY_FLAX_DIRECTORIES") != "inside":
    os.environ.update(ORRERY_FLAX_DIRECTORIES="inside", JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", TF_CPP_MIN_LOG_LEVEL="3",
                      PYTHONDONTWRITEBYTECODE="1")
    os.execv(args.python, [args.python, os.path.abspath(__file__), *sys.argv[1:]])

import logging
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import flax
import numpy as np
from flax.training import checkpoints


def state_of(value):
    return {"step": value, "w": np.full(3, value, np.float32), "list": [np.arange(value, value + 2, dtype=np.float64)]}


class Flax:
    def save(self, directory, save):
        flax.config.update("flax_use_orbax_checkpointing", save["backend"] == "orbax")
        function = checkpoints.save_checkpoint_multiprocess if save["function"] == "multi" else checkpoints.save_checkpoint
        manager = checkpoints.AsyncManager() if save["when"] == "later" and save["backend"] == "msgpack" else None
        try:
            path = function(directory, state_of(save["value"]), save["step"], keep=save["keep"], overwrite=save["overwrite"],
                            keep_every_n_steps=save["every"], async_manager=manager)
            if manager:
                manager.save_future.result()
        except (ValueError, flax.errors.InvalidCheckpointError):
            return "refused"
        return "ok " + os.path.basename(path)

    def restore(self, directory, step, how):
        if step is None and not checkpoints.latest_checkpoint(directory):
            return "none"
        got = checkpoints.restore_checkpoint(directory, None if how == "tree" else state_of(0), step=step)
        value = int(got["step"])
        arrays = got["list"]["0"] if how == "tree" else got["list"][0]
        want = state_of(value)
        whole = np.array_equal(got["w"], want["w"]) and np.array_equal(arrays, want["list"][0])
        return f"ok {value}" if whole else f"failed the arrays are not those of {value}"

    def latest(self, directory):
        path = checkpoints.latest_checkpoint(directory)
        return "ok " + os.path.basename(path) if path else "none"

    def steps(self, directory):
        try:
            steps = checkpoints.available_steps(directory)
        except ValueError:
            steps = checkpoints.available_steps(directory, step_type=float)
        return " ".join(["ok", *map(str, sorted(steps))])


class Cpp:
    def __init__(self):
        self.process = subprocess.Popen([args.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join("-" if word is None else str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        return "refused" if answer.startswith("refused") else answer or "the program has died"

    def save(self, directory, save):
        return self.ask("save", directory, save["step"], save["function"], save["backend"], save["when"], save["keep"], int(save["overwrite"]),
                        save["every"], save["value"])

    def restore(self, directory, step, how):
        return self.ask("restore", directory, step, how)

    def latest(self, directory):
        return self.ask("latest", directory)

    def steps(self, directory):
        return self.ask("steps", directory)


theirs, ours = Flax(), Cpp()


def random_save(chance, directory, value, whole_steps):
    """One that both can be asked for: see below for what they refuse in different ways."""
    while True:
        number = chance.choice([value, value, value + chance.randrange(4), max(0, value - chance.randrange(4))])
        save = {"step": number if whole_steps else number + chance.choice([0.0, 0.5]), "backend": chance.choice(["orbax", "msgpack"]),
                "function": chance.choice(["one", "one", "multi"]), "when": chance.choice(["now", "later"]), "keep": chance.choice([0, 1, 2, 2, 3]),
                "overwrite": chance.random() < 0.3, "every": chance.choice([None, None, 2, 3]), "value": value}
        path = os.path.join(directory, f"checkpoint_{save['step']}")
        # A directory is not replaced by a file: Flax fails after it has written its temporary file, C++ before.
        if save["backend"] == "msgpack" and save["overwrite"] and os.path.isdir(path):
            continue
        # Flax has cleaned up already when it finds that the destination exists.
        if save["backend"] == "orbax" and save["function"] == "multi" and not save["overwrite"] and os.path.exists(path):
            continue
        return save


LEFT = 6  # the step whose save with Orbax was killed


def leave_behind(chance, directories):
    """What saves of C++ that were killed have left, and arrays of several processes."""
    leftovers = [what for what, odds in (("msgpack", 0.3), ("orbax", 0.3), ("checkpoint_2_gda", 0.2)) if chance.random() < odds]
    for directory in directories:
        os.makedirs(directory)
        for what in leftovers:
            if what == "checkpoint_2_gda":
                os.makedirs(os.path.join(directory, what, "w"))
            elif (answer := ours.ask("die", directory, LEFT, what)) != "ok":
                raise RuntimeError(answer)
    return leftovers


def differences(alone, shared, who, save):
    found = []

    def same(what, *answers):
        if len(set(answers)) != 1:
            found.append(f"{what}: " + " | ".join(answers))

    same("save", theirs.save(alone, save), who.save(shared, save))
    same("names", *(str(sorted(os.listdir(directory))) for directory in (alone, shared)))
    same("latest", theirs.latest(alone), theirs.latest(shared), ours.latest(shared), ours.latest(alone))
    same("steps", theirs.steps(alone), theirs.steps(shared), ours.steps(shared), ours.steps(alone))
    for how in ("tree", "target"):
        same(how, theirs.restore(alone, None, how), theirs.restore(shared, None, how), ours.restore(shared, None, how), ours.restore(alone, None, how))
    same("struct", theirs.restore(shared, None, "target"), ours.restore(shared, None, "struct"))
    for name in os.listdir(shared):
        if os.path.isdir(os.path.join(shared, name)) and "tmp" in name or name.endswith(("tmp", "_gda")):
            continue
        text = name[len("checkpoint_"):]
        step = float(text) if "." in text else int(text)
        same(name, theirs.restore(alone, step, "target"), theirs.restore(shared, step, "target"), ours.restore(shared, step, "target"))
    return found


def wanted_save(chance, directory, value, whole_steps, told, written):
    while True:
        save = random_save(chance, directory, value, whole_steps)
        # A step whose save was killed is not saved again: Orbaxes differ in what they make of what it left.
        if "orbax" in told and save["step"] == LEFT:
            continue
        # Orbax 0.5.20 never looks at a database again that it has read once, its own or ours, whatever has taken its place.
        if args.era == "2024" and save["backend"] == "orbax" and save["step"] in written:
            continue
        return save


shutil.rmtree(args.work, ignore_errors=True)
for seed in range(SEQUENCES):
    chance = random.Random(seed)
    alone, shared = (os.path.join(args.work, str(seed), name) for name in ("alone", "shared"))
    told, written = leave_behind(chance, (alone, shared)), set()
    whole_steps = chance.random() < 0.7
    for value in range(SAVES):
        save = wanted_save(chance, shared, value, whole_steps, told, written)
        written.add(save["step"])
        who = chance.choice([theirs, ours])
        told.append(f"{type(who).__name__} {save}")
        try:
            found = differences(alone, shared, who, save)
        except Exception as error:  # noqa: BLE001: whatever the libraries throw is an outcome
            found = [f"{type(error).__name__}: {str(error)[:900]}"]
        report("failed" if found else "passed", f"sequence {seed}, save {value}", "; ".join(found))
        if found:
            print("    " + "\n    ".join(told), flush=True)
            break
if not total["failed"]:
    shutil.rmtree(args.work)
finish()
