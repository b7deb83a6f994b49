#!/usr/bin/env python3
"""What it costs to include <orrery/orrery.hpp> and to use nothing of it: cost.py COMPILER FLAGS...

Peak memory of the compiler and the number of classes that it makes, both of which stay the same on a busy machine. They rise at once where
a header has a body that is compiled wherever it is included; docs/compile_time.md says how to write it. g++ alone.
"""
import pathlib
import subprocess
import sys
import tempfile
import os

MOST_MEGABYTES = 480
MOST_CLASSES = 27500
# Collect at the same points whatever memory the machine has.
COLLECTOR = ["--param", "ggc-min-expand=100", "--param", "ggc-min-heapsize=131072"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        source, classes = pathlib.Path(folder) / "alone.cpp", pathlib.Path(folder) / "classes"
        source.write_text("#include <orrery/orrery.hpp>\n")
        process = subprocess.Popen([*sys.argv[1:], "-O0", *COLLECTOR, f"-fdump-lang-class={classes}", "-c", str(source), "-o", f"{folder}/alone.o"])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            return "it does not compile"
        made = sum(line.startswith("Class ") for line in classes.read_text().splitlines())
    megabytes = usage.ru_maxrss / 1024
    print(f"<orrery/orrery.hpp>: {megabytes:.0f} MB (at most {MOST_MEGABYTES}), {made} classes (at most {MOST_CLASSES})")
    if megabytes > MOST_MEGABYTES or made > MOST_CLASSES:
        return "including <orrery/orrery.hpp> has become dearer: see docs/compile_time.md"
    return 0


if __name__ == "__main__":
    sys.exit(main())
