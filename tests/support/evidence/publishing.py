"""The published vectors: written by `python -m tests.support.evidence`, compared by a test."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.support.evidence.bad import bad
from tests.support.evidence.good import TRUSTS, Vector, good, seeds

FOLDER = Path(__file__).parents[3] / "docs" / "reference" / "evidence-vectors"
INDEX = "index.json"
ARCHIVE = "vectors.tar.xz"
EXIT_CODES = {"VALID": 0, "INVALID": 1}


def published() -> dict[str, bytes]:
    """Every file by its path, as in the archive."""
    files: dict[str, bytes] = {}
    known: dict[bytes, str] = {}
    listed = [_listed(vector, files, known) for vector in (*good(), *bad())]
    told = {"format": 1, "keys": seeds(), "vectors": listed}
    trusts = {f"trust/{name}.json": _json(trust) for name, trust in TRUSTS.items()}
    return {**files, **trusts, INDEX: _json(told)}


def _listed(
    vector: Vector, files: dict[str, bytes], known: dict[bytes, str]
) -> dict[str, str | int | None]:
    folder = "good" if vector.result == "VALID" else "bad"
    # The same bytes with another trust file need no second copy.
    file = known.setdefault(vector.data, f"{folder}/{vector.name}.zip")
    files[file] = vector.data
    return {
        "name": vector.name,
        "about": vector.about,
        "file": file,
        "trust": vector.trust and f"trust/{vector.trust}.json",
        "result": vector.result,
        "place": vector.place,
        "exit_code": EXIT_CODES[vector.result],
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def write() -> None:
    """Make the archive and its index anew."""
    files = published()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / INDEX).write_bytes(files[INDEX])
    with tarfile.open(FOLDER / ARCHIVE, "w:xz", preset=9) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))


def stored() -> dict[str, bytes]:
    """What the published archive holds."""
    with tarfile.open(FOLDER / ARCHIVE, "r:xz") as archive:
        return {
            entry.name: found.read()
            for entry in archive
            if (found := archive.extractfile(entry)) is not None
        }
