"""Runs named checks and prints one line each. A check that limits.py names must fail: a limit that is none any more is a failure too."""

import fnmatch
import os
import re
import threading
import time

from limits import LIMITS

HANG_SECONDS = 15
AS_IT_SHOULD_BE = "a limit, as it should be: "


class Checks:
    def __init__(self, era, direction):
        self.era, self.direction = era, direction
        self.passed = self.failed = self.skipped = 0
        self.used = set()
        self.started = []   # (name, limit, thread) of restores that are expected never to end

    def limit(self, case, mode):
        for limit in LIMITS:
            if (self.direction in limit.directions.split() and self.era in limit.eras.split()
                    and any(fnmatch.fnmatchcase(mode, m) for m in limit.modes.split())
                    and any(fnmatch.fnmatchcase(case, c.replace("[", "[[]")) for c in limit.cases.split())):
                self.used.add(limit)
                return limit
        return None

    def check(self, case, mode, body):
        """body() returns a list of differences, or raises. True if it did what it should without a limit."""
        name, limit = f"{self.era} {self.direction} {mode} {case}", self.limit(case, mode)
        if limit and limit.error == "hangs":
            thread = threading.Thread(target=lambda: self._outcome(body), daemon=True)
            thread.start()
            self.started.append((name, limit, thread))
            return False
        wrong = self._outcome(body)
        if limit:
            expected = bool(wrong) and re.search(limit.error, wrong) is not None
            unexpected = f"limits.py says {limit.error!r}, this happened: {wrong or 'nothing'}"
            self._report(expected, name, AS_IT_SHOULD_BE + limit.reason if expected else unexpected)
            return False
        self._report(not wrong, name, wrong)
        return not wrong

    @staticmethod
    def _outcome(body):
        from cases import summary
        try:
            return summary(body())
        except BaseException as error:  # noqa: BLE001: whatever the libraries throw is an outcome
            return f"{type(error).__name__}: {str(error)[:300]!r}"

    def _report(self, good, name, text):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"{'PASS' if good else 'FAIL'} {name}{': ' + text if text else ''}", flush=True)

    def finish(self):
        """Waits for those that hang, prints the sum, ends the process (threads that hang cannot be ended otherwise)."""
        deadline = time.monotonic() + HANG_SECONDS
        for _, _, thread in self.started:
            thread.join(max(0, deadline - time.monotonic()))
        for name, limit, thread in self.started:
            hangs = thread.is_alive()
            self._report(hangs, name, AS_IT_SHOULD_BE + limit.reason if hangs else "it ends now, take it off the table")
        for limit in LIMITS:
            if self.direction in limit.directions.split() and self.era in limit.eras.split() and limit not in self.used:
                name = f"{self.era} {self.direction} limits"
                self._report(False, name, f"this line of limits.py names no check: {limit.cases} / {limit.modes}")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        os._exit(1 if self.failed else 0)
