#!/usr/bin/env python3
"""Writes include/orrery/reflect/detail/braces.hpp: whether T can be initialised from K empty braces, spelled out for every K, since a
pack expansion cannot produce braces (an empty braced list names no pack)."""
import pathlib

MAX_MEMBERS = 100  # what Boost.PFR 1.81 binds
TARGET = pathlib.Path(__file__).resolve().parent.parent / "include/orrery/reflect/detail/braces.hpp"

HEAD = """\
// Made by scripts/generate_braces.py; edit that, not this. Is T{{{{}}, {{}}, ...}} with K empty braces valid, and is it with one more argument
// that converts to anything? member_count.hpp asks.
#pragma once

#include <cstddef>

namespace orrery::inline v0::detail {{

inline constexpr std::size_t max_members = {max_members};

struct AnyValue {{
  template <class U>
  operator U() const;
}};

template <std::size_t K>
struct Braces;
"""

CASE = """\
template <>
struct Braces<{k}> {{
  template <class T>
  static constexpr bool fit = requires {{ T{{{braces}}}; }};
  template <class T>
  static constexpr bool leave_room = requires {{ T{{{braces}{comma}AnyValue{{}}}}; }};
}};
"""


def main():
    text = HEAD.format(max_members=MAX_MEMBERS)
    for k in range(MAX_MEMBERS + 2):
        text += CASE.format(k=k, braces=",".join(["{}"] * k), comma="," if k else "")
    text += "\n}  // namespace orrery::inline v0::detail\n"
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
