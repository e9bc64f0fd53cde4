"""Yesterday's backup brought back: the site only reads, says what is missing, and goes on after two
signatures without giving a number twice (URS-BAK-040), from the backup to the next backup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from app import keybook
from app.backup import drilling, making, restoring
from app.backup.making import Order
from app.bootstrap import compose
from audit import restored, verifying
from audit.anchormodels import Restoration
from audit.restored import Restored
from core.clock import SystemClock
from core.settings import Settings
from production.models import NumberSeries
from quality import queries as quality
from tests.integration.app.conftest import Seeded
from tests.integration.app.test_backup import (
    BY,
    ESCROW,
    ESCROW_KEY,
    KEY,
    RECIPIENT,
    SECRET,
)
from tests.integration.app.test_restoring import People, Site, sign

pytestmark = pytest.mark.sqlite("brings an SQLite file back; the guard itself is tested on both")


@pytest.fixture
def yesterday(site: Seeded, tmp_path: Path) -> Iterator[Site]:
    """A site whose checkpoints are kept elsewhere, backed up, and gone on since."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "kept").mkdir()
    settings = replace(site.settings, anchor_file=str(tmp_path / "elsewhere" / "anchors.jsonl"))
    found = Site(settings, tmp_path / "unused")
    found.record(3)
    found.anchor()
    back_up(found, tmp_path / "kept")
    found.record(12)
    found.anchor()
    yield found
    found.stop()


def back_up(site: Site, folder: Path) -> Path:
    order = Order(folder=folder, recipient=RECIPIENT, escrow=ESCROW)
    now = SystemClock().now()
    return making.back_up(site.house, site.settings, order, by=BY, now=now).file


def bring_back(site: Site, file: Path, home: Path) -> Settings:
    """On a machine of its own: a new folder, the same settings of what vouches outside."""
    site.stop()
    restoring.restore(file, home, KEY, escrow=ESCROW_KEY)
    url = f"sqlite:///{home / 'site.db'}"
    return replace(site.settings, home=home, database_url=url, owner_url=url)


@pytest.mark.urs("URS-BAK-010", "URS-BAK-040")
def test_an_older_backup_only_reads_until_two_people_signed_and_then_goes_on(
    yesterday: Site, site: Seeded, tmp_path: Path
) -> None:
    known, kept = yesterday.size(), tmp_path / "kept"
    with yesterday.house.reading() as session:
        drawn = {row.name: row.next for row in session.scalars(select(NumberSeries))}
    [file] = kept.iterdir()
    yesterday.settings = bring_back(yesterday, file, tmp_path / "new")
    yesterday.house = compose(yesterday.settings)
    assert yesterday.is_restored()
    with pytest.raises(Restored, match=f"{known} entries"):
        yesterday.record()
    with pytest.raises(Restored):
        back_up(yesterday, kept)
    identity = tmp_path / "key"
    identity.write_text(SECRET)
    with pytest.raises(Restored):
        drilling.drill(
            yesterday.house, yesterday.settings, identity, by=BY,
            now=datetime.now(UTC), scheduled=False,
        )  # fmt: skip
    assert list(kept.iterdir()) == [file], "a site that only reads makes no backup over the gap"
    sign(yesterday, People(yesterday, site.passphrases()))
    yesterday.record()
    with yesterday.house.reading() as session:
        assert not restored.is_restored(session)
        [row] = session.scalars(select(Restoration)).all()
        assert row.lost_size == known
        assert str(row.lost_size - row.kept_size) in quality.deviation(session, row.incident).title
        assert all(each.next > drawn[each.name] for each in session.scalars(select(NumberSeries)))
        book = keybook.of_site(session, yesterday.house.services["site_keys"])
        assert verifying.verify_site(session, book).ok
    assert yesterday.size() > known
    next_one = back_up(yesterday, kept)
    assert restoring.restore(next_one, tmp_path / "again", KEY).report.ok
