"""A signature belongs to what was signed, by whom, when and where in the record."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import make_transient

from audit import signatures, trail
from audit.errors import ActIncomplete, InvalidSignature
from audit.models import Signature
from audit.streams import Stream
from core.house import House
from tests.integration.audit.conftest import OPERATOR
from tests.integration.audit.people import BATCH, content, public, signed_step, signer


@pytest.fixture
def signed(house: House) -> tuple[Signature, Signature]:
    """Signatures of a performer and a verifier, read back from the database."""
    with house.transaction() as session:
        signed_step(session, nonce="n")
    with house.reading() as session:
        first, second = signatures.of_record(session, str(BATCH))
        for row in (first, second):
            session.expunge(row)
            make_transient(row)
        return (first, second) if first.meaning == "performed" else (second, first)


@pytest.mark.urs("URS-SIG-010", "URS-SIG-050")
def test_a_signature_says_who_when_and_what_it_means(
    house: House, signed: tuple[Signature, Signature]
) -> None:
    first, second = signed
    signatures.verify(first, public("P-101"))
    signatures.verify(second, public("P-102"))
    assert (first.printed_name, first.meaning, first.role) == (
        "Ada Okafor", "performed", "operator",
    )  # fmt: skip
    assert (first.utc_offset, first.zone) == ("+01:00", "Europe/Berlin")
    assert second.prior == signatures.digest(first)
    assert first.content_digest == content().digest()
    told = json.loads(first.manifest)
    assert (told["after_rseq"], told["after_sha256"]) == (0, None)
    with house.reading() as session:
        (entry,) = trail.entries(session, BATCH)
    assert [part["content"] for part in entry.data["signed"]] == [content().as_dict()] * 2


@pytest.mark.urs("URS-SIG-050")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("record", "batch/B-2"), ("object", "G180#1"), ("record_version", 2),
        ("content_digest", "0" * 64), ("meaning", "approved"), ("signer", "P-102"),
        ("printed_name", "Ada"), ("role", "qa"), ("reason", "none given"),
        ("utc_offset", "+02:00"), ("zone", "Europe/Paris"), ("key_id", "0" * 64),
        ("nonce", "other"), ("prior", "0" * 64), ("signature", bytes(64)), ("manifest", "{}"),
    ],
)  # fmt: skip
def test_any_changed_column_breaks_it(
    signed: tuple[Signature, Signature], column: str, value: Any
) -> None:
    first, _ = signed
    setattr(first, column, value)
    with pytest.raises(InvalidSignature):
        signatures.verify(first, public("P-101"))


@pytest.mark.urs("URS-SIG-050")
def test_another_persons_key_does_not_verify_it(signed: tuple[Signature, Signature]) -> None:
    with pytest.raises(InvalidSignature, match="not the one"):
        signatures.verify(signed[0], public("P-102"))


@pytest.mark.urs("URS-SIG-050", "URS-SIG-060")
def test_a_signature_enters_only_an_act_on_its_record_with_its_content(house: House) -> None:
    with house.transaction() as session:
        shown = content()
        made = signatures.make(
            session, shown, signer=signer("P-101"), meaning="performed", ceremony="c", nonce="n"
        )
        with trail.act(session, "step.completed", stream=BATCH, by=OPERATOR) as act:
            with pytest.raises(ActIncomplete, match="not the content"):
                act.sign(made, content(value="126.00"))
            with pytest.raises(ActIncomplete, match="not the content"):
                act.sign(made, content(version=2))
            act.sign(made, shown)
        with (
            trail.act(session, "lot.used", stream=Stream("lot", "L-1"), by=OPERATOR) as other,
            pytest.raises(ActIncomplete, match="in an act on"),
        ):
            other.sign(made, shown)
    with house.reading() as session:
        assert len(session.scalars(select(Signature)).all()) == 1


def test_writers_of_the_same_two_records_never_deadlock(house: House) -> None:
    lot = Stream("lot", "L-1")
    together = Barrier(2)

    def work(order: list[Stream]) -> None:
        together.wait()
        for _ in range(10):
            with house.transaction() as session:
                for stream in order:
                    with trail.act(session, "batch.noted", stream=stream, by=OPERATOR):
                        pass

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(work, order) for order in ([BATCH, lot], [lot, BATCH])]:
            done.result()
    with house.reading() as session:
        for stream in (BATCH, lot):
            assert [e.rseq for e in trail.entries(session, stream)] == list(range(1, 21))
