#!/usr/bin/env python3
"""run.py ERA --python P --reader R --work DIR: random zarr arrays by the TensorStore of one era, read by us.

Without that Python one check counts as skipped (exit 77), or as failed where CI=true. The last line sums up.
"""

import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import era  # pylint: disable=wrong-import-position

parser = argparse.ArgumentParser()
parser.add_argument("era")
for name in ("python", "reader", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))

era.stop_without(args.python, f"{args.era} arrays")
shutil.rmtree(args.work, ignore_errors=True)
written = subprocess.run([args.python, os.path.join(here, "write.py"), args.work], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, errors="replace", timeout=500, check=False, env=era.ENVIRONMENT)
if written.returncode:
    print(written.stdout)
    print(f"FAIL {args.era} arrays: TensorStore wrote none")
    print("0 passed, 1 failed, 0 skipped")
    sys.exit(1)
print(written.stdout.splitlines()[-1], flush=True)
read = subprocess.run([args.reader, args.era, args.work], timeout=500, check=False)
if not read.returncode:
    shutil.rmtree(args.work)
sys.exit(1 if read.returncode else 0)
