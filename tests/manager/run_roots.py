#!/usr/bin/env python3
"""run_roots.py ERA --python P --roots PROGRAM --work DIR: Python's CheckpointManager of one era opens what ours wrote, and the other way round.

One line per check; the last line sums up. Without that Python they count as skipped (exit 77), or as failed where CI=true.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "roots", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
total = [0, 0, 0]


def run(name, command, sums=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=500, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    found = None
    for line in done.stdout.splitlines():
        own = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", line)
        if own:
            found = [int(number) for number in own.groups()]
        elif sums or done.returncode:
            print(line)
    if found:
        total[:] = [a + b for a, b in zip(total, found)]
    if (sums and found is None) or (done.returncode and not (found and found[1])):
        total[1] += 1
        print(f"FAIL {args.era} {name}: ended with {done.returncode}")


if not os.path.exists(args.python):
    ci = os.environ.get("CI") == "true"
    total[1 if ci else 2] += 2
    print(f"{'FAIL' if ci else 'SKIP'} {args.era}: there is no Python of this era: run scripts/setup, which needs PyPI")
else:
    theirs, ours = os.path.join(args.work, "python"), os.path.join(args.work, "cpp")
    shutil.rmtree(args.work, ignore_errors=True)
    os.makedirs(theirs)
    script = os.path.join(here, "manager_roots.py")
    run("write", [args.python, script, "write", args.era, theirs], sums=False)
    run("read", [args.roots, "read", args.era, theirs])
    run("cpp write", [args.roots, "write", ours], sums=False)
    run("check", [args.python, script, "check", args.era, ours])
    if not total[1]:
        shutil.rmtree(args.work)
print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
sys.exit(1 if total[1] else 77 if total[2] else 0)
