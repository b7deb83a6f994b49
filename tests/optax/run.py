#!/usr/bin/env python3
"""run.py ERA --python P --states S --work DIR: states of optax and Flax in turn: states.py write, optax_states, states.py check.

Each prints a line for each check; the last line sums up. Without that Python the three count as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "states", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "states.py")
total = [0, 0, 0]


def run(what, command, sums=True):
    """Prints its lines but for its sum, which is added to ours. One that ends badly without a failure of its own is a failure."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=300,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode(errors="replace"), "a time limit"
    found = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped\n\Z", output, re.MULTILINE)
    print(output[:found.start()] if found else output[-4000:], end="", flush=True)
    for i, number in enumerate(found.groups() if found else ()):
        total[i] += int(number)
    if (sums and not found) or (code != 0 and not (found and int(found.group(2)))):
        total[1] += 1
        print(f"FAIL {args.era} {what}: ended with {code}")
    return code == 0


if not os.path.exists(args.python):
    ci = os.environ.get("CI") == "true"
    total[1 if ci else 2] = 3
    print(f"{'FAIL' if ci else 'SKIP'} {args.era} states: there is no Python of this era: run scripts/setup, which needs PyPI")
else:
    shutil.rmtree(args.work, ignore_errors=True)
    if run("write", [args.python, script, "write", args.era, args.work], sums=False):
        run("read", [args.states, args.era, args.work])
        run("check", [args.python, script, "check", args.era, args.work])
    if not total[1]:
        shutil.rmtree(args.work)
print("{} passed, {} failed, {} skipped".format(*total))
sys.exit(1 if total[1] else 77 if total[2] else 0)
