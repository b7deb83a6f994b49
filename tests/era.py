"""What the runners of tests against one era's Python share."""
import os
import shutil
import subprocess
import sys

ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


def stop_without(python, name, checks=1):
    """Ends this runner where scripts/setup could not install that Python: its checks are skipped (exit 77), or failed where CI=true."""
    if os.path.exists(python):
        return
    ci = os.environ.get("CI") == "true"
    print(f"{'FAIL' if ci else 'SKIP'} {name}: there is no Python of this era: run scripts/setup, which needs PyPI")
    print(f"0 passed, {checks if ci else 0} failed, {0 if ci else checks} skipped")
    sys.exit(1 if ci else 77)


def run_in_turns(turns, work, environment, timeout=300):
    """Runs the commands of turns, (command, has checks) each, and sums up their lines that start with PASS, FAIL or SKIP; a command that
    fails without a FAIL, or has no PASS where it should, is one failure more. `work` goes where nothing failed. The exit status."""
    sums = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for command, has_checks in turns:
        done = subprocess.run(command, check=False, timeout=timeout, env=environment, stdout=subprocess.PIPE, text=True)
        print(done.stdout, end="", flush=True)
        count = {verdict: sum(line.startswith(verdict) for line in done.stdout.splitlines()) for verdict in sums}
        if (done.returncode or (has_checks and not count["PASS"])) and not count["FAIL"]:
            print(f"FAIL {' '.join(command)} ended with {done.returncode}")
            count["FAIL"] = 1
        sums = {verdict: sums[verdict] + count[verdict] for verdict in sums}
    print(f"{sums['PASS']} passed, {sums['FAIL']} failed, {sums['SKIP']} skipped")
    if not sums["FAIL"]:
        shutil.rmtree(work)
    return 1 if sums["FAIL"] else 0
