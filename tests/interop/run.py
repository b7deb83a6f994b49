#!/usr/bin/env python3
"""run.py ERA --python P --writer W --reader R --work DIR: the interoperability tests against the real Orbax and Flax of one era.

Three programs in turn, each with one line per check: write.py (Python writes), the C++ reader, and check.py (Python restores what the C++
writer wrote). The last line sums up. Without that Python the three count as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "writer", "reader", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
total = {"passed": 0, "failed": 0, "skipped": 0}


def report(verdict, name, text):
    total[verdict] += 1
    print(f"{ {'passed': 'PASS', 'failed': 'FAIL', 'skipped': 'SKIP'}[verdict]} {args.era} {name}: {text}", flush=True)


def run(name, command):
    """Prints its lines but for its sum, which is added to ours. A program that ends without one (it crashed, it took too long) failed.

    It runs in the folder `work`, since 0.4.0 takes an empty key for a relative path.
    """
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=500,
                              check=False, cwd=args.work, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode(errors="replace"), "a time limit"
    found = None
    for line in output.splitlines():
        own = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", line)
        if own:
            found = [int(number) for number in own.groups()]
        else:
            print(line)
    for kind, number in zip(total, found or (0, 0, 0)):
        total[kind] += number
    if found is None or (code != 0 and not found[1]):
        report("failed", name, f"ended with {code} and {'no sum' if found is None else 'no failure named'}")


if not os.path.exists(args.python):
    ci = os.environ.get("CI") == "true"
    for name in ("write", "read", "check"):
        report("failed" if ci else "skipped", name, "there is no Python of this era: run scripts/setup, which needs PyPI")
else:
    theirs, ours = os.path.join(args.work, "python"), os.path.join(args.work, "cpp")
    shutil.rmtree(args.work, ignore_errors=True)
    os.makedirs(theirs)
    run("write", [args.python, os.path.join(here, "write.py"), args.era, theirs])
    run("read", [args.reader, args.era, theirs])
    written = subprocess.run([args.writer, ours], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if written.returncode:
        report("failed", "cpp writer", written.stdout.strip())
    run("check", [args.python, os.path.join(here, "check.py"), args.era, ours])
    if not total["failed"]:
        shutil.rmtree(args.work)
print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
sys.exit(1 if total["failed"] else 77 if total["skipped"] else 0)
