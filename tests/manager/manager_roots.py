"""manager_roots.py write|check ERA DIR: this era's CheckpointManager makes the roots of roots.cpp, or opens those that roots.cpp made."""
import logging
import os
import sys
import warnings

os.environ.update(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", JAX_ENABLE_X64="1")
warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import numpy as np
import orbax.checkpoint as ocp

MODE, ERA, DIRECTORY = sys.argv[1:]
HAS_ARGS = ERA != "2023"
HAS_METADATA = ERA in ("2025", "newest")
LOSSES = [0.5, 0.25, 0.75, 0.125]
CONFIG = {"layers": [5, 3], "name": "mlp", "rate": 0.5}
LATEST_TWO = {"max_to_keep": 2}
NAMED = {"step_prefix": "ck", "step_format_fixed_length": 4}
BEST_TWO = {"max_to_keep": 2, "best_fn": lambda metrics: metrics["loss"], "best_mode": "min"}


def numbered(step):
    full = lambda shape, value: np.full(shape, value, np.float32)
    return {"step": step, "params": {"bias": full(3, step), "kernel": full((5, 3), step / 2)}, "data": [full(4, -step)]}


def same(a, b):
    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in b)
    if isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return np.array_equal(np.asarray(a), np.asarray(b)) and (not isinstance(b, np.ndarray) or np.asarray(a).dtype == b.dtype)


def classic(name, options):
    return ocp.CheckpointManager(os.path.join(DIRECTORY, name), ocp.PyTreeCheckpointer(), ocp.CheckpointManagerOptions(**options))


def modern(name, options, **more):
    return ocp.CheckpointManager(os.path.join(DIRECTORY, name), options=ocp.CheckpointManagerOptions(**options), **more)


def with_items(name):
    if not HAS_ARGS:
        handlers = {"state": ocp.PyTreeCheckpointer(), "config": ocp.Checkpointer(ocp.JsonCheckpointHandler())}
        return ocp.CheckpointManager(os.path.join(DIRECTORY, name), handlers)
    return modern(name, {}, item_names=("state", "config"))


def write():
    manager = classic("plain", LATEST_TWO)
    for step in range(5):
        manager.save(step, numbered(step))
    manager = classic("named", NAMED)
    for step in (3, 12345):
        manager.save(step, numbered(step))
    manager = modern("best", BEST_TWO) if HAS_ARGS else classic("best", BEST_TWO)
    for step in range(4):
        metrics = {"loss": LOSSES[step], "n": step}
        if HAS_ARGS:
            manager.save(step, args=ocp.args.StandardSave(numbered(step)), metrics=metrics)
        else:
            manager.save(step, numbered(step), metrics=metrics)
    manager.wait_until_finished()
    manager.close()
    manager = with_items("items")
    if HAS_ARGS:
        manager.save(7, args=ocp.args.Composite(state=ocp.args.StandardSave(numbered(7)), config=ocp.args.JsonSave(CONFIG)))
    else:
        manager.save(7, {"state": numbered(7), "config": CONFIG})
    manager.wait_until_finished()
    manager.close()
    if HAS_METADATA:
        manager = modern("said", {}, metadata={"version": 1.5})
        manager.save(1, args=ocp.args.StandardSave(numbered(1)), custom_metadata={"rate": 0.25})
        manager.wait_until_finished()
        manager.close()


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, body):
        try:
            wrong = "" if body() else "differs"
        except BaseException as error:  # noqa: BLE001: whatever the library throws is an outcome
            wrong = f"{type(error).__name__}: {str(error)[:300]!r}"
        self.passed, self.failed = self.passed + (not wrong), self.failed + bool(wrong)
        print(f"{'FAIL' if wrong else 'PASS'} check {ERA} {name}{': ' if wrong else ''}{wrong}", flush=True)


def check():
    checks = Checks()

    def steps(name, options, want):
        def lists(make):
            manager = make(name, options)
            return list(manager.all_steps()) == want and manager.latest_step() == want[-1]
        checks.check(f"{name}: steps and the latest, around a checkpointer", lambda: lists(classic))
        if HAS_ARGS:
            checks.check(f"{name}: steps and the latest", lambda: lists(modern))
        for step in want:
            checks.check(f"{name} {step}: raw, around a checkpointer", lambda: same(classic(name, options).restore(step), numbered(step)))
            checks.check(f"{name} {step}: into a target, around a checkpointer",
                         lambda: same(classic(name, options).restore(step, items=numbered(0)), numbered(step)))
            if HAS_ARGS:
                checks.check(f"{name} {step}: StandardRestore",
                             lambda: same(modern(name, options).restore(step, args=ocp.args.StandardRestore(numbered(0))), numbered(step)))
                checks.check(f"{name} {step}: PyTreeRestore", lambda: same(modern(name, options).restore(step, args=ocp.args.PyTreeRestore()), numbered(step)))
            if HAS_METADATA:
                checks.check(f"{name} {step}: without args", lambda: same(modern(name, options).restore(step), numbered(step)))

    steps("plain", LATEST_TWO, [3, 4])
    steps("async", LATEST_TWO, [3, 4])
    steps("named", NAMED, [3, 12345])
    steps("best", BEST_TWO, [1, 3])

    def best():
        manager = classic("best", BEST_TWO)
        metrics = manager.metrics(1) if HAS_ARGS else [info.metrics for info in manager._checkpoints if info.step == 1][0]
        return manager.best_step() == 3 and dict(metrics) == {"loss": 0.25, "n": 1.0}
    checks.check("best: the best and its metrics", best)

    def on_top():
        manager = classic("best", BEST_TWO)
        manager.save(9, numbered(9), metrics={"loss": 0.0625})
        manager.wait_until_finished()
        manager.close()
        return sorted(name for name in os.listdir(os.path.join(DIRECTORY, "best")) if name.isdigit()) == ["3", "9"]
    checks.check("best: a step saved on top, and what it lets go", on_top)

    def items():
        manager = with_items("items")
        if not HAS_ARGS:
            got = manager.restore(7)
            return same(got["state"], numbered(7)) and got["config"] == CONFIG
        got = manager.restore(7, args=ocp.args.Composite(state=ocp.args.StandardRestore(numbered(0)), config=ocp.args.JsonRestore()))
        return same(got.state, numbered(7)) and got.config == CONFIG
    checks.check("items: by name", items)
    if HAS_METADATA:
        checks.check("items: without args", lambda: (lambda got: same(got.state, numbered(7)) and got.config == CONFIG)(modern("items", {}).restore(7)))

        def said():
            manager = modern("said", {})
            return manager.metadata().custom_metadata == {"version": 1.5} and manager.metadata(1).custom_metadata == {"rate": 0.25}
        checks.check("said: of the root and of the step", said)

        def times():
            manager = modern("plain", LATEST_TWO)
            metadata = manager.metadata(4)
            return metadata.init_timestamp_nsecs <= metadata.commit_timestamp_nsecs and "default" in metadata.item_handlers
        checks.check("plain: times and handlers", times)
    print(f"{checks.passed} passed, {checks.failed} failed, 0 skipped", flush=True)
    os._exit(1 if checks.failed else 0)


{"write": write, "check": check}[MODE]()
