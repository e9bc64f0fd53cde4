"""Make this checkout ready: system libraries, `.venv` from the lock files, browser assets.

    python3 -m tools.prepare run     what `make run`, `make demo` and `make bench` need
    python3 -m tools.prepare check   what `make check` needs
    python3 -m tools.prepare test    what `make test` needs

Uses the standard library only, because it runs before anything is installed. What is done already
is skipped. Exit codes: 0 ready; 1 a step failed; 2 something is missing that a person has to add,
and the exact line to type has been printed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools import assets, environment, systemlibs
from tools.needs import NeedsAPerson

ROOT = Path(__file__).resolve().parent.parent


def prepare(level: str) -> None:
    """Bring the checkout to `level`; a step that is done already costs milliseconds."""
    systemlibs.ensure(level)
    environment.ensure(ROOT, level)
    if level != "check":
        assets.ensure(ROOT)


def main(arguments: list[str]) -> int:
    """Command line; see the module's docstring."""
    if len(arguments) != 1 or arguments[0] not in ("run", "check", "test"):
        print(__doc__)
        return 2
    try:
        prepare(arguments[0])
    except NeedsAPerson as message:
        print(message, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as failure:
        print(f"Set-up stopped: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
