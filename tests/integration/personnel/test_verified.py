"""A site with real people and signatures verifies with the keys that their records hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from audit import checkpoints, keys
from audit.keys import KeyBook, PersonKey
from audit.sequencer import sequence_pending
from audit.verifying import verify_site
from core.sites import the_site
from personnel.models import PublicKey
from tests.integration.personnel.conftest import Plant


@pytest.mark.urs("URS-SIG-100", "URS-REC-110")
def test_every_signature_of_a_staffed_site_verifies(plant_on_both: Plant, tmp_path: Path) -> None:
    plant_on_both.seal(plant_on_both.confirm("P-101"))
    house = plant_on_both.house
    with house.reading() as session:
        origin = checkpoints.origin(the_site(session).name)
    site_keys = keys.open_or_make(tmp_path / "keys", origin)
    sequence_pending(house, site_keys)
    with house.reading() as session:
        people = [
            PersonKey(
                badge=row.badge, public=bytes.fromhex(row.public_key), valid_from=row.valid_from
            )
            for row in session.scalars(select(PublicKey))
        ]
        report = verify_site(session, KeyBook.of(site_keys, people))
        other = verify_site(session, KeyBook.of(site_keys, []))
    unattested = [problem for problem in report.problems if "table site," not in problem.place]
    assert unattested == []
    assert report.signatures > 1
    assert any("not published" in problem.what for problem in other.problems)
