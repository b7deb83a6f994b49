"""What an era cannot hold, write or read back, by case and way. Each line is checked to be true: what it names has to fail there, and
with a text in which `error` is found."""

import typing


class Limit(typing.NamedTuple):
    direction: str     # "write": Python writes; "check": Python reads what C++ wrote
    eras: str
    cases: str         # names or patterns
    modes: str         # the ways, as write.py and check.py call them
    error: str         # a regular expression; "hangs": the call does not return
    reason: str


LIMITS = [
]
