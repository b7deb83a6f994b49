#!/usr/bin/env python3
"""What including orrery costs a compiler, as ratios that are measured in one run.

  compile_time.py [--compiler g++] [--runs 3] [--include DIR]... [--isystem DIR]...

Each translation unit is compiled --runs times in turns with the others; the least user time and the least peak memory count. Ratios are
taken against `#include <msgpack.hpp>` of the same run, so that the machine drops out. cereal and msgpack-c do the same structs. Exits with
1 where a goal is missed, after the table.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDE = 64
LINKED = ", orrery::compiled"


def structs(count, members, tail=""):
    """`count` structs of `members` members, each of which holds the one before as its last: nested `count` deep."""
    text = ""
    for index in range(count):
        fields = "".join(f"  float m{i} = 0;\n" for i in range(members - (index > 0)))
        inner = f"  S{index - 1} inner{{}};\n" if index else ""
        names = [f"m{i}" for i in range(members - (index > 0))] + (["inner"] if index else [])
        text += f"struct S{index} {{\n{fields}{inner}{tail.replace('NAMES', ', '.join(names))}}};\n"
    return text


def orrery(count, members, layouts=("orbax",)):
    calls = {"orbax": "orrery::PyTreeCheckpointer().save(path, state);\n  (void)orrery::PyTreeCheckpointer().restore<S>(path);\n",
             "flax": "(void)orrery::flax::from_bytes(state, orrery::flax::to_bytes(state));\n"}
    return ("#include <orrery/checkpoint.hpp>\n#include <orrery/flax.hpp>\n" + structs(count, members) + f"using S = S{count - 1};\n"
            "void save_and_restore(const char* path) {\n  S state{};\n  " + "  ".join(calls[each] for each in layouts) + "}\n")


def cereal(count, members):
    return ("#include <cereal/archives/binary.hpp>\n#include <sstream>\n" +
            structs(count, members, "  template <class A> void serialize(A& archive) { archive(NAMES); }\n") +
            f"void save_and_restore() {{\n  S{count - 1} state{{}};\n  std::stringstream s;\n  cereal::BinaryOutputArchive{{s}}(state);\n"
            "  cereal::BinaryInputArchive{s}(state);\n}\n")


def msgpack(count, members):
    return ("#include <msgpack.hpp>\n#include <sstream>\n" + structs(count, members, "  MSGPACK_DEFINE_MAP(NAMES)\n") +
            f"void save_and_restore() {{\n  S{count - 1} state{{}};\n  msgpack::sbuffer s;\n  msgpack::pack(s, state);\n"
            "  msgpack::unpack(s.data(), s.size()).get().convert(state);\n}\n")


def units():
    """name -> (source, flags); LINKED: as a program is compiled that links orrery::compiled"""
    found = {name: (f"#include <{header}>\n", ["-O0"]) for name, header in (
        ("msgpack.hpp", "msgpack.hpp"), ("fwd.hpp", "orrery/fwd.hpp"), ("orrery.hpp", "orrery/orrery.hpp"),
        ("flax.hpp", "orrery/flax.hpp"), ("checkpoint.hpp", "orrery/checkpoint.hpp"))}
    for name, make in (("orrery", orrery), ("cereal", cereal), ("msgpack", msgpack)):
        found[f"{name} 1x2"] = (make(1, 2), ["-O0"])
        found[f"{name} 3x{WIDE}"] = (make(3, WIDE), ["-O0"])
        found[f"{name} 1x2, -O2"] = (make(1, 2), ["-O2"])
    for members in (2, WIDE):
        found[f"code of {members}"] = (orrery(1, members, ("orbax", "flax")), ["-O2"])
    for name in ("orrery.hpp", "flax.hpp", "checkpoint.hpp", "orrery 1x2", f"orrery 3x{WIDE}", "orrery 1x2, -O2"):
        found[name + LINKED] = (found[name][0], [*found[name][1], "-DORRERY_COMPILED"])
    return found


def compile_once(compiler, flags, source, folder):
    """User seconds, peak MB and bytes of stripped code."""
    path, made = folder / "unit.cpp", folder / "unit.o"
    path.write_text(source)
    process = subprocess.Popen([compiler, "-std=c++20", *flags, "-c", str(path), "-o", str(made)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"this unit does not compile:\n{source}")
    subprocess.run(["strip", "-o", str(folder / "stripped.o"), str(made)], check=True)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, (folder / "stripped.o").stat().st_size


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--compiler", default="g++")
    parse.add_argument("--runs", type=int, default=3)
    parse.add_argument("--include", action="append", default=[])
    parse.add_argument("--isystem", action="append", default=[str(ROOT / ".deps/msgpack-cxx/include")])
    given = parse.parse_args()
    flags = [f"-I{ROOT / 'include'}", *(f"-I{each}" for each in given.include)]
    for each in given.isystem:
        flags += ["-isystem", each]

    best = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.runs):
            for name, (source, own) in units().items():
                found = compile_once(given.compiler, [*own, *flags], source, pathlib.Path(folder))
                best[name] = tuple(map(min, best.get(name, found), found))
    seconds = {name: each[0] for name, each in best.items()}

    print(f"| {given.compiler}: unit | seconds | of msgpack.hpp | peak MB |\n|---|---|---|---|")
    for name, (took, memory, _) in best.items():
        print(f"| {name} | {took:.2f} | {took / seconds['msgpack.hpp']:.2f} | {memory:.0f} |")
    goals = [("fwd.hpp, seconds", seconds["fwd.hpp"], 0.12)]
    for how in ("", LINKED):
        goals += [(f"orrery.hpp{how}, of msgpack.hpp", seconds["orrery.hpp" + how] / seconds["msgpack.hpp"], 1.6),
                  (f"orrery.hpp{how}, peak MB", best["orrery.hpp" + how][1], 260),
                  (f"flax.hpp{how}, of msgpack.hpp", seconds["flax.hpp" + how] / seconds["msgpack.hpp"], 1.2),
                  (f"3x{WIDE} members over 1x2{how}, seconds", seconds[f"orrery 3x{WIDE}{how}"] - seconds[f"orrery 1x2{how}"], 0.8)]
    goals += [(f"code of {WIDE} members over 2, KiB", (best[f"code of {WIDE}"][2] - best["code of 2"][2]) / 1024, 30)]
    print("\n| goal | found | at most | |\n|---|---|---|---|")
    for name, found, most in goals:
        print(f"| {name} | {found:.2f} | {most:g} | {'reached' if found <= most else 'missed'} |")
    return any(found > most for _, found, most in goals)


if __name__ == "__main__":
    sys.exit(main())
