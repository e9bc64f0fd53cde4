"""The only writers of definitions: draft, review, check, approval, effect, withdrawal.

Each signed command takes the signer's confirmation as `signed_by`; with `rehearsal` nothing is
sealed and the answer is the content that would be signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from audit.streams import SITE, Stream
from audit.trail import Act
from core.actors import Actor
from core.db import site_of
from core.errors import Invalid, NotPermitted
from core.events import publish
from personnel import permissions, signing
from personnel import queries as people
from personnel.errors import NotIndependent
from personnel.rules import Meaning
from personnel.signing import Confirmation
from workflows import gate, queries, rules
from workflows.errors import (
    DefinitionRefused,
    IllegalTransition,
    NotThreePeople,
    SignatureNeeded,
)
from workflows.events import TamperingFound, VersionMadeEffective, VersionWithdrawn
from workflows.importing import Reading, read_file
from workflows.models import DefinitionFile, DefinitionVersion
from workflows.rules import VersionState
from workflows.schema.grammar import ValueType
from workflows.textform import decoded

DRAWING = "drawing"
"""Category of a file without a header that says another one."""
LONGEST_TITLE = 200
LONGEST_REFERENCE = 80


def stream_of(code: str) -> Stream:
    """The record of a definition and all its versions."""
    return Stream("recipe", code)


def create_draft(
    session: Session,
    data: bytes,
    *,
    change_reference: str,
    reason: str,
    number: int | None = None,
    by: Actor,
    at: datetime,
) -> DefinitionVersion:
    """Store a file as the next version of its code, as draft (URS-MRC-010).

    `number` takes over the count of versions kept elsewhere before; it must be above the last one
    here. Raises DefinitionRefused with every mistake of the file, NotPermitted, and Invalid without
    change reference or reason.
    """
    permissions.require(session, by, "recipe.author")
    read = _executable(read_file(data))
    why = {"change_reference": change_reference, "reason": reason}
    return _draft(session, data, read, _code_of(read, ""), number, why, by)


def import_draft(
    session: Session,
    data: bytes,
    *,
    change_reference: str,
    reason: str,
    code: str = "",
    by: Actor,
    at: datetime,
) -> DefinitionVersion:
    """Store any BPMN 2.0 file, as it came, as the next version of its code (URS-MRC-040).

    One that is not executable becomes a draft that is shown, compared and replaced by a better
    one, and never submitted. `code` names a file that has no recipe header. Raises
    DefinitionRefused for what is no BPMN file or not safe to read, NotPermitted, and Invalid
    without change reference or reason, or with no code or another one than the file's.
    """
    permissions.require(session, by, "recipe.author")
    read = read_file(data)
    why = {"change_reference": change_reference, "reason": reason}
    return _draft(session, data, read, _code_of(read, code), None, why, by)


def save_draft(
    session: Session,
    code: str,
    number: int,
    data: bytes,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> DefinitionVersion:
    """Replace the content of a draft. Raises IllegalTransition once it is in review or later.

    A draft never gets worse: what replaces an executable one is executable, or DefinitionRefused.
    """
    permissions.require(session, by, "recipe.author")
    version = queries.version(session, code, number)
    rules.check_editable(version.name, version.state)
    read = read_file(data)
    if version.is_executable:
        _executable(read)
    _code_of(read, code)
    with _act(session, version, "definition.saved", by, reason, _facts(read)):
        _store(session, data, read)
        _take_content(version, read)
    return version


def submit_for_review(
    session: Session,
    code: str,
    number: int,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """The author signs the content and hands it to the checker (URS-MRC-020).

    Raises DefinitionRefused with the list when the draft is not executable (URS-MRC-040).
    """
    permissions.require(session, by, "recipe.author")
    version = _moving(session, code, number, VersionState.IN_REVIEW)
    if not version.is_executable:
        _refuse_drawing(session, version)
    shown = content_of(version)
    with _act(session, version, "definition.submitted", by, version.reason) as act:
        if not rehearsal:
            _seal(session, signed_by, shown, Meaning.AUTHORED, by, act)
        version.state = VersionState.IN_REVIEW
        version.author, version.checker, version.approver = by.id, None, None
    return shown


def check_version(
    session: Session,
    code: str,
    number: int,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """A second person signs the independent check; the version stays in review (URS-MRC-020)."""
    permissions.require(session, by, "recipe.check")
    version = _in_review(session, code, number)
    _require_another(session, by, version.author)
    shown = content_of(version)
    with _act(session, version, "definition.checked", by, version.reason) as act:
        if not rehearsal:
            _seal(session, signed_by, shown, Meaning.REVIEWED, by, act)
        version.checker = by.id
    return shown


def approve_version(
    session: Session,
    code: str,
    number: int,
    *,
    effective_from: datetime,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Quality, a third person, approves content and date of effect (URS-MRC-020)."""
    permissions.require(session, by, "recipe.approve")
    version = _in_review(session, code, number)
    if version.checker is None:
        raise IllegalTransition(
            f"{version.name} has not been checked", resolver="a person with the right to check"
        )
    _require_another(session, by, version.author, version.checker)
    shown = content_of(version, effective_from=effective_from)
    with _act(session, version, "definition.approved", by, version.reason) as act:
        if not rehearsal:
            _seal(session, signed_by, shown, Meaning.APPROVED, by, act)
        version.state, version.approver = VersionState.APPROVED, by.id
        version.effective_from = effective_from
    return shown


def return_to_draft(
    session: Session, code: str, number: int, *, reason: str, by: Actor, at: datetime
) -> None:
    """Checker or quality sends the version back with a reason; it is signed anew afterwards."""
    if not permissions.can(session, by, "recipe.check"):
        permissions.require(session, by, "recipe.approve")
    _need("a reason", reason)
    version = _moving(session, code, number, VersionState.DRAFT)
    with _act(session, version, "definition.returned", by, reason):
        version.state = VersionState.DRAFT
        version.author = version.checker = version.approver = None


def make_effective(
    session: Session, code: str, number: int, *, by: Actor, at: datetime
) -> DefinitionVersion:
    """Put an approved version into effect and supersede the one before (URS-MRC-050).

    Raises IllegalTransition before the approved date, or when another code is effective for the
    same product and batch size; NotReadyForEffect when a check of the gate is not met.
    """
    permissions.require(session, by, "recipe.approve")
    version = _moving(session, code, number, VersionState.EFFECTIVE)
    if version.effective_from is None or at < version.effective_from:
        raise IllegalTransition(
            f"{version.name} is approved from {version.effective_from} on",
            resolver="nobody before that moment",
        )
    queries.load(session, version.file_digest)
    gate.require_ready(session, name=version.name, file_digest=version.file_digest)
    _refuse_rival(session, version)
    before = queries.effective(session, code)
    with _act(session, version, "definition.made_effective", by, version.reason):
        if before is not None:
            before.state = VersionState.SUPERSEDED
            session.flush()
        version.state = VersionState.EFFECTIVE
    publish(
        session,
        VersionMadeEffective(
            name=version.name,
            file_digest=version.file_digest,
            superseded=before.name if before else None,
        ),
    )
    return version


def withdraw(
    session: Session, code: str, number: int, *, reason: str, by: Actor, at: datetime
) -> None:
    """Quality takes a version out of use; running batches stay on it (URS-MRC-050, -060)."""
    permissions.require(session, by, "recipe.withdraw")
    _need("a reason", reason)
    version = _moving(session, code, number, VersionState.WITHDRAWN)
    with _act(session, version, "definition.withdrawn", by, reason):
        version.state = VersionState.WITHDRAWN
    publish(session, VersionWithdrawn(name=version.name, reason=reason))


def report_tampering(session: Session, digest: str, *, by: Actor, at: datetime) -> None:
    """Record that a stored definition is not what it was, and raise the alert (URS-MRC-070).

    A transaction of its own: the refusal that found it undoes everything else.
    """
    used_by = queries.users_of(session, digest)
    facts = {"file_digest": digest, "used_by": list(used_by)}
    with trail.act(session, "definition.tampering_found", stream=SITE, by=by, facts=facts):
        publish(session, TamperingFound(file_digest=digest, used_by=used_by))


def content_of(
    version: DefinitionVersion, *, effective_from: datetime | None = None
) -> SignedContent:
    """What author, checker and approver sign: both digests under a change reference.

    The approver signs the moment of effect besides.
    """
    return SignedContent(
        record=str(stream_of(version.code)),
        object=version.name,
        version=version.version,
        content={
            "definition": version.name,
            "file_digest": version.file_digest,
            "content_digest": version.content_digest,
            "change_reference": version.change_reference,
            "reason": version.reason,
            "effective_from": None if effective_from is None else effective_from.isoformat(),
        },
    )


def _act(
    session: Session,
    version: DefinitionVersion,
    action: str,
    by: Actor,
    reason: str,
    facts: Mapping[str, Any] | None = None,
) -> AbstractContextManager[Act]:
    return trail.act(
        session,
        action,
        stream=stream_of(version.code),
        by=by,
        object=version.name,
        reason=reason,
        facts=facts,
    )


def _seal(
    session: Session,
    confirmation: Confirmation | None,
    shown: SignedContent,
    meaning: Meaning,
    by: Actor,
    act: Act,
) -> None:
    if confirmation is None:
        raise SignatureNeeded(f"{shown.object} must be signed “{meaning}”", resolver=by.name)
    if confirmation.badge != by.id:
        raise NotPermitted("the signature is another person's", resolver=by.name)
    signing.seal(session, confirmation, shown, meaning=meaning, role=by.role, act=act)


def _moving(session: Session, code: str, number: int, target: VersionState) -> DefinitionVersion:
    version = queries.version(session, code, number)
    rules.check_move(version.name, version.state, target)
    return version


def _in_review(session: Session, code: str, number: int) -> DefinitionVersion:
    return _moving(session, code, number, VersionState.APPROVED)


def _require_another(session: Session, by: Actor, *others: str | None) -> None:
    """Raise NotThreePeople when `by` is, as a human being, one of those who signed before."""
    try:
        people.require_independent(session, by.id, [badge for badge in others if badge])
    except NotIndependent as error:
        raise NotThreePeople(error.fact, resolver="another person") from error


def _refuse_rival(session: Session, version: DefinitionVersion) -> None:
    if version.product is None:
        return
    rival = session.scalars(
        select(DefinitionVersion)
        .where(DefinitionVersion.site_id == site_of(session))
        .where(DefinitionVersion.state == VersionState.EFFECTIVE)
        .where(DefinitionVersion.product == version.product)
        .where(DefinitionVersion.code != version.code)
    ).all()
    for other in rival:
        if other.batch_size == version.batch_size:
            raise IllegalTransition(
                f"{other.name} is effective for the same product and batch size",
                resolver="quality assurance, by withdrawing one of them",
            )


def _draft(
    session: Session,
    data: bytes,
    read: Reading,
    code: str,
    number: int | None,
    why: Mapping[str, str],
    by: Actor,
) -> DefinitionVersion:
    _need("a change reference", why["change_reference"])
    if len(why["change_reference"]) > LONGEST_REFERENCE:
        fact = f"a change reference has at most {LONGEST_REFERENCE} characters"
        raise Invalid(fact, resolver="the person who acts", field="change_reference")
    _need("a reason", why["reason"])
    version = DefinitionVersion(code=code, number=_next_number(session, code, number), **why)
    with _act(session, version, "definition.drafted", by, version.reason, _facts(read)):
        _store(session, data, read)
        _take_content(version, read)
        session.add(version)
    return version


def _executable(read: Reading) -> Reading:
    if read.imported is None:
        raise DefinitionRefused(read.findings)
    return read


def _refuse_drawing(session: Session, version: DefinitionVersion) -> None:
    read = queries.reading(session, version.file_digest)
    _executable(read)
    raise IllegalTransition(
        f"{version.name} could not be executed when it came in, and now can be",
        resolver="the recipe author, by saving the same file once more",
    )


def _facts(read: Reading) -> Mapping[str, Any] | None:
    """What the trail says of a drawing beside its digest."""
    return None if read.imported else {"executable": False, "findings": len(read.findings)}


def _code_of(read: Reading, wanted: str) -> str:
    """The code of the file, or the wanted one where the file names none. Raises Invalid."""
    own = read.header.code if read.header else ""
    if own and wanted and own != wanted:
        raise Invalid(f"the file is {own}, not {wanted}", resolver="the recipe author")
    code = own or wanted
    if not ValueType.CODE.accepts(code):
        fact = f"{code!r} is no code of a recipe" if code else "the file names no recipe code"
        raise Invalid(fact, resolver="the recipe author, with a code like REC-0042", field="code")
    return code


def _take_content(version: DefinitionVersion, read: Reading) -> None:
    header = read.imported.procedure.header if read.imported else read.header
    version.file_digest = read.file_digest
    version.content_digest = read.imported.content_digest if read.imported else ""
    title = header.title if header else read.outline.title or version.code
    version.title = title[:LONGEST_TITLE]
    version.category = header.category if header else DRAWING
    version.product = header.product.code if header and header.product else None
    version.batch_size = header.batch_size.reference if header and header.batch_size else None


def _store(session: Session, data: bytes, read: Reading) -> None:
    """Keep the file once, however many versions have it."""
    known = session.scalars(
        select(DefinitionFile.id)
        .where(DefinitionFile.site_id == site_of(session))
        .where(DefinitionFile.file_digest == read.file_digest)
    ).one_or_none()
    if known is None:
        session.add(
            DefinitionFile(
                file_digest=read.file_digest,
                content_digest=read.imported.content_digest if read.imported else "",
                body=decoded(data),
            )
        )


def _next_number(session: Session, code: str, wanted: int | None) -> int:
    last = _last_number(session, code)
    if wanted is not None and wanted <= last:
        raise Invalid(
            f"{code} has a version {last} already, {wanted} is not above it",
            resolver="the author, without a number or with a higher one",
        )
    return wanted if wanted is not None else last + 1


def _last_number(session: Session, code: str) -> int:
    query = (
        select(func.max(DefinitionVersion.number))
        .where(DefinitionVersion.site_id == site_of(session))
        .where(DefinitionVersion.code == code)
    )
    return session.scalar(query) or 0


def _need(what: str, text: str) -> None:
    if not text.strip():
        raise Invalid(f"{what} is missing", resolver="the person who acts")
