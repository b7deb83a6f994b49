#!/usr/bin/env python3
"""faults.py --mpirun M --faults F --work DIR: one of four ranks dies, is stuck or has no disk left at each step of a save (faults.cpp).

Every survivor has to get a typed error that names the rank, in time; nothing half-written may ever be listed; the next job goes on. The
last line sums up.
"""
import argparse
import os
import shutil
import subprocess
import sys

CASES = [(fault, victim, where, mode)
         for mode in ("sync", "async")
         for fault, victim, where in (
             ("kill", 2, "absent"), ("kill", 2, "make_directory"), ("kill", 3, "write"),
             ("kill", 0, "absent"), ("kill", 0, "make_directory"), ("kill", 0, "write"), ("kill", 0, "rename"),
             ("stuck", 1, "absent"), ("stuck", 1, "write"), ("stuck", 0, "rename"),
             ("full", 2, "write"), ("full", 0, "write"), ("full", 0, "rename"))]

parser = argparse.ArgumentParser()
parser.add_argument("--mpirun", required=True)
for name in ("faults", "work"):
    parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
args = parser.parse_args()
shutil.rmtree(args.work, ignore_errors=True)
passed = failed = 0


def ranks(*command, recover):
    launcher = [*args.mpirun.split(), *(["--enable-recovery"] if recover else []), "-n", "4", args.faults]
    done = subprocess.run([*launcher, *command], check=False, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL"))], done.stdout


for number, (fault, victim, where, mode) in enumerate(CASES):
    directory = os.path.join(args.work, str(number))
    os.makedirs(directory)
    _, told, output = ranks("fail", directory, fault, str(victim), where, mode, recover=True)
    survivors = 4 if fault == "full" else 3
    if len(told) != survivors:
        told.append(f"FAIL {fault} of rank {victim} at {where}, {mode}: {len(told)} of {survivors} survivors spoke\n{output[-2000:]}")
    half = [name for name in os.listdir(directory) if name != "0" and ".orbax-checkpoint-tmp" not in name]
    if half:
        told.append(f"FAIL {fault} of rank {victim} at {where}, {mode}: there is {half}")
    status, after, output = ranks("check", directory, recover=False)
    if status or after != ["PASS the next job, rank 0"]:
        after = [f"FAIL the next job after {fault} of rank {victim} at {where}, {mode}\n{output[-2000:]}"]
    for line in told + after:
        print(line)
    bad = sum(line.startswith("FAIL") for line in told + after)
    passed, failed = passed + len(told + after) - bad, failed + bad
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
