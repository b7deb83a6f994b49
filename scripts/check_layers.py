#!/usr/bin/env python3
"""Checks that includes under include/orrery point down only, never in a circle, and that the house rules about headers hold.

Floors (a file may include its own room, and rooms on lower floors; rooms on one floor only as listed in SIDEWAYS):
  7 adapters | 6 faces | 5 flax manager | 4 orbax | 3 formats reflect restore | 2 tree storage sharding distributed optax | 1 core fwd
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "include" / "orrery"
FLOOR = {"adapters": 7, "faces": 6, "flax": 5, "manager": 5, "orbax": 4, "formats": 3, "reflect": 3, "restore": 3,
         "tree": 2, "storage": 2, "sharding": 2, "distributed": 2, "optax": 2, "core": 1, "fwd": 1}
SIDEWAYS = {("fwd", "core"), ("core", "fwd"), ("optax", "tree"), ("sharding", "tree"), ("sharding", "distributed"),
            ("manager", "flax"), ("flax", "manager"), ("faces", "faces")}
FORBIDDEN_BELOW_FACES = {"iostream", "regex", "functional", "filesystem"}
MAY_USE = {"restore/key_pattern_impl.hpp": {"regex"}, "restore/transforms.hpp": {"functional"}, "storage/progress.hpp": {"functional"},
           "orbax/async_engine.hpp": {"functional"}, "manager/save_policies.hpp": {"functional"},
           "manager/preservation_policies.hpp": {"functional"}, "manager/checkpoint_manager_options.hpp": {"functional"},
           "manager/items.hpp": {"functional"}, "manager/step_item.hpp": {"functional"}}


def room_of(path):
    parts = path.relative_to(ROOT).parts
    if len(parts) > 1:
        return parts[0]
    return "fwd" if parts[0] in ("fwd.hpp", "version.hpp") else "faces"


def main():
    errors = []
    graph = {}
    for header in sorted(ROOT.rglob("*.hpp")):
        name = str(header.relative_to(ROOT))
        room = room_of(header)
        text = header.read_text()
        graph[name] = []
        if "#pragma once" not in text:
            errors.append(f"{name}: no #pragma once")
        if not text.lstrip().startswith("//"):
            errors.append(f"{name}: does not open with what this room is for")
        for number, line in enumerate(text.splitlines(), 1):
            own = re.match(r'\s*#\s*include\s+"orrery/(.+)"', line)
            other = re.match(r"\s*#\s*include\s+<(.+)>", line)
            if own:
                target = own.group(1)
                graph[name].append(target)
                if not (ROOT / target).exists():
                    errors.append(f"{name}:{number}: includes orrery/{target}, which does not exist")
                    continue
                to = room_of(ROOT / target)
                if to != room and FLOOR[to] >= FLOOR[room] and (room, to) not in SIDEWAYS:
                    errors.append(f"{name}:{number}: {room} (floor {FLOOR[room]}) may not include {to} (floor {FLOOR[to]})")
            elif re.match(r'\s*#\s*include\s+"', line):
                errors.append(f'{name}:{number}: include orrery headers as "orrery/..."')
            elif other and room not in ("faces", "adapters"):
                if other.group(1) in FORBIDDEN_BELOW_FACES - MAY_USE.get(name, set()):
                    errors.append(f"{name}:{number}: <{other.group(1)}> is too heavy for a header below the faces")
    # Circles. Two files of one room that include each other are one header in two files: the contract, and below it the bodies.
    done, path = set(), []

    def visit(name):
        if name in path:
            circle = path[path.index(name):] + [name]
            if len(set(circle)) > 2 or len({room_of(ROOT / name) for name in circle}) > 1:
                errors.append("circle: " + " -> ".join(circle))
            return
        if name in done:
            return
        path.append(name)
        for target in graph.get(name, []):
            visit(target)
        path.pop()
        done.add(name)

    for name in graph:
        visit(name)
    for line in errors:
        print(line)
    print(f"{len(graph)} headers, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
