#!/usr/bin/env python3
"""What it costs to include <orrery/orrery.hpp> and to use nothing of it, with and without orrery::compiled: cost.py COMPILER FLAGS...

Peak memory of the compiler and the number of classes that it makes, both of which stay the same on a busy machine. They rise at once where
a header has a body that is compiled wherever it is included; docs/compile_time.md says how to write it. g++ alone.
"""
import pathlib
import subprocess
import sys
import tempfile
import os

LIMITS = (  # what is defined, peak megabytes, classes
    ([], 480, 30000),
    (["-DORRERY_COMPILED"], 340, 16500),
)
# Collect at the same points whatever memory the machine has.
COLLECTOR = ["--param", "ggc-min-expand=100", "--param", "ggc-min-heapsize=131072"]


def cost(compiler, defines):
    with tempfile.TemporaryDirectory() as folder:
        source, classes = pathlib.Path(folder) / "alone.cpp", pathlib.Path(folder) / "classes"
        source.write_text("#include <orrery/orrery.hpp>\n")
        process = subprocess.Popen([*compiler, *defines, "-O0", *COLLECTOR, f"-fdump-lang-class={classes}", "-c", str(source), "-o", f"{folder}/alone.o"])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit("it does not compile")
        made = sum(line.startswith("Class ") for line in classes.read_text().splitlines())
    return usage.ru_maxrss / 1024, made


def main():
    dearer = False
    for defines, most_megabytes, most_classes in LIMITS:
        megabytes, classes = cost(sys.argv[1:], defines)
        print(f"<orrery/orrery.hpp> {' '.join(defines)}: {megabytes:.0f} MB (at most {most_megabytes}), {classes} classes (at most {most_classes})")
        dearer = dearer or megabytes > most_megabytes or classes > most_classes
    return "including <orrery/orrery.hpp> has become dearer: see docs/compile_time.md" if dearer else 0


if __name__ == "__main__":
    sys.exit(main())
