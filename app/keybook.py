"""The public keys that verification trusts: the site's own and those of its people."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import restored
from audit.keys import KeyBook, PersonKey, SiteKeys
from personnel.models import KeyRevocation, PublicKey


def people_keys(session: Session) -> list[PersonKey]:
    """Every key that a person ever signed with, with the time in which it was valid."""
    revoked = {row.key_id: row.revoked_at for row in session.scalars(select(KeyRevocation))}
    return [
        PersonKey(
            badge=row.badge,
            public=bytes.fromhex(row.public_key),
            valid_from=row.valid_from,
            valid_until=revoked.get(row.key_id),
        )
        for row in session.scalars(select(PublicKey).order_by(PublicKey.badge, PublicKey.id))
    ]


def of_site(session: Session, keys: SiteKeys) -> KeyBook:
    """The book of a site."""
    return KeyBook.of(restored.keys_now(session, keys), people_keys(session))
