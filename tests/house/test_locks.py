"""The lock files hold what pyproject.toml and package.json ask for, with hashes, no addresses."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
GROUPS = {"app": [], "run": ["build"], "dev": ["build", "test", "check"]}
LOCKS = sorted(GROUPS)
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


@cache
def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def lock_text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    return {
        canonicalize_name(package): version for package, version in PIN.findall(lock_text(name))
    }


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_locked_to_a_version_that_fits(name: str) -> None:
    wanted = list(settings()["project"]["dependencies"])
    for group in GROUPS[name]:
        wanted += settings()["dependency-groups"][group]
    locked = pins(name)
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not locked: run make lock"
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash(name: str) -> None:
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", lock_text(name))
    packages = [block for block in blocks if PIN.match(block)]
    assert len(packages) == len(pins(name))
    assert [block.splitlines()[0] for block in packages if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_python_lock_holds_no_address(name: str) -> None:
    assert re.findall(r"(?:https?|file):|--(?:extra-)?index|--find-links", lock_text(name)) == []


def test_the_locks_agree_with_each_other() -> None:
    largest = pins("dev")
    for name in ("app", "run"):
        assert pins(name).items() <= largest.items()


@pytest.mark.parametrize("folder", ["frontend", "tests/bench/peer_engine"])
def test_a_lock_of_npm_fits_and_has_hashes_and_no_address(folder: str) -> None:
    package = json.loads((ROOT / folder / "package.json").read_text())
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    entries = {name: entry for name, entry in lock["packages"].items() if name}
    for kind in {"dependencies", "devDependencies"} & package.keys():
        assert lock["packages"][""][kind] == package[kind]
        for name, version in package[kind].items():
            assert entries[f"node_modules/{name}"]["version"] == version, "versions are exact"
    assert all(entry["integrity"].startswith("sha512-") for entry in entries.values())
    assert not any("resolved" in entry for entry in entries.values())


def test_every_dependency_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    lines = [line.strip() for line in block.splitlines()[1:] if line.strip() not in ("", "]")]
    unexplained = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line.startswith('"') and not before.startswith("#")
    ]
    assert unexplained == []
