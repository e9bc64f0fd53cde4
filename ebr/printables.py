"""Kinds of documents that are issued, and what every copy says about itself.

A kind knows how to read its content in one session and how to lay out the pages from it outside of
any. `ebr.issuing` does the rest for all kinds alike: made once by a job, sealed, stored, its digest
in the trail, served from store (URS-REP-030). The identity of a document is stream, kind, digest of
the content and version of the template. Kinds are registered by name in the composition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import canonical, checkpoints, restored, trail
from audit.keys import SiteKeys
from audit.models import Entry
from core.actors import Actor, ActorKind
from core.clock import show
from core.db import site_of
from core.errors import NotFound
from core.house import moment
from documents.fonts import FontSet
from documents.rendering import Attachment, Relationship
from documents.views import AnchorView

SITE_KEYS = "site_keys"
KINDS = "document_kinds"
"""Name of the service: a mapping from name to `DocumentKind`."""
EVIDENCE = "evidence.json"
EVIDENCE_FORMAT = "batchwright-evidence-pointer 1"

Subject = Mapping[str, str]
"""What a document is asked for, such as ``{"record": "B-2045"}``; it travels in the job."""


class NoSuchKind(NotFound):
    """This site issues no document of that kind."""

    rule = "document.kind_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The newest checkpoint of the site's log when a copy was made; `root` and `at` as read.

    `note` is the signed C2SP note, `words` the line for the pages.
    """

    origin: str
    size: int
    root: str
    note: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What a copy says about itself: when and by whom it was made, and where it is anchored.

    `at` is site time, as everything on the pages; `checkpoint` a line about the site's log;
    `chain` the SHA-256 of the entry that the content ends with; `log_keys` the public keys of the
    log; `seal_sha256` the digest of the certificate that will seal the file.
    """

    at: datetime
    by: str
    software: str
    content_digest: str
    checkpoint: str = ""
    anchor: Anchor | None = None
    chain: str = ""
    log_keys: tuple[str, ...] = ()
    seal_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The content of a document, read in one session; nothing of the session is needed later.

    `stream` is the record it is about (``batch/B-2045``, ``equipment/FBD-01``, ``site``), `version`
    its last entry that the content tells, `title` the name of the file without ending, `standing`
    where the thing stands in words (at most 60 characters), `data` the content as canonical JSON
    and `material` whatever the kind needs besides to lay out the pages.
    """

    stream: str
    version: int
    title: str
    standing: str
    data: bytes
    data_name: str = "record.json"
    material: Any = None


def anchor_view(edition: Edition) -> AnchorView | None:
    """The checkpoint as the closing block of a document shows it; None before the first one."""
    anchor = edition.anchor
    if anchor is None:
        return None
    text = anchor.note.partition("\n\n")[0]
    return AnchorView(origin=anchor.origin, root=anchor.root, text=text)


class DocumentKind(Protocol):
    """A kind of document; its name has at most 20 characters, its template's at most 40."""

    @property
    def name(self) -> str:
        """The name in rows, jobs and addresses."""

    @property
    def template(self) -> str:
        """Name and version of the template; a new version gives new documents."""

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope or NotFound when `by` may not have this document."""

    def draft(self, session: Session, subject: Subject) -> Draft:
        """Read the content as of now (or of the day that the subject names)."""

    def render(
        self,
        draft: Draft,
        edition: Edition,
        *,
        fonts: FontSet,
        attachments: Sequence[Attachment],
    ) -> bytes:
        """The unsealed PDF/A-3 with the associated files; outside any session, no clock."""


def attachments_of(draft: Draft, edition: Edition) -> list[Attachment]:
    """The content (Data) and the way to its proof (Supplement), for the file of a document."""
    data = Attachment(
        name=draft.data_name,
        content=draft.data,
        media_type="application/json",
        relationship=Relationship.DATA,
        description=f"{draft.title} as canonical JSON",
    )
    evidence = Attachment(
        name=EVIDENCE,
        content=evidence_of(draft, edition),
        media_type="application/json",
        relationship=Relationship.SUPPLEMENT,
        description="How this document is proved: entry, checkpoint of the log, seal",
    )
    return [data, evidence]


def evidence_of(draft: Draft, edition: Edition) -> bytes:
    """What leads a reader of the PDF alone to the proof, as JSON.

    The entry of the issue with the digest of the file is written afterwards, so it is not inside.
    """
    anchor = edition.anchor
    told = {
        "format": EVIDENCE_FORMAT,
        "record": draft.stream,
        "entry": {"rseq": draft.version, "sha256": edition.chain},
        "content": {"name": draft.data_name, "sha256": edition.content_digest},
        "checkpoint": None if anchor is None else _checkpoint_told(anchor),
        "log_keys": list(edition.log_keys),
        "seal": {"certificate_sha256": edition.seal_sha256, "field": "SiteSeal"},
        "issue": "The SHA-256 of this file stands in the entry document.issued of the record.",
    }
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _checkpoint_told(anchor: Anchor) -> Mapping[str, Any]:
    return {
        "origin": anchor.origin,
        "size": anchor.size,
        "root_sha256": anchor.root,
        "note": anchor.note,
    }


def _log_keys(session: Session, keys: SiteKeys) -> tuple[str, ...]:
    return tuple(restored.keys_now(session, keys).published()["log"])


def edition_of(session: Session, draft: Draft, content_digest: str, by: Actor) -> Edition:
    """What a copy made now says about itself."""
    name = by.name if by.kind is not ActorKind.PERSON else f"{by.name} ({by.id})"
    anchor = _anchor(session)
    keys: SiteKeys | None = session.info["services"].get(SITE_KEYS)
    return Edition(
        at=moment(session).site,
        by=name,
        software=trail.installed_software(),
        content_digest=content_digest,
        checkpoint="" if anchor is None else anchor.words,
        anchor=anchor,
        chain=_chain_end(session, draft),
        log_keys=() if keys is None else _log_keys(session, keys),
    )


def told_of(edition: Edition) -> Mapping[str, Any]:
    """What the entry of the issue keeps of an edition: enough to print the same pages again."""
    anchor = edition.anchor
    return {
        "generated_at": canonical.moment_text(edition.at),
        "generated_by": edition.by,
        "software": edition.software,
        "checkpoint": None if anchor is None else {"size": anchor.size, "root": anchor.root},
    }


def _chain_end(session: Session, draft: Draft) -> str:
    found = session.scalar(
        select(Entry.payload).where(
            Entry.site_id == site_of(session),
            Entry.rec == draft.stream,
            Entry.rseq == draft.version,
        )
    )
    return "" if found is None else hashlib.sha256(found).hexdigest()


def _anchor(session: Session) -> Anchor | None:
    latest = checkpoints.latest(session)
    if latest is None:
        return None
    at = show(latest.at, moment(session).zone)
    root = bytes(latest.root).hex()
    return Anchor(
        origin=latest.note.partition("\n")[0],
        size=latest.size,
        root=root,
        note=latest.note,
        words=f"size {latest.size}, root {root[:16]}, {at} real time",
    )
