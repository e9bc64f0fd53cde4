"""What may stand in this repository, and what must."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "app", "audit", "core", "documents", "ebr", "engine", "hardware", "inventory",
    "maintenance", "personnel", "production", "quality", "web", "workflows",
)  # fmt: skip
# In pieces, so that this file does not contain what it looks for.
REGISTRIES = (
    "registry." + "npmjs",
    "pypi." + "org",
    "python" + "hosted.org",
    "deb." + "debian.org",
)
MACHINE_PATH = re.compile(r"(?<![\w.~/}])/(?:work|ro" + r"ot|t" + r"mp)/\w")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
BINARY = {".png", ".pdf", ".woff2", ".ico", ".zip", ".xz", ".db"}


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in files if path.is_file() and path.suffix not in BINARY]


def test_no_tracked_file_names_a_registry() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in tracked_files()}
    assert texts
    found = [
        (path.name, host) for path, text in texts.items() for host in REGISTRIES if host in text
    ]
    assert found == []


def test_no_tracked_file_holds_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("text", ["see /" + "tmp/x", "'/" + "work/main'"])
def test_a_path_of_one_machine_would_be_seen(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_opens_with_a_docstring_and_nothing_else(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path


def test_the_links_between_the_pages_lead_somewhere() -> None:
    pages = [path for path in tracked_files() if path.suffix == ".md"]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert pages
    assert broken == []


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    assert [name for name in targets if f"make {name} " not in listed] == []


def test_ci_calls_check_and_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    called = [line for line in lines if line and not line.startswith("#")]
    assert called == ["set -eu", 'cd "$(dirname "$0")/.."', "make check", "make test"]
