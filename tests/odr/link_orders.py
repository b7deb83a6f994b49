#!/usr/bin/env python3
"""link_orders.py --include DIR --work DIR [--torch INCLUDE LIBRARY... --] COMPILER FLAGS...: a program of two translation units, of which one
includes an adapter, writes the bytes of one that includes none.

Tried for each adapter under DIR/orrery/adapters whose library is there, and for all of them in one unit; the units at -O0 and -O2, in all
four pairs, in both orders of linking: the linker keeps one of two inline functions, mostly the first. One line per adapter; the last line
sums up. A misbehaving adapter, whose bytes must differ, shows that the test would see one.
"""

import argparse
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("--include", required=True, type=pathlib.Path)
parser.add_argument("--work", required=True, type=os.path.abspath)
parser.add_argument("--torch", action="store_true")
args, command = parser.parse_known_args()
torch_include, torch_libraries = None, []
if args.torch:
    end = command.index("--")
    (torch_include, *torch_libraries), command = command[:end], command[end + 1:]
    command += ["-isystem", torch_include]
LIBRARIES = ["-lzstd", "-lz", "-lblosc", "-lbz2", "-pthread"]
LEVELS = ["-O0", "-O2"]
count = {"PASS": 0, "FAIL": 0, "SKIP": 0}


def say(verdict, name, text=""):
    count[verdict] += 1
    print(f"{verdict} {name}{': ' if text else ''}{text}", flush=True)


def compiled(source, name, level, *flags):
    """The object file of that source, or what the compiler said."""
    out = os.path.join(args.work, f"{name}{level}.o")
    run = subprocess.run([*command, level, *flags, "-I", args.work, "-I", HERE, "-c", os.path.join(HERE, source), "-o", out],
                         capture_output=True, text=True, check=False)
    return (out, "") if run.returncode == 0 else (None, run.stderr)


def wanted(name, level, *flags):
    out, error = compiled(name + ".cpp", *flags[:1], level, *flags[1:])
    if not out:
        sys.exit(f"FAIL {name}.cpp does not compile:\n{error[-3000:]}\n0 passed, 1 failed, 0 skipped")
    return out


def lines_of(objects, libraries):
    program = os.path.join(args.work, "program")
    link = [part for part in command if not part.startswith("-std")]
    run = subprocess.run([*link, *objects, "-o", program, *libraries, *LIBRARIES], capture_output=True, text=True, check=False)
    if run.returncode:
        return run.stderr[-2000:]
    run = subprocess.run([program, os.path.join(args.work, "out")], capture_output=True, text=True, check=False, timeout=60)
    return run.stdout.splitlines() if run.returncode == 0 else f"ended with {run.returncode}: {run.stderr[-2000:]}"


shutil.rmtree(args.work, ignore_errors=True)
os.makedirs(args.work)
main = wanted("main", "-O0", "main")
plain = {level: wanted("unit", level, "plain") for level in LEVELS}


def units_with(headers, name):
    """The unit that includes these headers, at each level; None where a library is not there."""
    with open(os.path.join(args.work, f"{name}.hpp"), "w", encoding="ascii") as file:
        file.writelines(f'#include "{header}"\n' for header in headers)
    units = {}
    for level in LEVELS:
        units[level], error = compiled("unit.cpp", f"with_{name}", level, f'-DODR_ADAPTERS="{name}.hpp"')
        if not units[level]:
            missing = re.search(r"fatal error: '?([^' ]+?)'?(: No such file| file not found)", error)
            return None, f"{missing.group(1)} is not here" if missing else error
    return units, ""


def outcomes(units, libraries):
    for (a, with_adapter), (b, without) in itertools.product(units.items(), plain.items()):
        for order in ([with_adapter, without], [without, with_adapter]):
            yield f"{a} with, {b} without, {'with' if order[0] == with_adapter else 'without'} first", lines_of([main, *order], libraries)


# The reference is written where no adapter is in the program: its "with" is another plain unit.
other, trouble = compiled("unit.cpp", "other_plain", "-O0", "-DODR_ADAPTERS=\"types.hpp\"")
reference = lines_of([main, plain["-O0"], other], []) if other else trouble
if not isinstance(reference, list) or len(reference) != 2 or reference[0] != reference[1]:
    sys.exit(f"FAIL the program without adapters: {str(reference)[:3000]}\n0 passed, 1 failed, 0 skipped")

texts = {str(path.relative_to(args.include)): path.read_text() for path in (args.include / "orrery" / "adapters").glob("*.hpp")}
adapters = sorted(header for header in texts if not any(f'"{header}"' in text for text in texts.values()))  # others come with these
here = []
for header in [*adapters, "all"]:
    name = pathlib.Path(header).stem
    is_torch = "torch" in name
    if is_torch and not args.torch:
        say("SKIP", name, "libtorch is not here, or this compiler does not take it")
        continue
    # All but libtorch, which would be compiled a second time for nothing.
    units, trouble = units_with([header] if header != "all" else here, name)
    if not units:
        say("SKIP" if "is not here" in trouble else "FAIL", name, trouble[-3000:])
        continue
    if header != "all" and not is_torch:
        here.append(header)
    wrong = [f"{how}: {lines if isinstance(lines, str) else 'other bytes'}" for how, lines in outcomes(units, torch_libraries if is_torch else [])
             if lines != reference]
    say("FAIL" if wrong else "PASS", name, "; ".join(wrong)[:3000])

units, trouble = units_with(["misbehaving_adapter.hpp"], "misbehaving")
seen = units and sum(lines != reference for _, lines in outcomes(units, []))
say("PASS" if seen else "FAIL", "an adapter that has an opinion of somebody else's aggregate is seen", trouble or f"in {seen} of 8 programs")
if not count["FAIL"]:
    shutil.rmtree(args.work)
print(f"{count['PASS']} passed, {count['FAIL']} failed, {count['SKIP']} skipped")
sys.exit(1 if count["FAIL"] else 0)
