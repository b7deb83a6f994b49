"""alone.py [--skip REGEX] INCLUDE_DIR COMPILER FLAGS...: every header under INCLUDE_DIR/orrery compiles alone, included twice, without a
warning. Those whose path matches REGEX are left out: their library is not there, or this compiler does not take it."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

skip = None
if sys.argv[1] == "--skip":
    skip = re.compile(sys.argv[2])
    del sys.argv[1:3]
include, command = pathlib.Path(sys.argv[1]), sys.argv[2:]


def check(header):
    text = f'#include "{header}"\n#include "{header}"\n'
    run = subprocess.run([*command, "-fsyntax-only", "-x", "c++", "-"], input=text, capture_output=True, text=True)
    return header, run.returncode, run.stderr


headers = sorted(str(h.relative_to(include)) for h in (include / "orrery").rglob("*.hpp"))
headers = [h for h in headers if not (skip and skip.search(h))]
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    failed = [(h, err) for h, code, err in pool.map(check, headers) if code]
for header, err in failed:
    print(f"{header} does not compile alone:\n{err}")
print(f"{len(headers)} headers, {len(failed)} failed")
sys.exit(1 if failed else 0)
