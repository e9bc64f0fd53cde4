"""python -m tests.second_verifier FILE [TRUST]: result, place and the exit code of section 1."""

import sys
from pathlib import Path

from tests.second_verifier.bundle import verify


def main(arguments: list[str]) -> int:
    """0 VALID, 1 INVALID, 2 a wrong call, file or trust file."""
    try:
        data, *trust = [Path(name).read_bytes() for name in arguments]
        place = verify(data, *trust)
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("VALID\n" if place is None else f"INVALID {place}\n")
    return 0 if place is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
