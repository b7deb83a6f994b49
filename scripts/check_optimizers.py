#!/usr/bin/env python3
"""The tables of docs/optimizers.md against tests/optax: what the first column calls is in optimizers.py, and each type of the second that
says all of it is one that states.cpp restores."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
page = (ROOT / "docs/optimizers.md").read_text().split("\n## Flax\n")[0]
python = (ROOT / "tests/optax/optimizers.py").read_text()
tested = (ROOT / "tests/optax/states.cpp").read_text()
tested = re.sub(r"\bAdam\b", "AdamState<Params>", re.sub(r"\s", "", tested))
# Words about parts of a type, and types of the reader's own.
PARTS = {"EmptyState", "RawKey", "Scheduled", "Masked", "Narrow", "Numbers", "Flags", "Flag", "Sums", "Accumulators", "Kernels", "MaskedState", "MaskedNode",
         "float", "bfloat16", "std::array<float, 1>", "adam", "muon", "contrib::FirstDoGState", "LookaheadParams<Params>", "PartitionState<Labels<State>>",
         "MonitorState<Measurements, States>", "AdafactorStateOf<FactoredState<Params>, ...>"}
NO_CALLS = {"nesterov", "partition"}
errors, rows = [], 0
for number, line in enumerate(page.splitlines(), 1):
    cells = line.strip("|").split(" | ")
    if not line.startswith("| `") or len(cells) != 2:
        continue
    rows += 1
    for call in re.findall(r"`([^`]+)`", cells[0]):
        name = re.match(r"[\w.]+", call).group(0)
        if name not in NO_CALLS and not re.search(rf"\b(optax\.)?{re.escape(name)}\b", python):
            errors.append(f"docs/optimizers.md:{number}: {call} is not in optimizers.py")
    for kind in re.findall(r"`([^`]+)`", cells[1]):
        text = kind.replace(" ", "")
        if kind not in PARTS and f"rows<{text}>}}" not in tested:
            errors.append(f"docs/optimizers.md:{number}: {kind} is not in states.cpp")
print("\n".join(errors + [f"{rows} rows, {len(errors)} errors"]))
sys.exit(1 if errors or not rows else 0)
