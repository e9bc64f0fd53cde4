"""System libraries and programs that no Python package brings, found by trying them.

What is missing is installed with apt where that is allowed without a question (root, or sudo
without a password); otherwise the exact line to type is raised as `NeedsAPerson`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.needs import NeedsAPerson

PANGO = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libharfbuzz-subset.so.0",
    "libfontconfig.so.1",
)
POSTGRESQL = ("initdb", "postgres", "pg_isready")
APT = ["apt-get", "-y", "--no-install-recommends", "install"]


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to have: what for, how to see that it is there, which packages bring it."""

    what: str
    there: Callable[[], bool]
    packages: tuple[str, ...]
    levels: tuple[str, ...]


def _loads(libraries: tuple[str, ...]) -> bool:
    try:
        for name in libraries:
            ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _has_chromium() -> bool:
    return bool(os.environ.get("CHROMIUM") or shutil.which("chromium"))


def postgresql_folders() -> list[Path]:
    """Folders that may hold PostgreSQL's server programs, the preferred one first."""
    named = os.environ.get("PG_BINDIR")
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    return [
        *([Path(named)] if named else []),
        *([Path(on_path).resolve().parent] if on_path else []),
        *debian,
    ]


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _has_postgresql() -> bool:
    return any(
        all((folder / program).is_file() for program in POSTGRESQL)
        for folder in postgresql_folders()
    )


def faketime_libraries() -> list[Path]:
    """Where libfaketime, the library that lets a process see another time, may lie."""
    named = os.environ.get("FAKETIME_LIBRARY")
    found = [Path(named)] if named else []
    for folder in ("/usr/lib/*/faketime", "/usr/lib*/faketime", "/usr/local/lib/faketime"):
        found += sorted(Path("/").glob(f"{folder[1:]}/libfaketime.so.1"))
    return [path for path in found if path.is_file()]


NEEDS = (
    Need(
        "text layout of the PDF records",
        lambda: _loads(PANGO),
        ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
        ("run", "test"),
    ),
    Need("browser tests", _has_chromium, ("chromium",), ("test",)),
    Need(
        "the driver of the browser tests",
        lambda: _loads(("libatomic.so.1",)),
        ("libatomic1",),
        ("test",),
    ),
    Need("tests on PostgreSQL", _has_postgresql, ("postgresql",), ("test",)),
    Need(
        "tests that read a PDF", lambda: shutil.which("pdftotext") is not None, ("poppler-utils",),
        ("test",),
    ),
    Need(
        "tests that set the clock", lambda: bool(faketime_libraries()), ("libfaketime",), ("test",),
    ),
    Need("tests that check a PDF", lambda: shutil.which("qpdf") is not None, ("qpdf",), ("test",)),
)  # fmt: skip


def missing(level: str) -> list[Need]:
    """The needs of `level` that are not there now."""
    return [need for need in NEEDS if level in need.levels and not need.there()]


def ensure(level: str) -> None:
    """Have everything that `level` needs; raises `NeedsAPerson` with the line to type."""
    lacking = missing(level)
    if not lacking:
        return
    packages = [name for need in lacking for name in need.packages]
    for need in lacking:
        print(f"Missing for {need.what}: {' '.join(need.packages)}")
    rights = _rights()
    if rights is not None and shutil.which("apt-get"):
        _install(rights, packages)
        lacking = missing(level)
    if lacking:
        raise NeedsAPerson(_line_to_type(packages))


def _rights() -> list[str] | None:
    """The prefix that lets apt work without a question, or None."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() == 0:
        return quiet
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n", *quiet] if asked.returncode == 0 else None


def _install(rights: list[str], packages: list[str]) -> None:
    """Install; refresh apt's lists first only when they turn out to be old or absent."""
    print(f"Installing {' '.join(packages)}", flush=True)
    if subprocess.run([*rights, *APT, *packages], capture_output=True, check=False).returncode:
        subprocess.run([*rights, "apt-get", "-q", "update"], check=False)
        subprocess.run([*rights, *APT, *packages], check=False)


def _line_to_type(packages: list[str]) -> str:
    names = " ".join(packages)
    return (
        "These system packages are missing. Please install them and start again:\n\n"
        "    sudo apt-get update && "
        f"sudo apt-get install -y --no-install-recommends {names}\n"
    )
