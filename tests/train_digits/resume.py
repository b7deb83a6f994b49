#!/usr/bin/env python3
"""resume.py --train P --command P --work DIR: a training that is killed at random moments and resumed ends as one that is not.

The last checkpoints of both are compared leaf by leaf: names, dtypes, shapes and CRC-32C of weights, Adam's moments, data order and
random engine. One line per check; the last line sums up.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

STEPS = 1500
ROUNDS = 3
KILLS = 8  # of each round

parser = argparse.ArgumentParser()
for name in ("train", "command", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
count = {"PASS": 0, "FAIL": 0}


def check(name, holds, text=""):
    verdict = "PASS" if holds else "FAIL"
    count[verdict] += 1
    print(f"{verdict} {name}{': ' if text else ''}{text}", flush=True)


def start(root):
    return subprocess.Popen([args.train, root, str(STEPS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(run):
    output = run.communicate(timeout=120)[0]
    return output.strip().replace("\n", "; "), [int(step) for step in re.findall(r"step (\d+):", output)]


def leaves(root):
    shown = subprocess.run([args.command, "show", root, "--json", "--checksums"], capture_output=True, timeout=60, check=True)
    return {"/".join(map(str, leaf["path"])): leaf for leaf in json.loads(shown.stdout)["leaves"]}


def steps_in(root):
    return sorted(int(name) for name in os.listdir(root) if name.isdigit()) if os.path.isdir(root) else []


def latest(root):
    return max(steps_in(root), default=0)


def same_as(want, root):
    got = leaves(root)
    other = [path for path in want.keys() | got.keys() if want.get(path) != got.get(path)]
    return not other, f"{len(other)} of {len(want)} leaves differ: {', '.join(sorted(other)[:5])}" if other else ""


shutil.rmtree(args.work, ignore_errors=True)
os.makedirs(args.work)
began = time.monotonic()
whole = os.path.join(args.work, "whole")
run = start(whole)
output, steps = finish(run)
took = time.monotonic() - began
check("a run that nothing disturbs", run.returncode == 0 and steps == [0, STEPS] and steps_in(whole)[-1] == STEPS, output)
right = int(re.search(r"(\d+) of 297 right$", output).group(1))
check("it learns the digits", right > 255, f"{right} of 297")
want = leaves(whole)
check("its checkpoint holds all that decides how training goes on",
      {"step", "rng", "order/permutation", "order/position", "params/hidden/kernel", "opt_state/0/mu/output/bias"} <= want.keys())

kills = later = torn = 0
for number in range(ROUNDS):
    moments = random.Random(number)
    root = os.path.join(args.work, f"killed-{number}")
    for _ in range(KILLS):
        # So many steps further, to get on at any speed of the machine, and then at any moment.
        aim, delay = latest(root) + moments.uniform(0, 200), moments.uniform(0, 0.03 * took)
        run = start(root)
        while run.poll() is None and latest(root) < aim:
            time.sleep(0.0005)
        time.sleep(delay)
        run.kill()
        output, steps = finish(run)
        kills += run.returncode == -signal.SIGKILL
        later += run.returncode == -signal.SIGKILL and bool(steps and steps[0])
        torn += os.path.isdir(root) and any(not name.isdigit() for name in os.listdir(root))
    run = start(root)
    output, steps = finish(run)
    check(f"round {number}: the last run goes to the end", run.returncode == 0 and steps[-1] == STEPS, output)
    check(f"round {number}: bit for bit the same", *same_as(want, root))
    check(f"round {number}: nothing is left of the dead", all(name.isdigit() for name in os.listdir(root)),
          " ".join(sorted(os.listdir(root))))
check("processes were killed, also after resuming", kills >= 5 * ROUNDS and later >= 3 * ROUNDS,
      f"{kills} killed, {later} of them resumed ones, {torn} in the middle of a save")

root = os.path.join(args.work, "asked")
run = start(root)
run.stdout.readline()  # it has begun, so the signal is watched
time.sleep(took * 0.1)
run.send_signal(signal.SIGTERM)
output, steps = finish(run)
check("SIGTERM: it saves where it is and leaves", run.returncode == 0 and steps and steps_in(root)[-1] == steps[-1], output)
asked = steps[-1] if steps else -1
output, steps = finish(start(root))
check("... goes on from exactly there", steps and steps[0] == asked, output)
check("... and ends bit for bit the same", *same_as(want, root))

if not count["FAIL"]:
    shutil.rmtree(args.work)
print(f"{count['PASS']} passed, {count['FAIL']} failed, 0 skipped")
sys.exit(1 if count["FAIL"] else 0)
