"""What the runners of tests against one era's Python share."""
import os
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
