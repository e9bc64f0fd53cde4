"""The one door to sign (Part 11, 11.50, 11.70, 11.100, 11.200; URS-SIG-020 to -080).

1. `confirm`, in a transaction of its own: the person proves identity for one content and one
   meaning. A wrong secret is counted and recorded, and survives. The answer holds the opened key.
2. `seal`, in the business transaction: content, meaning, person, key, role and undertaking are
   looked at again, the single-use nonce is spent, the signature joins its act.

The first signing in a session takes badge and passphrase, later ones in the same unlocked session
at least the passphrase; a badge alone never signs. A second person at the same terminal gives both
and gets no session. There is no other way to a signature: no delegation, no service, no
administrator (URS-SIG-070).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from audit import canonical, signatures, trail
from audit.models import Signature
from audit.signatures import SignedContent, Signer
from audit.trail import Act
from core.actors import Actor
from core.errors import Invalid, Refusal
from core.house import House, moment
from personnel import queries, rules, sessions
from personnel.authentication import PERSON_ROLE, Claim, Proved, Purpose, accept, claimant, prove
from personnel.commands import stream_of
from personnel.errors import (
    ComponentsMissing,
    ConfirmationSpent,
    ContentChanged,
    MeaningUnknown,
    NotSignedIn,
    RejectionWithoutReason,
    SigningRefused,
    SigningSuspended,
    UndertakingMissing,
)
from personnel.models import Ceremony, Credential, LoginSession, Person, Undertaking
from personnel.rules import Meaning, Role

STATEMENT = (
    "My electronic signatures in this system bind me like my handwritten signature. "
    "I alone use my badge with my passphrase, I tell them to nobody, and I report at once "
    "when somebody else may know them."
)


class Confirmation:
    """A person's confirmed wish to sign one content with one meaning, once, within two minutes.

    Lives in memory only; holds the opened key until the signature is committed.
    """

    def __init__(self, *, nonce: str, badge: str, meaning: str, key: Ed25519PrivateKey) -> None:
        self.nonce = nonce
        self.badge = badge
        self.meaning = meaning
        self._key: Ed25519PrivateKey | None = key

    def sign(self, data: bytes) -> bytes:
        """64 bytes Ed25519; `ConfirmationSpent` once the key is gone."""
        if self._key is None:
            raise spent("was used already")
        return self._key.sign(data)

    def forget_key(self, *_: Any) -> None:
        """Drop the key: the signature is committed."""
        self._key = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    digest: str
    meaning: str
    terminal: str
    session_token: str | None


def confirm(
    house: House,
    *,
    badge: str,
    passphrase: str,
    digest: str,
    meaning: str,
    terminal: str,
    session_token: str | None = None,
    secret_only: bool = False,
) -> Confirmation:
    """Prove identity for signing the content with that digest (`SignedContent.digest()`).

    `session_token` is the session of the terminal: that of the signer, or of another person beside
    whom the signer gives full components. `secret_only` says that the badge was not given but
    taken from the signer's own session. Every refusal is recorded on the person's stream.

    Raises `MeaningUnknown`, `ComponentsMissing`, `NotSignedIn`, `WrongSecret` (counted),
    `TooManyTries`, `SigningSuspended`.
    """
    wish = _Wish(digest=digest, meaning=meaning, terminal=terminal, session_token=session_token)
    with _recorded(house, badge, wish):
        own = _check_components(house, badge, passphrase, wish, secret_only)
    claim = Claim(
        badge=badge,
        passphrase=passphrase,
        terminal=terminal,
        purpose=Purpose.SIGNING,
        own_session=own,
        facts={"digest": digest, "meaning": meaning},
    )
    try:
        proved = prove(house, claim)
    except Refusal:
        _lock_own_session_if_locked_out(house, badge, wish, own)
        raise
    with _recorded(house, badge, wish):
        return _remember(house, proved, wish, own)


def _check_components(
    house: House, badge: str, passphrase: str, wish: _Wish, secret_only: bool
) -> bool:
    """True when the signer is the person of the session."""
    if wish.meaning not in set(Meaning):
        raise MeaningUnknown(
            f"{wish.meaning!r} is no meaning of a signature", resolver="the signer, by choosing one"
        )
    if not passphrase:
        raise _components("a badge alone never signs: the passphrase is missing")
    with house.reading() as session:
        row = None
        if wish.session_token is not None:
            row = sessions.open_row(session, wish.session_token, wish.terminal)
        own = row is not None and queries.fold(row.badge) == queries.fold(badge)
        if secret_only and not (own and row is not None and row.first_signing_done):
            raise _components(
                "the first signing after a login or an unlock takes badge and passphrase"
            )
        return own


def _remember(house: House, proved: Proved, wish: _Wish, own: bool) -> Confirmation:
    nonce = secrets.token_hex(16)
    with house.transaction() as session:
        row = _own_session(session, wish) if own else None
        who = queries.person(session, proved.badge)
        credential = _accepted(session, proved, wish)
        _check_credential(session, who, credential)
        session.add(
            Ceremony(
                nonce=nonce,
                badge=proved.badge,
                key_id=proved.sealed.key_id,
                digest=wish.digest,
                meaning=wish.meaning,
                terminal=wish.terminal,
                login_session_id=row.id if row else None,
                confirmed_at=moment(session).steady,
            )
        )
    return Confirmation(nonce=nonce, badge=proved.badge, meaning=wish.meaning, key=proved.key)


def _accepted(session: Session, proved: Proved, wish: _Wish) -> Credential:
    # An entry is due only when the failures before are forgotten; the signature makes its own.
    known = queries.credential_of(session, proved.badge)
    if known is None or not known.failed_count:
        return accept(session, proved)
    by = queries.actor(session, proved.badge, role=PERSON_ROLE, terminal=wish.terminal)
    with trail.act(session, "signing.confirmed", stream=stream_of(proved.badge), by=by):
        return accept(session, proved)


def seal(
    session: Session,
    confirmation: Confirmation,
    content: SignedContent,
    *,
    meaning: str,
    role: str,
    reason: str | None = None,
    prior: Signature | None = None,
    act: Act,
) -> Signature:
    """Sign the content now, in this transaction, as part of `act` (of the same record).

    The signer is the actor of `act`; `role` is what the signer acts as, held now; `prior` is the
    signature that this one countersigns, by another human being. Refusing to sign is the meaning
    ``rejected`` with a reason. Qualification for the work is the caller's check
    (`queries.require_qualified`).

    Raises `ContentChanged`, `ConfirmationSpent`, `SigningRefused` and its kinds,
    `RejectionWithoutReason`; then nothing was signed.
    """
    who = queries.person(session, confirmation.badge)
    if act.by.id != who.badge:
        raise SigningRefused(
            f"{queries.called(who)} confirmed, but {act.by.name} acts: nobody signs for another",
            resolver="the one who acts, by signing in person",
        )
    if not queries.has_undertaken(session, who.badge):
        raise UndertakingMissing(
            f"{queries.called(who)} has not signed the undertaking yet", resolver=who.name
        )
    if role not in queries.roles_of(session, who.badge, moment(session).site):
        able = queries.people_who_can(session, role) if role in set(Role) else []
        raise SigningRefused(
            f"{queries.called(who)} does not hold the role {role}",
            resolver=", ".join(able) or "an administrator",
        )
    if prior is not None:
        queries.require_independent(session, who.badge, [prior.signer])
    return _seal(session, confirmation, content, meaning, role, reason, prior, act)


def undertaking(session: Session, badge: str) -> SignedContent:
    """What a person signs once before all other signatures (Part 11, 11.100(c))."""
    who = queries.person(session, badge)
    return SignedContent(
        record=str(stream_of(who.badge)),
        object="undertaking",
        version=1,
        content={"badge": who.badge, "name": who.name, "statement": STATEMENT},
    )


def sign_undertaking(
    session: Session, confirmation: Confirmation, *, by: Actor, at: datetime
) -> None:
    """The person undertakes, with the own signature, that signatures bind (URS-IAM-110)."""
    who = queries.person(session, confirmation.badge)
    if by.id != who.badge:
        raise SigningRefused("nobody undertakes for another person", resolver=who.name)
    if queries.has_undertaken(session, who.badge):
        raise Invalid(
            f"{queries.called(who)} has signed the undertaking", resolver="nobody: once is enough"
        )
    content = undertaking(session, who.badge)
    row = Undertaking(badge=who.badge, statement=STATEMENT, digest=content.digest(), signed_at=at)
    with trail.act(
        session, "undertaking.signed", stream=stream_of(who.badge), by=by, object="undertaking"
    ) as act:
        session.add(row)
        _seal(session, confirmation, content, Meaning.UNDERTAKEN, by.role, None, None, act)


def _seal(
    session: Session,
    confirmation: Confirmation,
    content: SignedContent,
    meaning: str,
    role: str,
    reason: str | None,
    prior: Signature | None,
    act: Act,
) -> Signature:
    _check_said(confirmation, meaning, reason)
    ceremony = _spend(session, confirmation, content, meaning)
    who = queries.person(session, confirmation.badge)
    credential = queries.credential_of(session, who.badge, lock=True)
    _check_still_able(session, who, credential, ceremony)
    signature = signatures.make(
        session,
        content,
        signer=Signer(
            badge=who.badge,
            printed_name=who.name,
            role=role,
            key_id=ceremony.key_id,
            sign=confirmation.sign,
        ),
        meaning=str(meaning),
        ceremony=str(ceremony.id),
        nonce=ceremony.nonce,
        reason=canonical.text(reason) if reason else None,
        prior=prior,
    )
    act.sign(signature, content)
    event.listen(session, "after_commit", confirmation.forget_key, once=True)
    return signature


def _check_said(confirmation: Confirmation, meaning: str, reason: str | None) -> None:
    if meaning != confirmation.meaning:
        raise ContentChanged(
            f"the signer confirmed {confirmation.meaning!r}, not {str(meaning)!r}",
            resolver="the signer, by signing again",
        )
    if meaning == Meaning.REJECTED and not (reason or "").strip():
        raise RejectionWithoutReason("who refuses to sign gives a reason", resolver="the signer")


def _spend(
    session: Session, confirmation: Confirmation, content: SignedContent, meaning: str
) -> Ceremony:
    ceremony = _ceremony(session, confirmation)
    now = moment(session).steady
    if ceremony.used_at is not None:
        raise spent("was used already")
    if not ceremony.confirmed_at <= now <= ceremony.confirmed_at + rules.CONFIRMATION_LIMIT:
        raise spent("is older than two minutes")
    if content.digest() != ceremony.digest or meaning != ceremony.meaning:
        raise ContentChanged(
            "the content changed between display and signature; nothing was signed",
            resolver="the signer, by looking again and signing again",
        )
    ceremony.used_at = now
    if ceremony.login_session_id is not None:
        _first_signing(session, ceremony.login_session_id)
    return ceremony


def _ceremony(session: Session, confirmation: Confirmation) -> Ceremony:
    return session.scalars(
        select(Ceremony)
        .where(Ceremony.nonce == confirmation.nonce)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _first_signing(session: Session, login_session_id: UUID) -> None:
    row = session.get(LoginSession, login_session_id)
    if row is None or row.ended_at is not None or row.locked_at is not None:
        raise NotSignedIn("the session ended or was locked meanwhile", resolver="the signer")
    row.first_signing_done = True


def _check_still_able(
    session: Session, who: Person, credential: Credential | None, ceremony: Ceremony
) -> None:
    if not who.active or credential is None or credential.key_id != ceremony.key_id:
        raise SigningRefused(
            f"{queries.called(who)} may no longer sign: the account or its key was withdrawn",
            resolver="an administrator",
        )
    _check_credential(session, who, credential)


def _check_credential(session: Session, who: Person, credential: Credential) -> None:
    if credential.confirmed_by is None:
        raise SigningSuspended(
            f"signing of {queries.called(who)} is suspended until a second person has confirmed "
            "who set the passphrase",
            resolver=", ".join(queries.people_who_can(session, "credential.confirm")),
        )
    if credential.must_change:
        raise SigningSuspended(
            f"{queries.called(who)} must change the passphrase before signing", resolver=who.name
        )


def _own_session(session: Session, wish: _Wish) -> LoginSession:
    return sessions.open_row(session, wish.session_token or "", wish.terminal)


def _lock_own_session_if_locked_out(house: House, badge: str, wish: _Wish, own: bool) -> None:
    # Who guesses at an open session is not its owner: a lock-out at signing locks the screen, too.
    if not own:
        return
    with house.transaction() as session:
        credential = queries.credential_of(session, queries.person(session, badge).badge)
        if credential is not None and queries.lock_in_words(session, credential):
            row = _own_session(session, wish)
            sessions.lock_row(session, row)


@contextmanager
def _recorded(house: House, badge: str, wish: _Wish) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        _record(house, refusal, badge, wish)
        raise


def _record(house: House, refusal: Refusal, badge: str, wish: _Wish) -> None:
    with house.transaction() as session:
        stream, by = claimant(session, badge, wish.terminal.strip() or "unknown")
        facts = {
            "rule": refusal.rule,
            "fact": canonical.text(refusal.fact),
            "digest": canonical.text(wish.digest),
            "meaning": canonical.text(wish.meaning),
        }
        with trail.act(session, "signing.refused", stream=stream, by=by, facts=facts):
            pass
    refusal.recorded = True


def _components(fact: str) -> ComponentsMissing:
    return ComponentsMissing(fact, resolver="the signer, by giving badge and passphrase")


def spent(why: str) -> ConfirmationSpent:
    """The confirmation cannot be used (again)."""
    return ConfirmationSpent(
        f"this confirmation {why}; nothing was signed", resolver="the signer, by signing again"
    )
