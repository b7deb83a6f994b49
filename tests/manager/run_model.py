#!/usr/bin/env python3
"""run_model.py --model PROGRAM --python P [--older P] --work DIR: the C++ manager and real Orbax do the same, and must end with the same.

Policies: random cases for each policy class, one check a class; with --older also the classic options of an Orbax without policies. Managers:
random sequences of 200 operations (saves with metrics, with force, of earlier steps; deletions; reloads; restarts; processes that die
before the commit, after it, and while old steps are deleted), each side on its own directory, compared after every operation; one check a
set of options. Without that Python they count as skipped (exit 77), or as failed where CI=true. The last line sums up.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
for name in ("model", "python", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
parser.add_argument("--older", type=os.path.abspath)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--operations", type=int, default=200)
args = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
total = {"passed": 0, "failed": 0, "skipped": 0}


def report(verdict, name, text=""):
    total[verdict] += 1
    print(f"{ {'passed': 'PASS', 'failed': 'FAIL', 'skipped': 'SKIP'}[verdict]} {name}{': ' + text if text else ''}", flush=True)


class Side:
    """One of the two programs."""

    def __init__(self, command):
        self.command = command
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.command[-1]} ended with {self.process.wait()} at {command}")
        return json.loads(line)

    def die(self, command):
        """A command that ends the process."""
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer:
            self.process.kill()
        code = self.process.wait()
        if answer or code != -9:
            raise RuntimeError(f"the process did not die but said {answer!r}, exit {code}")
        self.start()

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def random_steps(rng):
    """In the order of saving, which is mostly ascending."""
    steps = sorted(rng.sample(range(60), rng.randint(0, 14)))
    if rng.random() < 0.3:
        rng.shuffle(steps)
    seconds, out = 0, []
    for step in steps:
        seconds += rng.choice([0, 1, 5, 30, 60])
        out.append([step, seconds, rng.choice([None, 0.1, 0.2, 0.2, 0.5, -1.5, 3])])
    return out


def optional(rng, values):
    return rng.choice([None, *values])


PRESERVATION = {
    "PreserveAll": lambda r: {},
    "LatestN": lambda r: {"n": optional(r, range(6))},
    "EveryNSeconds": lambda r: {"interval_secs": r.choice([1, 10, 30, 61, 90])},
    "EveryNSteps": lambda r: {"interval_steps": r.randint(1, 12), "exact_interval": r.random() < 0.5, "max_to_keep": optional(r, range(5))},
    "EveryNStepsClosest": lambda r: {"interval_steps": r.randint(1, 12), "max_to_keep": optional(r, range(5))},
    "CustomSteps": lambda r: {"steps": r.sample(range(60), 10)},
    "LatestDuration": lambda r: {"duration": r.randint(0, 300)},
    "BestN": lambda r: {"n": optional(r, range(6)), "reverse": r.random() < 0.5, "keep_checkpoints_without_metrics": r.random() < 0.5},
    "AnyPreservationPolicy": lambda r: {"policies": [random_policy(PRESERVATION, r.choice(list(PRESERVATION)[:-1]), r) for _ in range(r.randint(1, 3))]},
}
SAVE = {
    "FixedIntervalPolicy": lambda r: {"interval": r.randint(1, 7)},
    "SpecificStepsPolicy": lambda r: {"steps": r.sample(range(70), 20)},
    "ContinuousCheckpointingPolicy": lambda r: {"minimum_interval_secs": optional(r, [0, 1, 5, 30, 100])},
    "PreemptionCheckpointingPolicy": lambda r: {},
    "InitialSavePolicy": lambda r: {},
    "AnySavePolicy": lambda r: {"policies": [random_policy(SAVE, r.choice(list(SAVE)[:-1]), r) for _ in range(r.randint(0, 3))]},
}


def random_policy(table, kind, rng):
    return {"kind": kind, **table[kind](rng)}


def check_cases(name, ours, theirs, cases):
    for mine, other in cases:
        a, b = ours.ask(mine), theirs.ask(other)
        if a != b:
            return report("failed", name, f"{json.dumps(other)}: ours {a}, theirs {b}")
    report("passed", name)


def check_policies(ours, theirs):
    for kind in PRESERVATION:
        rng = random.Random(f"{args.seed} {kind}")
        commands = [{"op": "keep", "policy": random_policy(PRESERVATION, kind, rng), "steps": random_steps(rng), "now": rng.randint(0, 500)}
                    for _ in range(200)]
        check_cases(f"policy {kind}", ours, theirs, ((c, c) for c in commands))
    for kind in SAVE:
        rng = random.Random(f"{args.seed} {kind}")
        commands = [{"op": "decide", "policy": random_policy(SAVE, kind, rng), "steps": random_steps(rng), "saving": rng.random() < 0.3,
                     "preempted": rng.random() < 0.3, "step": [[rng.randint(0, 70), rng.randint(0, 900), None]]} for _ in range(200)]
        check_cases(f"policy {kind}", ours, theirs, ((c, c) for c in commands))


def check_classic(ours, theirs):
    """An Orbax without policies: max_to_keep with keep_period, of the latest or of the best."""
    rng, cases = random.Random(args.seed), []
    for _ in range(300):
        keep, period, best, reverse = rng.randint(1, 5), optional(rng, range(1, 9)), rng.random() < 0.5, rng.random() < 0.5
        steps = sorted(random_steps(rng))
        policies = [{"kind": "BestN", "n": keep, "reverse": reverse} if best else {"kind": "LatestN", "n": keep}]
        if period:
            policies.append({"kind": "EveryNSteps", "interval_steps": period})
        options = {"max_to_keep": keep, "keep_period": period, "best": best, "best_mode": "min" if reverse else "max"}
        cases.append(({"op": "keep", "policy": {"kind": "AnyPreservationPolicy", "policies": policies}, "steps": steps, "now": 0},
                      {"op": "keep_classic", "options": options, "steps": steps}))
    check_cases("classic options of an older Orbax", ours, theirs, cases)


ANY = lambda *policies: {"preservation_policy": {"kind": "AnyPreservationPolicy", "policies": list(policies)}}
OPTIONS = {
    "everything stays": {},
    "the latest two": {"max_to_keep": 2},
    "the latest two, in the background": {"max_to_keep": 2, "async": True},
    "none": {"max_to_keep": 0},
    "the latest three and every fourth": {"max_to_keep": 3, "keep_period": 4},
    "one an hour": {"max_to_keep": 2, "keep_time_interval": 3600},
    "the two with the least loss": {"max_to_keep": 2, "best": True, "best_mode": "min"},
    "the two with the most, none without, every fifth": {"max_to_keep": 2, "best": True, "keep_checkpoints_without_metrics": False, "keep_period": 5},
    "every third step, under other names": {"save_interval_steps": 3, "save_on_steps": [4, 7, 20, 41], "max_to_keep": 4, "step_prefix": "ck",
                                            "step_format_fixed_length": 3},
    "far apart, and the last": ANY({"kind": "EveryNSteps", "interval_steps": 7, "exact_interval": False, "max_to_keep": 3}, {"kind": "LatestN", "n": 1}),
    "nearest to tens": {"preservation_policy": {"kind": "EveryNStepsClosest", "interval_steps": 10, "max_to_keep": 4}, "cleanup_tmp_directories": True},
}


def random_operation(rng, state):
    roll, latest = rng.random(), state["latest"] if state["latest"] is not None else -1
    if roll < 0.62:
        earlier = rng.random() < 0.2
        step = rng.randint(0, max(latest, 3)) if earlier else latest + rng.choice([1, 1, 1, 2, 3])
        command = {"op": "save", "step": step, "loss": rng.choice([None, 0.1, 0.2, 0.2, 0.3, 0.5]), "force": rng.random() < (0.5 if earlier else 0.1)}
        if rng.random() < 0.15:
            command["stop"] = rng.choice(["before commit", "after commit", "during deletion"])
        return command
    if roll < 0.78:
        return {"op": "delete", "step": rng.choice([*state["steps"], latest + 7])}
    return {"op": "reload"} if roll < 0.88 else {"op": "open"}


def check_manager(name, options, python):
    rng = random.Random(f"{args.seed} {name}")
    roots = [os.path.join(args.work, name.replace(" ", "_"), side) for side in ("ours", "theirs")]
    ours, theirs = Side([args.model]), python
    history = []
    try:
        command, state = {"op": "open"}, {}
        for _ in range(args.operations):
            if command["op"] == "open":
                command["options"] = options
            history.append({k: v for k, v in command.items() if k != "options"})
            other = theirs.ask({**command, "root": roots[1]})
            if command.get("stop"):
                ours.die(command)
                command = {"op": "open"}
                continue
            mine = ours.ask({**command, "root": roots[0]})
            if mine != other:
                return report("failed", f"model {name}", f"after {json.dumps(history[-12:])}: ours {mine}, theirs {other}")
            state = other
            command = random_operation(rng, state)
        report("passed", f"model {name}", f"{args.operations} operations, {sum('stop' in c for c in history)} deaths, steps {state['steps']}")
    except RuntimeError as error:
        report("failed", f"model {name}", f"after {json.dumps(history[-5:])}: {error}")
    finally:
        ours.end()


if not os.path.exists(args.python):
    for what in ("policies", "manager"):
        report("failed" if os.environ.get("CI") == "true" else "skipped", what, "there is no Python: run scripts/setup, which needs PyPI")
else:
    shutil.rmtree(args.work, ignore_errors=True)
    script = os.path.join(here, "orbax_model.py")
    newest = Side([args.python, script])
    model = Side([args.model])
    check_policies(model, newest)
    if args.older and os.path.exists(args.older):
        older = Side([args.older, script])
        check_classic(model, older)
        older.end()
    model.end()
    for options_name, option_set in OPTIONS.items():
        check_manager(options_name, option_set, newest)
    newest.end()
    if not total["failed"]:
        shutil.rmtree(args.work, ignore_errors=True)
print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
sys.exit(1 if total["failed"] else 77 if total["skipped"] else 0)
