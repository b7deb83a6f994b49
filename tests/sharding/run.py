#!/usr/bin/env python3
"""run.py ERA --python P --agree A --work DIR: make_cases.py with the Python of one era, then agree.cpp's program on what it made.

The last line sums up. Without that Python the test counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "agree", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()

if not os.path.exists(args.python):
    ci = os.environ.get("CI") == "true"
    print(f"{'FAIL' if ci else 'SKIP'} {args.era}: there is no Python of this era: run scripts/setup, which needs PyPI")
    print(f"0 passed, {int(ci)} failed, {int(not ci)} skipped")
    sys.exit(1 if ci else 77)

shutil.rmtree(args.work, ignore_errors=True)
os.makedirs(args.work)
made = subprocess.run([args.python, os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_cases.py"), args.work],
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=400,
                      env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
if made.returncode:
    print(made.stdout[-4000:])
    print(f"FAIL {args.era} make_cases.py ended with {made.returncode}\n0 passed, 1 failed, 0 skipped")
    sys.exit(1)
agreed = subprocess.run([args.agree, args.work], check=False, timeout=300)
if agreed.returncode == 0:
    shutil.rmtree(args.work)
elif agreed.returncode != 1:
    print(f"FAIL {args.era} agree ended with {agreed.returncode}\n0 passed, 1 failed, 0 skipped")
sys.exit(1 if agreed.returncode else 0)
