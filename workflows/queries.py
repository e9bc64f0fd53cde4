"""Reads of definitions; loading checks the digests every time a file leaves the database."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from functools import lru_cache
from threading import Lock

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.db import site_of
from core.errors import NotFound
from workflows import rules
from workflows.errors import DefinitionTampered
from workflows.importing import Imported, Reading, import_procedure, read_file
from workflows.model import Procedure
from workflows.models import DefinitionFile, DefinitionVersion
from workflows.rules import VersionState
from workflows.textform import as_bytes

CACHED = 32
READINGS = 8
_cache: OrderedDict[str, tuple[str, str, Imported]] = OrderedDict()
"""Text, stored content digest and parsed form by file digest, of texts that had the digest."""
_lock = Lock()
# A text that equals one whose digest was checked has that digest: the database compares them, so
# that a large definition is neither fetched nor hashed again in every step.
_UNCHANGED = select(DefinitionFile.id).where(
    DefinitionFile.site_id == bindparam("site"),
    DefinitionFile.file_digest == bindparam("digest"),
    DefinitionFile.content_digest == bindparam("content"),
    DefinitionFile.body == bindparam("body"),
)


def load(session: Session, digest: str) -> Procedure:
    """The definition with that file digest, checked and parsed (parsing is cached by digest).

    The stored text is checked once in a transaction. Raises NotFound, and DefinitionTampered when
    it no longer has its digests.
    """
    loaded: dict[str, Procedure] = session.info.setdefault("definitions", {})
    if digest not in loaded:
        loaded[digest] = _checked(session, digest).procedure
    return loaded[digest]


def stored_bytes(session: Session, digest: str) -> bytes:
    """The exact bytes as imported. Raises NotFound, DefinitionTampered."""
    return _bytes(_file(session, digest))


def stored_text(session: Session, digest: str) -> str:
    """The text of the file whatever its encoding. Raises NotFound, DefinitionTampered."""
    file = _file(session, digest)
    _bytes(file)
    return file.body


def reading(session: Session, digest: str) -> Reading:
    """What a stored file shows and what keeps it from running, by the rules of this version.

    Raises NotFound, DefinitionTampered.
    """
    return _read(stored_bytes(session, digest))


@lru_cache(maxsize=READINGS)
def _read(data: bytes) -> Reading:
    return read_file(data)


def version(session: Session, code: str, number: int) -> DefinitionVersion:
    """One version. Raises NotFound."""
    found = session.scalars(
        select(DefinitionVersion)
        .where(DefinitionVersion.site_id == site_of(session))
        .where(DefinitionVersion.code == code, DefinitionVersion.number == number)
    ).one_or_none()
    if found is None:
        raise NotFound(f"there is no {code} v{number}", resolver="the recipe author")
    return found


def versions(session: Session, code: str | None = None) -> list[DefinitionVersion]:
    """All versions (of one code), by code and number."""
    query = select(DefinitionVersion).where(DefinitionVersion.site_id == site_of(session))
    if code is not None:
        query = query.where(DefinitionVersion.code == code)
    return list(session.scalars(query.order_by(DefinitionVersion.code, DefinitionVersion.number)))


def effective(session: Session, code: str) -> DefinitionVersion | None:
    """The effective version of a code, if there is one."""
    return session.scalars(
        select(DefinitionVersion)
        .where(DefinitionVersion.site_id == site_of(session))
        .where(DefinitionVersion.code == code)
        .where(DefinitionVersion.state == VersionState.EFFECTIVE)
    ).one_or_none()


def startable(session: Session, code: str, number: int, *, at: datetime) -> DefinitionVersion:
    """The version when something may start on it now, its stored content checked.

    Raises NotFound, NotStartable, DefinitionTampered (URS-MRC-050, URS-MRC-070).
    """
    found = version(session, code, number)
    rules.check_startable(found.name, found.state, found.effective_from, at)
    loaded = _checked(session, found.file_digest)
    if loaded.content_digest != found.content_digest:
        raise _tampered(found.file_digest)
    return found


def tampered_files(session: Session) -> list[str]:
    """Digests under which something else is stored than what was imported; empty when sound."""
    files = session.scalars(select(DefinitionFile).order_by(DefinitionFile.file_digest))
    return [file.file_digest for file in files if as_bytes(file.body, file.file_digest) is None]


def users_of(session: Session, digest: str) -> tuple[str, ...]:
    """The names of the versions that stand on a file."""
    found = session.scalars(
        select(DefinitionVersion)
        .where(DefinitionVersion.site_id == site_of(session))
        .where(DefinitionVersion.file_digest == digest)
        .order_by(DefinitionVersion.code, DefinitionVersion.number)
    )
    return tuple(row.name for row in found)


def _file(session: Session, digest: str) -> DefinitionFile:
    found = session.scalars(
        select(DefinitionFile)
        .where(DefinitionFile.site_id == site_of(session))
        .where(DefinitionFile.file_digest == digest)
    ).one_or_none()
    if found is None:
        raise NotFound(f"no definition {digest} is stored", resolver="the recipe author")
    return found


def _bytes(file: DefinitionFile) -> bytes:
    data = as_bytes(file.body, file.file_digest)
    if data is None:
        raise _tampered(file.file_digest)
    return data


def _checked(session: Session, digest: str) -> Imported:
    with _lock:
        known = _cache.get(digest)
        if known is not None:
            _cache.move_to_end(digest)
    if known is not None and _is_stored(session, digest, *known):
        return known[-1]
    return _imported(_file(session, digest))


def forget() -> None:
    """Empty the cache, as in a process that has just begun; for tests and measurements."""
    with _lock:
        _cache.clear()


def _is_stored(session: Session, digest: str, body: str, content: str, _known: Imported) -> bool:
    asked = {"site": site_of(session), "digest": digest, "content": content, "body": body}
    return session.execute(_UNCHANGED, asked).first() is not None


def _imported(file: DefinitionFile) -> Imported:
    imported = import_procedure(_bytes(file))
    # A file that an earlier version could not execute came in without a content digest.
    if file.content_digest and imported.content_digest != file.content_digest:
        raise _tampered(file.file_digest)
    with _lock:
        _cache[file.file_digest] = (file.body, file.content_digest, imported)
        while len(_cache) > CACHED:
            _cache.popitem(last=False)
    return imported


def _tampered(digest: str) -> DefinitionTampered:
    return DefinitionTampered(
        f"the stored definition {digest[:12]} is not the one that was imported",
        resolver="quality assurance, with the restore procedure",
        file_digest=digest,
    )
