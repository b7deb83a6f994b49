#!/usr/bin/env python3
"""sum_tests.py LOG...: sums up logs of `ctest --verbose` and prints "N passed, N failed, N skipped" last; exit 1 if anything failed.

A test that prints doctest's summary counts its test cases, one that prints "N passed, N failed, N skipped" those; any other counts as
one. A test that ctest calls failed although its own summary shows no failure (a crash, a time limit) adds one failure.
"""
import re
import sys

OWN = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
DOCTEST = re.compile(r"^\[doctest\] test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
RESULT = re.compile(r"^\s*\d+/\d+ Test\s+#(\d+): (\S+) \.*\s*(.*?)\s+[\d.]+ sec")
LINE = re.compile(r"^(\d+): (.*)$")

total = [0, 0, 0]
failed_names = []
for log in sys.argv[1:]:
    counts, output = {}, {}
    with open(log, errors="replace") as f:
        lines = f.read().splitlines()
    for line in lines:
        inner = LINE.match(line)
        if inner:
            number, text = inner.groups()
            output.setdefault(number, []).append(text)
            text = re.sub(r"\x1b\[[0-9;]*m", "", text)
            own, doctest = OWN.match(text), DOCTEST.match(text)
            if own:
                counts[number] = [int(n) for n in own.groups()]
            elif doctest:
                _, passed, failed, _ = (int(n) for n in doctest.groups())
                counts[number] = [passed, failed, 0]
            continue
        result = RESULT.match(line)
        if not result:
            continue
        number, name, verdict = result.groups()
        ok = verdict.startswith("Passed")
        skipped = "Skipped" in verdict
        count = counts.get(number) or ([0, 0, 1] if skipped else [int(ok), int(not ok), 0])
        if not ok and not skipped and count[1] == 0:
            count = [count[0], 1, count[2]]
        if count[1]:
            failed_names.append((log, name))
            print(f"\n=== {name} failed ({log}); the end of its output:")
            print("\n".join(output.get(number, [])[-60:]))
        else:
            print(f"{name}: {count[0]} passed" + (f", {count[2]} skipped" if count[2] else ""))
        total = [a + b for a, b in zip(total, count)]

if not sum(total):
    print("no test ran")
    total[1] = 1
for log, name in failed_names:
    print(f"FAILED {name} ({log})")
print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
sys.exit(1 if total[1] else 0)
