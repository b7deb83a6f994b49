#!/usr/bin/env python3
"""digits.py ERA --python P --train T --script S --command C --work DIR: the example of libtorch and JAX, which take turns at training the digits.

One line per check; the last line sums up. Without that Python the checks against JAX count as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import era  # pylint: disable=wrong-import-position

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "train", "script", "command", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
count = {"PASS": 0, "FAIL": 0}


def check(name, holds, text=""):
    verdict = "PASS" if holds else "FAIL"
    count[verdict] += 1
    print(f"{verdict} {name}{': ' if text else ''}{text}", flush=True)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200, check=False, env=era.ENVIRONMENT)
    if done.returncode:
        print(done.stdout + done.stderr)
    return done.stdout, [tuple(map(int, found)) for found in re.findall(r"step (\d+): (\d+) of 297 right", done.stdout)]


def leaves(root):
    shown = subprocess.run([args.command, "show", root, "--json", "--checksums"], capture_output=True, timeout=60, check=True)
    return json.loads(shown.stdout)["leaves"]


shutil.rmtree(args.work, ignore_errors=True)
os.makedirs(args.work)
root, whole = os.path.join(args.work, "steps"), os.path.join(args.work, "whole")
_, ours = run(args.train, root, "600")
check("libtorch trains", len(ours) == 2 and ours[-1][0] == 600 and ours[-1][1] > 260, str(ours))
_, straight = run(args.train, whole, "600")
parted = os.path.join(args.work, "parted")
run(args.train, parted, "250")
_, resumed = run(args.train, parted, "600")
check("stopped and resumed, it ends with the same bits",
      leaves(whole) == leaves(parted) and resumed[0][0] == 250 and straight[-1] == resumed[-1], str(resumed))
era.stop_without(args.python, args.era, 4)
names, theirs = run(args.python, args.script, root, "100")
check("Orbax restores it, and JAX finds as many digits right", bool(theirs) and theirs[0] == ours[-1], str(theirs))
check("under libtorch's names", "hidden.bias hidden.weight norm.bias norm.num_batches_tracked norm.running_mean" in names)
check("JAX trains on and saves", len(theirs) == 2 and theirs[1][0] == 700 and theirs[1][1] > 260, str(theirs))
_, again = run(args.train, root, "900")
check("libtorch resumes from that and finds as many right", bool(again) and bool(theirs) and again[0] == theirs[-1], str(again))
check("libtorch trains on and saves", len(again) == 2 and again[1][0] == 900 and again[1][1] > 260, str(again))
output, last = run(args.python, args.script, root, "0")
check("JAX takes over again: Adam has counted every step of both", last == again[-1:] and "Adam has counted 900" in output, str(last))
if not count["FAIL"]:
    shutil.rmtree(args.work)
print(f"{count['PASS']} passed, {count['FAIL']} failed, 0 skipped")
sys.exit(1 if count["FAIL"] else 0)
