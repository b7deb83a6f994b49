#!/usr/bin/env python3
"""other_compiler.py --compiler C --work DIR --include DIR... --system DIR... --sources FILE...: compiles unit tests with that compiler, with all
warnings as errors, links them into one program and runs it. Without the compiler the test counts as skipped (exit 77), or as failed where
CI=true.
"""

import argparse
import os
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--compiler", required=True)
parser.add_argument("--work", required=True, type=os.path.abspath)
for name in ("include", "system", "sources"):
    parser.add_argument(f"--{name}", nargs="+", default=[])
args = parser.parse_args()

if not shutil.which(args.compiler):
    ci = os.environ.get("CI") == "true"
    print(f"{'FAIL' if ci else 'SKIP'} there is no {args.compiler}")
    sys.exit(1 if ci else 77)
os.makedirs(args.work, exist_ok=True)
compiler = ([shutil.which("ccache")] if shutil.which("ccache") else []) + [args.compiler, "-std=c++20", "-O0"]
warnings = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror".split()
includes = [f"-I{path}" for path in args.include] + [word for path in args.system for word in ("-isystem", path)]
objects = []
for source in args.sources:
    objects.append(os.path.join(args.work, os.path.basename(source) + ".o"))
    own = f"-I{os.path.dirname(os.path.abspath(source))}"
    if subprocess.run([*compiler, *warnings, *includes, own, "-c", source, "-o", objects[-1]], check=False).returncode:
        sys.exit(f"FAIL {args.compiler} does not compile {source}")
program = os.path.join(args.work, "tests")
subprocess.run([*compiler, *objects, "-lzstd", "-lz", "-lblosc", "-lbz2", "-pthread", "-o", program], check=True)
sys.exit(subprocess.run([program], check=False).returncode)
