"""A person sets or changes the own passphrase; nobody else ever can (URS-IAM-070).

With the single-use secret a new key is made, and signing waits for a second person's confirmation.
With the old passphrase the same key is sealed again and goes on signing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from sqlalchemy.orm import Session

from audit import trail
from core.house import House, moment
from core.sites import the_site
from personnel import endings, queries
from personnel.authentication import (
    PERSON_ROLE,
    Claim,
    Purpose,
    accept,
    pause_terminal,
    prove,
    record_failure,
    remembering,
    vault_of,
)
from personnel.commands import stream_of
from personnel.credentials import hash_of
from personnel.crypto import Sealed
from personnel.errors import PassphraseRefused, SecretRefused
from personnel.models import Credential, PublicKey
from personnel.passphrases import weakness


def set_passphrase(
    house: House, *, badge: str, secret: str, passphrase: str, terminal: str
) -> None:
    """Enrol with the single-use secret: a new key, sealed under the new passphrase.

    Raises `SecretRefused` for a wrong, used or old secret (recorded) and `PassphraseRefused`.
    """
    with house.reading() as session:
        pause_terminal(session, terminal)
        known = _with_secret(session, badge, secret)
        if known is not None:
            check_policy(session, known.badge, passphrase)
    if known is None:
        claim = Claim(badge=badge, passphrase="", terminal=terminal, purpose=Purpose.ENROLMENT)
        record_failure(house, claim)
        raise _no_secret()
    sealed = vault_of(house).seal_new(known.badge, passphrase)
    with house.transaction() as session:
        credential = _with_secret(session, badge, secret)
        if credential is None:
            raise _no_secret()
        _enrol(session, credential, sealed, terminal)


def change_passphrase(house: House, *, badge: str, old: str, new: str, terminal: str) -> None:
    """Change the passphrase; the key stays, all sessions of the person end.

    Raises `WrongCredentials` for a wrong old one (counted) and `PassphraseRefused`.
    """
    claim = Claim(badge=badge, passphrase=old, terminal=terminal, purpose=Purpose.CHANGE)
    proved = prove(house, claim)
    with house.reading() as session:
        check_policy(session, proved.badge, new, old=old)
    sealed = vault_of(house).seal(proved.badge, new, proved.key)
    with remembering(house, claim), house.transaction() as session:
        by = queries.actor(session, proved.badge, role=PERSON_ROLE, terminal=terminal)
        with trail.act(session, "credential.changed", stream=stream_of(proved.badge), by=by) as act:
            credential = accept(session, proved)
            credential.hold(sealed)
            credential.must_change = False
            credential.must_change = False
            act.facts["sessions_ended"] = endings.end_sessions(session, proved.badge)


def check_policy(session: Session, badge: str, passphrase: str, *, old: str | None = None) -> None:
    """`PassphraseRefused` with the reason in words (URS-IAM-060)."""
    why = weakness(passphrase, context=_context(session, badge))
    if why is None and passphrase == old:
        why = "it is the old one"
    if why is not None:
        raise PassphraseRefused(
            f"This passphrase is not accepted: {why}", resolver="you, with another passphrase"
        )


def _context(session: Session, badge: str) -> Iterable[str]:
    who = queries.person(session, badge)
    return [who.badge, who.name, who.natural_key, the_site(session).name]


def _with_secret(session: Session, badge: str, secret: str) -> Credential | None:
    who = queries.find(session, badge)
    if who is None or not who.active:
        return None
    credential = queries.credential_of(session, who.badge)
    if credential is None or credential.secret_hash is None or credential.secret_until is None:
        return None
    right = hmac.compare_digest(credential.secret_hash, hash_of(secret))
    return credential if right and moment(session).steady < credential.secret_until else None


def _enrol(session: Session, credential: Credential, sealed: Sealed, terminal: str) -> None:
    badge = credential.badge
    by = queries.actor(session, badge, role=PERSON_ROLE, terminal=terminal)
    with trail.act(session, "credential.enrolled", stream=stream_of(badge), by=by):
        credential.hold(sealed)
        credential.secret_hash = credential.secret_until = None
        credential.confirmed_by = credential.confirmed_at = None
        session.add(
            PublicKey(
                key_id=sealed.key_id,
                badge=badge,
                public_key=sealed.public_key.hex(),
                valid_from=moment(session).site,
            )
        )


def _no_secret() -> SecretRefused:
    return SecretRefused(
        "This secret is wrong, was used already or is older than 30 minutes",
        resolver="an administrator, by issuing another secret",
    )
