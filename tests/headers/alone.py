"""alone.py INCLUDE_DIR [--without HEADER]... COMPILER FLAGS...: every other header under INCLUDE_DIR/orrery compiles alone, included twice,
without a warning; those that leave bodies out where ORRERY_COMPILED is defined also with it."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

include, command, without = pathlib.Path(sys.argv[1]), sys.argv[2:], set()
while command[0] == "--without":
    without.add(command[1])
    command = command[2:]


def check(header, *defines):
    text = f'#include "{header}"\n#include "{header}"\n'
    run = subprocess.run([*command, *defines, "-fsyntax-only", "-x", "c++", "-"], input=text, capture_output=True, text=True)
    return " ".join([header, *defines]), run.returncode, run.stderr


headers = sorted({str(h.relative_to(include)) for h in (include / "orrery").rglob("*.hpp")} - without)
checks = [(h,) for h in headers]
checks += [(h, "-DORRERY_COMPILED") for h in headers if "#ifndef ORRERY_COMPILED" in (include / h).read_text()]
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    failed = [(h, err) for h, code, err in pool.map(lambda each: check(*each), checks) if code]
for header, err in failed:
    print(f"{header} does not compile alone:\n{err}")
print(f"{len(headers)} headers, {len(failed)} failed")
sys.exit(1 if failed else 0)
