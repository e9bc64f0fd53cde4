"""What a backup file is: an age file of a tar whose last member lists digests of all others."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from app.backup.age import CannotOpen, Identity, Reader, Writer

FORMAT = "batchwright-backup-v1"
MANIFEST = "manifest.json"
PIECE = 1 << 20
LARGEST_MANIFEST = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The list of a backup: what it holds and which state of the log it shows."""

    format: str = FORMAT
    site: str
    taken_at: str
    software: str
    backend: str
    rows: dict[str, int]
    log_size: int
    checkpoint: str | None
    escrow: bool
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Size in bytes and SHA-256 (hex) by name."""


class Packing:
    """Writes members one after the other into an encrypted tar and keeps their digests."""

    def __init__(self, file: BinaryIO, recipient: str) -> None:
        self._cipher = Writer(file, [recipient])
        stream = cast(BinaryIO, self._cipher)
        # Closed by `finish` only: what is not finished must not look whole.
        self._tar = tarfile.open(fileobj=stream, mode="w|")  # noqa: SIM115
        self.files: dict[str, dict[str, Any]] = {}

    def add_file(self, name: str, path: Path) -> None:
        """A file as it stands there now."""
        with path.open("rb") as file:
            self._add(name, file, path.stat().st_size)

    def add_bytes(self, name: str, data: bytes) -> None:
        """A member made of bytes."""
        self._add(name, io.BytesIO(data), len(data))

    def finish(self, manifest: Manifest) -> None:
        """The list comes last; without it the file counts for nothing."""
        data = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode("utf-8")
        self._add(MANIFEST, io.BytesIO(data), len(data))
        self._tar.close()
        self._cipher.finish()

    def abandon(self) -> None:
        """After a failure: the tar writes its end when it goes, but not into the file."""
        self._cipher.abandon()

    def _add(self, name: str, file: BinaryIO, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        hashing = Hashing(file)
        self._tar.addfile(member, cast(BinaryIO, hashing))
        self.files[name] = {"size": size, "sha256": hashing.digest.hexdigest()}


class Hashing:
    """Reads or writes through to a file and hashes what passes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        """As of the file."""
        data = self._file.read(count)
        self.digest.update(data)
        return data

    def write(self, data: bytes) -> int:
        """As of the file."""
        self.digest.update(data)
        return self._file.write(data)


def unpack(file: BinaryIO, secret: Identity, folder: Path) -> Manifest:
    """Every member into `folder`, compared with the list; `CannotOpen` when anything differs.

    What was written until then is for the caller to throw away.
    """
    with Reader(file, secret) as reader:
        listed, found = _unpacked(reader, folder)
        reader.drain()
    if listed is None or listed.files != found:
        raise CannotOpen("the files of the backup are not those of its list")
    return listed


def _unpacked(reader: Reader, folder: Path) -> tuple[Manifest | None, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, Any]] = {}
    listed: Manifest | None = None
    try:
        with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r|") as tar:
            for name, member, size in _members(tar):
                if listed is not None or name in found:
                    raise CannotOpen(f"{name} stands behind the list of the backup, or twice")
                if name == MANIFEST:
                    listed = _manifest(member.read(LARGEST_MANIFEST))
                else:
                    found[name] = {"size": size, "sha256": _write(member, folder / name)}
    except tarfile.TarError as problem:
        raise CannotOpen(f"the backup is damaged inside: {problem}") from None
    return listed, found


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, BinaryIO, int]]:
    for member in tar:
        parts = PurePosixPath(member.name).parts
        file = tar.extractfile(member) if member.isreg() else None
        if file is None or not parts or ".." in parts or parts[0] == "/":
            raise CannotOpen(f"{member.name!r} is nothing that a backup holds")
        yield member.name, cast(BinaryIO, file), member.size


def _manifest(data: bytes) -> Manifest:
    try:
        found = Manifest(**json.loads(data))
    except (ValueError, TypeError):
        raise CannotOpen("the list of the backup cannot be read") from None
    if found.format != FORMAT:
        raise CannotOpen(f"the backup has format {found.format}, this version reads {FORMAT}")
    return found


def _write(member: BinaryIO, path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        path.chmod(0o600)
        hashing = Hashing(file)
        while data := member.read(PIECE):
            hashing.write(data)
    return hashing.digest.hexdigest()
