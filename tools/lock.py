"""Write the lock files again from pyproject.toml and frontend/package.json.

    .venv/bin/python -m tools.lock             keep the locked versions that still fit
    .venv/bin/python -m tools.lock --upgrade   take the newest that fit

The Python locks hold for Python 3.11 to 3.13 and all platforms, with hashes and without any
address: a site takes the files from whatever index or mirror its own pip is set up with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools import assets

ROOT = Path(__file__).resolve().parent.parent
COMPILE = [
    "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11",
    "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--quiet",
]  # fmt: skip
# The largest first: the others are subsets of it with the same versions.
GROUPS = {"dev": ("build", "test", "check"), "run": ("build",), "app": ()}


def main(arguments: list[str]) -> None:
    """Command line; see the module's docstring."""
    uv = str(Path(sys.executable).parent / "uv")
    # Settings of this machine (mirrors, extra folders) must not leak into the files.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    clean |= {"UV_CUSTOM_COMPILE_COMMAND": "make lock", "UV_NO_CONFIG": "1"}
    for name, groups in GROUPS.items():
        output = f"requirements/{name}.txt"
        chosen = [option for group in groups for option in ("--group", group)]
        same = [] if name == "dev" else ["--constraints", "requirements/dev.txt"]
        upgrade = ["--upgrade"] if "--upgrade" in arguments else []
        command = [uv, *COMPILE, *chosen, *same, *upgrade, "--output-file", output]
        subprocess.run(command, cwd=ROOT, env=clean, check=True)
    assets.write_lock(ROOT, upgrade="--upgrade" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
