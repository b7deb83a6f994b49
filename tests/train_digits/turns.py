#!/usr/bin/env python3
"""turns.py --train P --python P --script S --work DIR: C++ and JAX take turns at training the digits, through Orbax checkpoints.

One line per check; the last line sums up. Without that Python they count as skipped (exit 77), or as failed where CI=true.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
for name in ("train", "python", "script", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
count = {"PASS": 0, "FAIL": 0, "SKIP": 0}
NAMES = ["C++ trains", "Orbax restores it, and JAX finds as many digits right", "JAX trains on and saves",
         "C++ resumes from that and finds as many right", "C++ trains on and saves", "JAX takes over again: Adam has counted every step of both"]


def check(name, holds, text=""):
    verdict = "PASS" if holds else "FAIL"
    count[verdict] += 1
    print(f"{verdict} {name}{': ' if text else ''}{text}", flush=True)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    if done.returncode:
        print(done.stdout + done.stderr)
    return done.stdout, [tuple(map(int, found)) for found in re.findall(r"step (\d+): (\d+) of 297 right", done.stdout)]


if not os.path.exists(args.python):
    verdict = "FAIL" if os.environ.get("CI") == "true" else "SKIP"
    for name in NAMES:
        count[verdict] += 1
        print(f"{verdict} {name}: there is no Python of this era: run scripts/setup, which needs PyPI")
else:
    shutil.rmtree(args.work, ignore_errors=True)
    os.makedirs(args.work)
    root = os.path.join(args.work, "steps")
    _, ours = run(args.train, root, "600")
    check(NAMES[0], len(ours) == 2 and ours[-1][0] == 600, str(ours))
    _, theirs = run(args.python, args.script, root, "100")
    check(NAMES[1], bool(ours) and bool(theirs) and theirs[0] == ours[-1], str(theirs))
    check(NAMES[2], len(theirs) == 2 and theirs[1][0] == 700 and theirs[1][1] > 250, str(theirs))
    _, again = run(args.train, root, "900")
    check(NAMES[3], bool(again) and bool(theirs) and again[0] == theirs[-1], str(again))
    check(NAMES[4], len(again) == 2 and again[1][0] == 900 and again[1][1] > 250, str(again))
    output, last = run(args.python, args.script, root, "0")
    check(NAMES[5], last == again[-1:] and "Adam's count is 900" in output, output.strip().replace("\n", "; "))
    if not count["FAIL"]:
        shutil.rmtree(args.work)
print(f"{count['PASS']} passed, {count['FAIL']} failed, {count['SKIP']} skipped")
sys.exit(1 if count["FAIL"] else 77 if count["SKIP"] else 0)
