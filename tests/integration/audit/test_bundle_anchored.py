"""A bundle with what vouches for the log from outside: a log witness and a time-stamp authority."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from audit import bundle, checkpoints, cosignatures, keys, timestamps, verifier
from audit.anchormodels import Cosignature, TimestampToken
from audit.keys import SiteKeys
from audit.sequencer import sequence_pending
from audit.streams import Stream
from core import writeguard
from core.db import site_of
from core.house import House
from core.ids import new_id
from tests.integration.audit.people import signed_record
from tests.integration.audit.test_bundle import ORIGIN, PEOPLE, RECORD, issued
from tests.support.witnessing import AuthorityFiles

WITNESS = "witness.example/qa"
KEY = Ed25519PrivateKey.from_private_bytes(b"witness".ljust(32, b"."))
AT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def site_keys(tmp_path: Path) -> SiteKeys:
    made = keys.open_or_make(tmp_path / "keys", ORIGIN)
    return replace(made, witness=(cosignatures.vkey_of(WITNESS, KEY),))


@pytest.fixture
def recorded(house: House, site_keys: SiteKeys) -> House:
    signed_record(house)
    sequence_pending(house, site_keys)
    issued(house)
    sequence_pending(house, site_keys)
    return house


def add(house: House, table: Any, **row: Any) -> None:
    """A row as the anchoring writes it."""
    with house.transaction() as session, writeguard.flushing(session):
        session.connection().execute(
            insert(table), [{"id": new_id(), "site_id": site_of(session), "at": AT, **row}]
        )


def cosign(house: House) -> int:
    """The newest checkpoint is cosigned; answers its size."""
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        text, size = verifier.CheckpointNote(newest.note).text, newest.size
    line = cosignatures.cosign(WITNESS, KEY, text, AT)
    told = verifier.WitnessKey(cosignatures.vkey_of(WITNESS, KEY))
    add(house, Cosignature, size=size, witness=WITNESS, key_hash=told.hash.hex(), line=line,
        signed_at=AT)  # fmt: skip
    return size


def written(house: House, site_keys: SiteKeys) -> bytes:
    target = io.BytesIO()
    with house.reading() as session:
        bundle.write(session, target, RECORD, keys=site_keys, people=PEOPLE, through=7)
    return target.getvalue()


@pytest.mark.urs("URS-REC-070", "URS-AUD-060")
def test_the_checkpoint_that_a_witness_cosigned_is_taken(
    recorded: House, site_keys: SiteKeys
) -> None:
    size = cosign(recorded)
    signed_record(recorded, stream=Stream("batch", "B-9"))
    sequence_pending(recorded, site_keys)
    trust = {**site_keys.published(), "quorum": 1}
    report = verifier.verify_bytes(written(recorded, site_keys), trust)
    assert (report["result"], report["problems"]) == ("VALID", [])
    assert report["checkpoint"]["size"] == size
    assert report["cosigned"] == [{"witness": WITNESS, "at": "2026-03-02T07:00:00.000000+00:00"}]


@pytest.mark.urs("URS-AUD-060")
def test_without_a_cosignature_a_reader_who_asks_for_one_refuses(
    recorded: House, site_keys: SiteKeys
) -> None:
    data = written(recorded, site_keys)
    assert verifier.verify_bytes(data, site_keys.published())["result"] == "VALID"
    report = verifier.verify_bytes(data, {**site_keys.published(), "quorum": 1})
    assert report["problems"][0]["place"] == verifier.CHECKPOINT
    assert "0 log witnesses cosigned it, 1 are needed" in report["problems"][0]["problem"]


@pytest.mark.urs("URS-REC-070", "URS-AUD-060")
def test_a_time_stamp_of_openssl_stands_in_the_bundle_and_its_command_checks_it(
    recorded: House, site_keys: SiteKeys, tmp_path: Path
) -> None:
    authority = AuthorityFiles(tmp_path / "authority")
    with recorded.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        note, size = newest.note, newest.size
    answer = authority.answer(timestamps.request_for(note).as_bytes())
    add(recorded, TimestampToken, size=size, purpose="daily", subject="2026-03-02",
        authority="test", token=answer, stamped_at=AT)  # fmt: skip
    signed_record(recorded, stream=Stream("batch", "B-9"))
    sequence_pending(recorded, site_keys)
    data = written(recorded, site_keys)
    report = verifier.verify_bytes(data, site_keys.published())
    assert (report["result"], report["problems"]) == ("VALID", [])
    (stamp,) = report["time_stamps"]
    assert (stamp["file"], stamp["size"]) == (f"log/timestamps/{size}-1.tsr", size)
    assert [each["size"] for each in report["older"]] == [6, size]
    for name, content in verifier.read_zip(data).items():
        path = tmp_path / "opened" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    told = next(line for line in report["not_checked"] if "openssl ts" in line)
    command = told.partition(": ")[2].replace("THE_AUTHORITY.pem", str(authority.root))
    done = subprocess.run(
        command.split(), cwd=tmp_path / "opened", capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stdout + done.stderr


@pytest.mark.urs("URS-SIG-100")
def test_it_stays_valid_after_a_restart_a_later_log_and_keys_read_again(
    recorded: House, site_keys: SiteKeys, tmp_path: Path
) -> None:
    before = written(recorded, site_keys)
    signed_record(recorded, stream=Stream("batch", "B-9"))
    sequence_pending(recorded, site_keys)
    again = keys.open_or_make(tmp_path / "keys", ORIGIN)
    after = written(recorded, again)
    for data in (before, after):
        assert verifier.verify_bytes(data, again.published())["result"] == "VALID"
    trust = json.loads(json.dumps(again.published()))
    assert base64.b64decode(trust["export"][0]["public"]) == again.export.public
