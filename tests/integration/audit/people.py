"""People of the tests who sign, and a record that they signed."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from audit import signatures, trail
from audit.keys import PersonKey
from audit.models import Signature
from audit.signatures import SignedContent, Signer
from audit.streams import Stream
from core.actors import Actor
from core.house import House
from tests.integration.audit.conftest import OPERATOR

BATCH = Stream("batch", "B-1")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {"P-101": "Ada Okafor", "P-102": "Jörg Weiß"}


@cache
def private_key(badge: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(badge.encode().ljust(32, b"."))


def public(badge: str) -> bytes:
    return private_key(badge).public_key().public_bytes_raw()


def person_key(badge: str, *, until: datetime | None = None) -> PersonKey:
    return PersonKey(badge=badge, public=public(badge), valid_from=SINCE, valid_until=until)


def signer(badge: str) -> Signer:
    return Signer(
        badge=badge, printed_name=NAMES[badge], role="operator",
        key_id=signatures.key_id(public(badge)), sign=private_key(badge).sign,
    )  # fmt: skip


def content(version: int = 1, value: str = "125.00", record: str = str(BATCH)) -> SignedContent:
    return SignedContent(
        record=record, object="G170#1", version=version, content={"mass": value, "unit": "kg"}
    )


def signed_step(
    session: Session,
    *,
    nonce: str,
    version: int = 1,
    stream: Stream = BATCH,
    by: Actor = OPERATOR,
) -> tuple[Signature, Signature]:
    """One act with the signatures of a performer and of a verifier who countersigns."""
    shown = content(version, record=str(stream))
    with trail.act(session, "step.completed", stream=stream, by=by, object="G170#1") as act:
        first = signatures.make(
            session, shown, signer=signer("P-101"), meaning="performed", ceremony=nonce,
            nonce=f"{nonce}-1",
        )  # fmt: skip
        act.sign(first, shown)
        second = signatures.make(
            session, shown, signer=signer("P-102"), meaning="verified", ceremony=nonce,
            nonce=f"{nonce}-2", prior=first,
        )  # fmt: skip
        act.sign(second, shown)
    return first, second


def signed_record(house: House, *, stream: Stream = BATCH) -> None:
    """Six entries, two of them with two signatures each."""
    for number in range(2):
        with house.transaction() as session:
            with trail.act(session, "batch.noted", stream=stream, by=OPERATOR):
                pass
            signed_step(session, nonce=f"{stream.key}-{number}", version=number + 1, stream=stream)
            with trail.act(session, "batch.noted", stream=stream, by=OPERATOR):
                pass
