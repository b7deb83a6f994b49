#!/usr/bin/env python3
"""guide_outputs.py --guide P [--processes COMMAND] --python P --page MD --work DIR: the Python of docs/guide.md, run on what the guide's
programs wrote: that of its last chapter is run by COMMAND, "mpirun -n 4 ..."; without one, the last chapter is left out.

Every ```python block is a check: it must run, and print what stands there (as in doctest; `...` stands for anything). The last line sums
up. Without that Python they count as skipped (exit 77), or as failed where CI=true.
"""
import argparse
import doctest
import os
import re
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
for name in ("guide", "python", "page", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
parser.add_argument("--processes")
parser.add_argument("--inside", action="store_true", help="this is that Python")
args = parser.parse_args()
with open(args.page, encoding="utf-8") as file:
    text = file.read()
blocks = [(text.count("\n", 0, found.start()) + 1, found.group(1)) for found in re.finditer(r"^```python\n(.*?)^```$", text, re.M | re.S)]
of_processes = "/tmp/orrery_guide_processes"
if not args.processes:
    blocks = [(line, block) for line, block in blocks if of_processes not in block]
count = {"PASS": 0, "FAIL": 0, "SKIP": 0}


def report(verdict, line, why=""):
    count[verdict] += 1
    print(f"{verdict} guide.md:{line}{': ' if why else ''}{why}", flush=True)


def finish():
    print(f"{count['PASS']} passed, {count['FAIL']} failed, {count['SKIP']} skipped", flush=True)
    os._exit(1 if count["FAIL"] else 77 if count["SKIP"] else 0)  # JAX's threads may outlive it


if not os.path.exists(args.python):
    for line, _ in blocks:
        report("FAIL" if os.environ.get("CI") == "true" else "SKIP", line, "there is no Python of this era: run scripts/setup, which needs PyPI")
    finish()
if not args.inside:
    sys.exit(subprocess.run([args.python, *sys.argv, "--inside"], check=False, timeout=250,
                            env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
                                 "PYTHONDONTWRITEBYTECODE": "1"}).returncode)

import logging
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
import flax.training.checkpoints
import orbax.checkpoint

shutil.rmtree(args.work, ignore_errors=True)
os.makedirs(args.work)
subprocess.run([args.guide, args.work], stdout=subprocess.DEVNULL, timeout=60, check=True)
if args.processes:
    subprocess.run([*args.processes.split(), args.work + "/processes"], stdout=subprocess.DEVNULL, timeout=120, check=True)
runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
for line, block in blocks:
    block = block.replace(of_processes, args.work + "/processes").replace("/tmp/orrery_guide", args.work)
    names = {"orbax": orbax, "flax": flax}
    told = []
    if ">>>" in block:
        runner.run(doctest.DocTestParser().get_doctest(block, names, "guide.md", args.page, line), out=told.append)
    else:
        try:
            exec(block, names)
        except Exception as error:  # noqa: BLE001: whatever the library throws is an outcome
            told.append(f"{type(error).__name__}: {error}")
    report("FAIL" if told else "PASS", line, "".join(told))
if not count["FAIL"]:
    shutil.rmtree(args.work)
finish()
