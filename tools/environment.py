"""The Python environment `.venv`, made from the lock files and only from them.

Plain venv and pip: every file that pip takes must have a hash that stands in the lock. A stamp in
`.venv` holds the digest of what was installed, so that a second run has nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.needs import NeedsAPerson

LOCKS = {"run": "requirements/run.txt", "check": "requirements/dev.txt"}
LOCKS["test"] = LOCKS["check"]
STAMP = ".batchwright"


def ensure(root: Path, level: str) -> None:
    """Have `.venv` with the locked packages of `level` and this project, editable."""
    python = root / ".venv" / "bin" / "python"
    if not python.exists():
        _create(root / ".venv")
    done = _read_stamp(root)
    project = _project_digest(root)
    # The development lock contains the other one, so it serves both levels.
    wanted = {name: _digest(root / name) for name in {LOCKS[level], LOCKS["check"]}}
    if any(done.get(name) == digest for name, digest in wanted.items()):
        locks = {name: done[name] for name in wanted if name in done}
    else:
        _install_lock(python, root / LOCKS[level])
        _compile(python, root / ".venv" / "lib")
        locks = {LOCKS[level]: wanted[LOCKS[level]]}
    if done.get("project") != project:
        _install_project(python, root)
    _write_stamp(root, {**locks, "project": project})


def _create(folder: Path) -> None:
    print("Creating .venv", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise NeedsAPerson(
            f"Python could not create {folder}:\n{made.stdout}{made.stderr}\n"
            "On Debian its package is missing:\n\n    sudo apt-get install -y python3-venv\n"
        )


def _install_lock(python: Path, lock: Path) -> None:
    print(f"Installing the packages of {lock.name}", flush=True)
    _pip(python, "install", "--require-hashes", "--no-deps", "-r", str(lock))


def _compile(python: Path, folder: Path) -> None:
    """Have byte code of every package: without it each process of a site compiles for seconds.

    pip leaves it away where PYTHONDONTWRITEBYTECODE is set, as in many containers. A file that is
    no Python of this version (a template) does not matter.
    """
    command = [str(python), "-m", "compileall", "-q", "-q", "-j", "0", str(folder)]
    subprocess.run(command, check=False)


def _install_project(python: Path, root: Path) -> None:
    _pip(python, "install", "--no-deps", "--no-build-isolation", "-e", str(root))


def _pip(python: Path, *arguments: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([python, "-m", "pip", *arguments, *quiet], check=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _project_digest(root: Path) -> str:
    """Over what an editable install writes: name, version, dependencies, commands, packages."""
    with (root / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)
    parts = [str(root), settings["build-system"], settings["project"], settings["tool"]["hatch"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _read_stamp(root: Path) -> dict[str, str]:
    try:
        stamp = json.loads((root / ".venv" / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(root: Path, stamp: dict[str, str]) -> None:
    (root / ".venv" / STAMP).write_text(json.dumps(stamp, indent=1) + "\n")
