"""What was released, and whether this installation still is that (URS-VAL-050).

A wheel carries the digests of all its files and the versions of its dependencies. A checkout has no
such manifest: it is told as one and compares nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "app audit core documents ebr engine hardware inventory maintenance personnel production"
    " quality web workflows"
).split()
ROOT = Path(__file__).parents[1]
MANIFEST = Path(__file__).with_name("release.json")
LEFT_OUT = {"__pycache__", MANIFEST.name}
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)(?: \\)?$")
"""A requirement with its version; those that only some machines need are not compared."""


@dataclass(frozen=True, slots=True)
class Release:
    """Version, SHA-256 of every file by its path, version of every dependency by its name."""

    version: str
    files: Mapping[str, str]
    dependencies: Mapping[str, str]

    def as_json(self) -> str:
        """The text of the manifest, the same for the same release."""
        told = {"files": self.files, "dependencies": self.dependencies, "version": self.version}
        return json.dumps(told, indent=1, sort_keys=True) + "\n"


def described(root: Path, version: str, pinned: str) -> Release:
    """The release that lies below `root`; `pinned` is the text of its requirements."""
    found = (PINNED.match(line) for line in pinned.splitlines())
    return Release(
        version=version,
        files={name: _digest(root / name) for name in _files(root)},
        dependencies={each[1].lower(): each[2] for each in found if each},
    )


def read(file: Path) -> Release | None:
    """The manifest of an installation, None for a checkout."""
    if not file.exists():
        return None
    told: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Release(told["version"], told["files"], told["dependencies"])


def differences(release: Release, root: Path) -> Iterator[str]:
    """Each file and dependency that is not the released one, in words."""
    here = set(_files(root))
    for name in sorted(release.files.keys() - here):
        yield f"the file {name} of the release is missing"
    for name in sorted(here - release.files.keys()):
        yield f"the file {name} is no part of the release"
    for name in sorted(here & release.files.keys()):
        if _digest(root / name) != release.files[name]:
            yield f"the file {name} is not the released one"
    for name, wanted in sorted(release.dependencies.items()):
        found = _version(name)
        if found != wanted:
            yield f"the dependency {name} is {found or 'missing'}, released was {wanted}"


@lru_cache(maxsize=1)
def of_this_installation() -> tuple[str, tuple[str, ...]]:
    """What this process runs, in words, and how it differs from that; looked at once."""
    release = read(MANIFEST)
    if release is None:
        return "a checkout, not a release", ()
    return f"release {release.version}", tuple(differences(release, ROOT))


def _files(root: Path) -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and not LEFT_OUT & set(path.relative_to(root).parts):
                yield path.relative_to(root).as_posix()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
