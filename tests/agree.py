#!/usr/bin/env python3
"""agree.py ERA --python P --cases C --agree A --work DIR: the script C with the Python of one era makes cases and what the real library says
of them, then the program A says what we do, with a line for each.

The program's last line sums up. Without that Python the test counts as skipped (exit 77), or as failed where CI=true.
"""

import argparse
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import era

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "cases", "agree", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
era.stop_without(args.python, args.era)

shutil.rmtree(args.work, ignore_errors=True)
os.makedirs(args.work)
made = subprocess.run([args.python, args.cases, args.era, args.work], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                      errors="replace", check=False, timeout=400, env=era.ENVIRONMENT)
if made.returncode:
    print(made.stdout[-4000:])
    print(f"FAIL {args.era} {os.path.basename(args.cases)} ended with {made.returncode}\n0 passed, 1 failed, 0 skipped")
    sys.exit(1)
agreed = subprocess.run([args.agree, args.work], check=False, timeout=300)
if agreed.returncode == 0:
    shutil.rmtree(args.work)
elif agreed.returncode != 1:
    print(f"FAIL {args.era} agree ended with {agreed.returncode}\n0 passed, 1 failed, 0 skipped")
sys.exit(1 if agreed.returncode else 0)
