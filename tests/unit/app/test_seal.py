"""The sealing key of a site: made once, kept from others, checked when opened."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import seal
from core.errors import BrokenPromise

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.urs("URS-SEC-050")
def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = seal.open_or_make(tmp_path / "keys", "Werk Süd", at=AT)
    assert seal.open_or_make(tmp_path / "keys", "Werk Süd", at=AT) == first
    path = tmp_path / "keys" / seal.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.certificate_pem.startswith(b"-----BEGIN CERTIFICATE-----")
    assert b"PRIVATE KEY" in first.private_pem
    assert b"PRIVATE KEY" not in first.certificate_pem
    assert [each.name for each in path.parent.iterdir()] == [seal.FILE]


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    seal.open_or_make(tmp_path, "Werk Süd", at=AT)
    path = tmp_path / seal.FILE
    path.chmod(0o640)
    with pytest.raises(BrokenPromise, match="0600"):
        seal.open_or_make(tmp_path, "Werk Süd", at=AT)
    path.chmod(0o600)
    path.write_bytes(b"nothing")
    with pytest.raises(BrokenPromise, match="sealing key"):
        seal.open_or_make(tmp_path, "Werk Süd", at=AT)
