"""Commands about credentials: single-use secret, second person, unlocking, demanded change.

An administrator never learns or sets a lasting passphrase (URS-IAM-070), and who issued the secret
cannot also confirm who enrolled with it: until another person has, nothing can be signed
(URS-SIG-070). That holds for the first enrolment as for every reset.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from core.errors import Invalid
from core.events import publish
from core.house import moment
from personnel import administration, endings, queries, rules
from personnel.commands import stream_of
from personnel.events import CredentialReset
from personnel.models import Credential, Person
from personnel.passphrases import as_bytes, generated_secret


def hash_of(secret: str) -> bytes:
    """What is stored of a random single-use secret or token (no stretching needed: 120 bits)."""
    return hashlib.sha256(as_bytes(secret.strip())).digest()


def issue_secret(session: Session, badge: str, *, reason: str, by: Actor, at: datetime) -> str:
    """A single-use secret, valid 30 minutes, that permits only to set a new passphrase.

    The secret is answered once and stored nowhere: never perform this with an idempotency key.
    A credential that exists is reset: sessions end, the key is revoked (URS-IAM-050, -070).
    """
    administration.require(session, by, "admin.credentials")
    who = _active(session, badge)
    administration.require_another(session, by, who.badge, act="reset the own credential")
    secret = generated_secret()
    known = queries.credential_of(session, who.badge, lock=True)
    action = "credential.issued" if known is None else "credential.reset"
    with trail.act(session, action, stream=stream_of(who.badge), by=by, reason=reason) as act:
        credential = known or Credential(badge=who.badge, issued_by=by.id)
        session.add(credential)
        if known is not None:
            endings.revoke_key(session, who.badge, reason=reason)
            act.facts["sessions_ended"] = endings.end_sessions(session, who.badge)
        _arm(session, credential, secret, by)
    if known is not None:
        publish(session, CredentialReset(badge=who.badge, by=by.id))
    return secret


def _arm(session: Session, credential: Credential, secret: str, by: Actor) -> None:
    credential.secret_hash = hash_of(secret)
    credential.secret_until = moment(session).steady + rules.SECRET_LIMIT
    credential.issued_by = by.id
    credential.failed_count = 0
    credential.locked_until = None
    credential.must_change = False


def confirm_identity(session: Session, badge: str, *, by: Actor, at: datetime) -> None:
    """A second person confirms who enrolled the present key; from now on it may sign.

    Neither the owner nor the one who issued the secret (URS-SIG-070).
    """
    administration.require(session, by, "credential.confirm")
    who = _active(session, badge)
    credential = _credential(session, who)
    administration.require_another(
        session, by, who.badge, credential.issued_by, act=f"confirm the identity of {who.name}"
    )
    if credential.key_id is None:
        raise Invalid(f"{queries.called(who)} has set no passphrase yet", resolver=who.name)
    if credential.confirmed_by is not None:
        raise Invalid(
            f"the key of {queries.called(who)} is confirmed already",
            resolver="nobody: once is enough",
        )
    with trail.act(
        session,
        "credential.confirmed",
        stream=stream_of(who.badge),
        by=by,
        object=credential.key_id,
    ):
        credential.confirmed_by = by.id
        credential.confirmed_at = at


def unlock_account(session: Session, badge: str, *, reason: str, by: Actor, at: datetime) -> None:
    """Take the lock away before it ends by itself; the passphrase stays (URS-IAM-080)."""
    administration.require(session, by, "admin.credentials")
    who = _active(session, badge)
    administration.require_another(session, by, who.badge, act="unlock the own account")
    credential = _credential(session, who)
    with trail.act(session, "account.unlocked", stream=stream_of(who.badge), by=by, reason=reason):
        credential.failed_count = 0
        credential.locked_until = None


def demand_change(session: Session, badge: str, *, reason: str, by: Actor, at: datetime) -> None:
    """The passphrase may be known to others: nothing is signed until it was changed (IAM-060)."""
    administration.require(session, by, "admin.credentials")
    who = _active(session, badge)
    credential = _credential(session, who)
    with trail.act(
        session, "credential.change_demanded", stream=stream_of(who.badge), by=by, reason=reason
    ):
        credential.must_change = True


def _active(session: Session, badge: str) -> Person:
    who = queries.person(session, badge)
    if not who.active:
        raise Invalid(f"{queries.called(who)} is not active", resolver="an administrator")
    return who


def _credential(session: Session, who: Person) -> Credential:
    credential = queries.credential_of(session, who.badge, lock=True)
    if credential is None:
        raise Invalid(f"{queries.called(who)} was given no secret yet", resolver="an administrator")
    return credential
