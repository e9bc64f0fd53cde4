"""How long a bundle of a record of a thousand steps takes to make, and to verify."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from audit import bundle, checkpoints, keys, signatures, trail, verifier
from audit.keys import PersonKey, SiteKeys
from audit.sequencer import sequence_pending
from audit.signatures import SignedContent, Signer
from audit.streams import Stream
from audit.trail import TrailGuard
from core import appendonly
from core.actors import Actor
from core.db import Base, Database
from core.house import House
from core.sites import Site, SiteMode

STEPS = 1_000
ROUNDS = 5
RECORD = Stream("batch", "B-1")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
PDF = b"%PDF-1.7\n" + bytes(1_000_000)
CONTENT = b'{"record":"batch/B-1"}'
BADGES = ("P-101", "P-102")


def measure() -> Mapping[str, float]:
    """Seconds for the bundle of 1,000 signed and verified steps: written, and verified again."""
    with TemporaryDirectory() as folder:
        site = _Signed(Path(folder))
        try:
            return site.measured()
        finally:
            site.house.database.close()


class _Signed:
    """A site with one record: every step is signed by its performer and its verifier."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'site.db'}"
        _make_site(url)
        self.house = House(Database(url), guards=[TrailGuard(software="batchwright bench")])
        self.keys: SiteKeys = keys.open_or_make(folder / "keys", checkpoints.origin("Bench"))
        self.private = {badge: Ed25519PrivateKey.generate() for badge in BADGES}
        for number in range(STEPS):
            with self.house.transaction() as session:
                self._step(session, number)
        with self.house.transaction() as session:
            facts = {
                "sha256": verifier.sha256(PDF).hex(),
                "content_sha256": verifier.sha256(CONTENT).hex(),
            }
            with trail.act(session, verifier.ISSUED, stream=RECORD, by=_actor(), facts=facts):
                pass
        sequence_pending(self.house, self.keys)

    def measured(self) -> Mapping[str, float]:
        made, checked = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            data = self._bundle()
            made.append(time.perf_counter() - began)
            began = time.perf_counter()
            report = verifier.verify_bytes(data, self.keys.published())
            checked.append(time.perf_counter() - began)
            assert report["result"] == "VALID", report["problems"]
        return {
            "bundle_1000_steps_s": statistics.median(made),
            "bundle_verify_1000_steps_s": statistics.median(checked),
        }

    def _bundle(self) -> bytes:
        target = io.BytesIO()
        record = bundle.Record(stream=RECORD, pdf=PDF, json=CONTENT, others={})
        people = [
            PersonKey(badge=badge, public=key.public_key().public_bytes_raw(), valid_from=SINCE)
            for badge, key in self.private.items()
        ]
        with self.house.reading() as session:
            bundle.write(session, target, record, keys=self.keys, people=people)
        return target.getvalue()

    def _step(self, session: Session, number: int) -> None:
        shown = SignedContent(
            record=str(RECORD),
            object=f"PROC/G{number:04}#1",
            version=1,
            content={"mass": f"{number}.00", "unit": "kg", "note": "as in the instruction " * 4},
        )
        with trail.act(
            session, "step.performed", stream=RECORD, by=_actor(), object=shown.object
        ) as act:
            first = None
            for badge, meaning in zip(BADGES, ("performed", "verified"), strict=True):
                first = signatures.make(
                    session, shown, signer=self._signer(badge), meaning=meaning,
                    ceremony=f"{number}", nonce=f"{number}-{badge}", prior=first,
                )  # fmt: skip
                act.sign(first, shown)

    def _signer(self, badge: str) -> Signer:
        key = self.private[badge]
        key_id = signatures.key_id(key.public_key().public_bytes_raw())
        return Signer(
            badge=badge, printed_name=f"Person {badge}", role="OP", key_id=key_id, sign=key.sign
        )


def _actor() -> Actor:
    return Actor.service("bench", trigger="a measurement")


def _make_site(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        appendonly.install(connection)
    with Session(engine) as session:
        told: dict[str, Any] = {"name": "Bench", "mode": SiteMode.DEMONSTRATION}
        session.add(Site(site_id=1, zone="Europe/Berlin", made_at=SINCE, **told))
        session.commit()
    engine.dispose()
