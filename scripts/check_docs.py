#!/usr/bin/env python3
"""Every ```cpp block in README.md and docs/*.md that follows `<!-- from examples/NAME.cpp -->` stands in that example, line for line.

Common indentation does not count. A cpp block without such a line is an error too: code in the docs is code that is built.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARK = re.compile(r"<!-- from (examples/\S+) -->")
errors, blocks = [], 0
for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
    lines = page.read_text().splitlines()
    source = None
    i = 0
    while i < len(lines):
        mark = MARK.fullmatch(lines[i].strip())
        if mark:
            source = mark.group(1)
        elif lines[i].strip() == "```cpp":
            end = lines.index("```", i + 1)
            block = textwrap.dedent("\n".join(lines[i + 1:end])).strip("\n").splitlines()
            blocks += 1
            where = f"{page.relative_to(ROOT)}:{i + 1}"
            if not source or not (ROOT / source).exists():
                errors.append(f"{where}: no <!-- from examples/NAME.cpp --> before this block, or no such file")
            else:
                text = [line.rstrip() for line in (ROOT / source).read_text().splitlines()]
                found = any(
                    textwrap.dedent("\n".join(text[at:at + len(block)])).splitlines() == block for at in range(len(text) - len(block) + 1))
                if not block or not found:
                    errors.append(f"{where}: this block does not stand in {source}")
            source = None
            i = end
        elif lines[i].strip():
            source = None
        i += 1
print("\n".join(errors + [f"{blocks} blocks, {len(errors)} errors"]))
sys.exit(1 if errors else 0)
