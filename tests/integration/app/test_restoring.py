"""A database older than what is known outside only reads until two people sign its restore."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import exporting, keybook
from app.anchoring import Anchoring
from app.bootstrap import compose
from app.restoring import NotRestored
from app.worker import SiteWorker
from audit import anchors, checkpoints, log, notefile, restored, trail, verifying, witness
from audit.anchormodels import Restoration
from audit.models import Entry, LogLeaf
from audit.restored import Restored
from audit.sequencer import sequence_pending
from audit.streams import SITE, Stream
from audit.verifier import CheckpointNote
from core.actors import Actor
from core.errors import NotPermitted, Refusal
from core.settings import Settings
from personnel import credentials, signing
from personnel import queries as people
from production.models import NumberSeries
from quality import queries as quality
from tests.integration.app.conftest import Seeded
from tests.support.web import Visitor
from tests.support.witnessing import serving
from web.application import create_app

SOMEBODY = Actor.service("test", trigger="test")
AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
QA, ADMIN, OPERATOR = "P-107", "A-001", "P-101"
DATABASE = "site.db"

pytestmark = pytest.mark.sqlite("restores an SQLite file by copying it back")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder / "anchors.jsonl"


@pytest.fixture
def settings(site: Seeded, elsewhere: Path) -> Settings:
    return replace(site.settings, anchor_file=str(elsewhere))


class Site:
    """One site whose database can be put aside and brought back."""

    def __init__(self, settings: Settings, backup: Path) -> None:
        self.settings = settings
        self.house = compose(settings)
        self._backup = backup

    def record(self, times: int = 1) -> None:
        with self.house.transaction() as session:
            for _ in range(times):
                with trail.act(session, "test.noted", stream=Stream("test", "T"), by=SOMEBODY):
                    pass
        sequence_pending(self.house, self.house.services["site_keys"])

    def anchor(self) -> None:
        Anchoring(self.house, self.settings).round()
        sequence_pending(self.house, self.house.services["site_keys"])
        Anchoring(self.house, self.settings).round()

    def back_up(self) -> None:
        with sqlite3.connect(self.settings.home / DATABASE) as source:
            target = sqlite3.connect(self._backup)
            source.backup(target)
            target.close()
        source.close()

    def restore(self) -> None:
        self.stop()
        for left in self.settings.home.glob(f"{DATABASE}-*"):
            left.unlink()
        shutil.copy(self._backup, self.settings.home / DATABASE)
        self.house = compose(self.settings)

    def stop(self) -> None:
        self.house.database.close()

    def size(self) -> int:
        with self.house.reading() as session:
            return log.size_of(session)

    def is_restored(self) -> bool:
        with self.house.reading() as session:
            return restored.is_restored(session)


@pytest.fixture
def plant(settings: Settings, tmp_path: Path) -> Iterator[Site]:
    found = Site(settings, tmp_path / "backup.db")
    yield found
    found.stop()


@pytest.fixture
def put_back(plant: Site) -> int:
    """The site as after a restore; answers the size that is known outside."""
    plant.record(3)
    plant.anchor()
    plant.back_up()
    plant.record(20)
    plant.anchor()
    known = plant.size()
    plant.restore()
    return known


class People:
    """Signs at the site as somebody of it."""

    def __init__(self, plant: Site, cards: dict[str, str]) -> None:
        self._plant = plant
        self._cards = cards

    def enable_administrator(self) -> None:
        """Nobody needed the administrator's signature so far: that, too, is possible now."""
        house = self._plant.house
        with house.reading() as session:
            quality_unit = people.actor(session, QA, role="QA", terminal="T-1")
            able = people.has_undertaken(session, ADMIN)
            by = people.actor(session, ADMIN, role="ADMIN", terminal="T-1")
            digest = signing.undertaking(session, ADMIN).digest()
        if able:
            return
        house.perform(credentials.confirm_identity, ADMIN, by=quality_unit)
        given = signing.confirm(
            house, badge=ADMIN, passphrase=self._cards[ADMIN], digest=digest,
            meaning="undertaken", terminal="T-1",
        )  # fmt: skip
        house.perform(signing.sign_undertaking, given, by=by)

    def act(self, command: Any, *arguments: Any, badge: str, meaning: str) -> Any:
        house = self._plant.house
        role = "QA" if badge == QA else "ADMIN"
        with house.reading() as session:
            by = people.actor(session, badge, role=role, terminal="T-1")
        shown = house.rehearse(command, *arguments, by=by, rehearsal=True)
        given = signing.confirm(
            house, badge=badge, passphrase=self._cards[badge], digest=shown.digest(),
            meaning=meaning, terminal="T-1",
        )  # fmt: skip
        return house.perform(command, *arguments, by=by, signed_by=given)


@pytest.fixture
def staff(plant: Site, site: Seeded) -> People:
    return People(plant, site.passphrases())


def sign(plant: Site, staff: People) -> None:
    staff.enable_administrator()
    service = plant.house.services["restoring"]
    notes = service.notes()
    reason = "The disk failed; the backup of last night was brought back"
    staff.act(service.decide, notes, reason, badge=QA, meaning="approved")
    staff.act(service.confirm, notes, badge=ADMIN, meaning="verified")


@pytest.mark.urs("URS-BAK-040", "URS-AUD-060")
def test_an_old_database_only_reads(plant: Site, put_back: int) -> None:
    """Pitfall 7: the old database is restored, the application refuses, and says who resolves."""
    assert plant.is_restored()
    before = plant.size()
    with pytest.raises(Restored) as refused:
        plant.record()
    assert (refused.value.rule, refused.value.http_status) == ("site.restored", 503)
    assert f"{put_back} entries" in refused.value.fact
    assert "signing the restoration" in refused.value.resolver
    SiteWorker(plant.house, owner="w").settle()
    assert plant.size() == before, "no second history is signed under the name of the first"
    with plant.house.reading() as session:
        assert [e.action for e in trail.entries(session, SITE)][-1] == "site.restore_found"
    again = compose(plant.settings)
    with again.reading() as session:
        assert restored.is_restored(session)
    again.database.close()


def test_people_can_still_come_in_and_what_they_try_is_recorded(
    plant: Site, put_back: int, staff: People
) -> None:
    def try_it(session: Any, *, by: Actor, at: datetime) -> None:
        with trail.act(session, "test.noted", stream=SITE, by=by):
            pass

    with pytest.raises(Restored):
        plant.house.perform(try_it, by=SOMEBODY)
    with plant.house.reading() as session:
        last = trail.entries(session, SITE)[-1]
    assert (last.action, last.data["facts"]["rule"]) == ("attempt.refused", "site.restored")


@pytest.mark.urs("URS-BAK-040")
def test_two_signatures_end_it_and_the_new_history_is_another_one(
    plant: Site, put_back: int, staff: People, elsewhere: Path
) -> None:
    kept = plant.size()
    with plant.house.reading() as session:
        before = {row.name: row.next for row in session.scalars(select(NumberSeries))}
    sign(plant, staff)
    assert not plant.is_restored()
    sequence_pending(plant.house, plant.house.services["site_keys"])
    plant.record()
    with plant.house.reading() as session:
        [row] = session.scalars(select(Restoration)).all()
        assert (row.kept_size, row.lost_size) == (kept, put_back)
        assert row.lost_from is not None
        assert row.lost_to is not None
        assert {row.decided_by, row.confirmed_by} == {QA, ADMIN}
        incident = quality.deviation(session, row.incident)
        assert f"{put_back - kept} entries" in incident.title
        for series in session.scalars(select(NumberSeries)):
            assert series.next == before[series.name] + put_back - kept
        first = session.scalars(
            select(LogLeaf.idx)
            .join(Entry, Entry.id == LogLeaf.entry_id)
            .where(Entry.action == "test.noted", Entry.rseq > 3)
        ).all()
        assert min(first) > put_back, "positions that were known outside are not given again"
        newest = checkpoints.latest(session)
        assert newest is not None
        assert CheckpointNote(newest.note).origin == row.origin
        assert row.origin.endswith("/2")
        book = keybook.of_site(session, plant.house.services["site_keys"])
        report = verifying.verify_site(session, book)
        assert report.ok, report.lines()
    plant.anchor()
    assert CheckpointNote(notefile.read(elsewhere).notes[-1][1]).origin.endswith("/2")
    plant.stop()
    plant.house = compose(plant.settings)
    assert not plant.is_restored(), "what was signed is not found again at the next start"


@pytest.mark.urs("URS-BAK-040")
def test_no_entry_of_the_backup_or_the_restoration_gets_a_position_that_was_lost(
    plant: Site, staff: People
) -> None:
    plant.record(3)
    plant.anchor()
    with (
        plant.house.transaction() as session,
        trail.act(session, "test.waited", stream=Stream("test", "W"), by=SOMEBODY),
    ):
        pass  # It waits for the log while the backup is made.
    plant.back_up()
    kept = plant.size()
    plant.record(20)
    plant.anchor()
    known = plant.size()
    plant.restore()
    sign(plant, staff)
    sequence_pending(plant.house, plant.house.services["site_keys"])
    with plant.house.reading() as session:
        rows = session.execute(
            select(LogLeaf.idx, Entry.action)
            .join(Entry, Entry.id == LogLeaf.entry_id)
            .where(LogLeaf.idx >= kept)
        ).all()
    struck = {row.idx for row in rows if row.action == "log.position_lost"}
    assert struck == set(range(kept, known))
    others = {row.action: row.idx for row in rows if row.idx not in struck}
    assert min(others.values()) == known
    assert {"test.waited", "site.restore_found", "site.restored", "deviation.opened"} <= set(others)


@pytest.mark.urs("URS-BAK-040")
def test_a_process_that_was_started_before_tells_the_new_name_of_the_log(
    plant: Site, put_back: int, staff: People, tmp_path: Path
) -> None:
    other = compose(plant.settings)
    sign(plant, staff)
    with other.reading() as session:
        origin = restored.origin_now(session)
    published = json.loads(exporting.write_trust(other, tmp_path).read_text())
    assert published["log"][0].startswith(f"{origin}+")
    other.database.close()


def test_one_person_alone_does_not_end_it(plant: Site, put_back: int, staff: People) -> None:
    service = plant.house.services["restoring"]
    notes = service.notes()
    with pytest.raises(NotRestored, match="has not decided"):
        staff.act(service.confirm, notes, badge=ADMIN, meaning="verified")
    with pytest.raises(NotPermitted):
        staff.act(service.decide, notes, "because of the disk", badge=ADMIN, meaning="approved")
    with pytest.raises(Refusal, match="reason"):
        staff.act(service.decide, notes, "x", badge=QA, meaning="approved")
    staff.act(service.decide, notes, "the disk failed last night", badge=QA, meaning="approved")
    with pytest.raises(Refusal, match=r"second person|same person|another"):
        staff.act(service.confirm, notes, badge=QA, meaning="verified")
    assert plant.is_restored()


def test_a_site_in_order_has_nothing_to_sign(plant: Site, staff: People) -> None:
    service = plant.house.services["restoring"]
    plant.record()
    plant.anchor()
    with plant.house.reading() as session:
        assert service.standing(session, service.notes()) is None
    with pytest.raises(NotRestored):
        staff.act(service.decide, service.notes(), "for nothing", badge=QA, meaning="approved")


@pytest.mark.urs("URS-BAK-040", "URS-AUD-060")
def test_a_history_that_went_on_beyond_the_known_size_is_found_by_its_root(
    plant: Site, elsewhere: Path
) -> None:
    """Restored while nobody looked, then continued until it was longer than the lost one."""
    plant.record(3)
    plant.anchor()
    kept = plant.size()
    plant.back_up()
    plant.record(5)
    plant.anchor()
    known = plant.size()
    plant.settings = replace(plant.settings, anchor_file="")
    plant.restore()
    plant.record(known - kept + 10)
    plant.stop()
    plant.settings = replace(plant.settings, anchor_file=str(elsewhere))
    plant.house = compose(plant.settings)
    with plant.house.reading() as session:
        [found] = restored.findings(session)
        assert "not the first" in found.problem
        service = plant.house.services["restoring"]
        lost = service.standing(session, service.notes()).lost
    assert lost.lost_size == known
    assert 0 < lost.kept_size <= kept


def test_notes_that_the_site_did_not_sign_prove_nothing(plant: Site, elsewhere: Path) -> None:
    """Somebody who may write the file cannot stop the site with it."""
    plant.record()
    plant.anchor()
    held = notefile.read(elsewhere).notes[-1][1]
    size = str(CheckpointNote(held).size)
    notefile.append(elsewhere, held.replace(f"\n{size}\n", f"\n{size}0\n", 1), at=AT)
    plant.stop()
    plant.house = compose(plant.settings)
    assert not plant.is_restored()


@pytest.mark.urs("URS-BAK-040")
def test_the_log_witness_alone_finds_it_and_follows_the_new_history_by_its_keepers_act(
    site: Seeded, staff: People, plant: Site, tmp_path: Path
) -> None:
    qa = witness.make(tmp_path / "qa", "example.com/qa")
    former = plant.house.services["site_keys"].log
    qa.trust(former.vkey, at=AT)
    with serving(qa) as address:
        plant.settings = replace(plant.settings, anchor_file="", log_witness=f"{address} {qa.vkey}")
        plant.record(3)
        plant.anchor()
        plant.back_up()
        plant.record(9)
        plant.anchor()
        known = qa.followed[former.origin].size
        plant.restore()
        assert not plant.is_restored()
        Anchoring(plant.house, plant.settings).round()
        assert plant.is_restored()
        sign(plant, staff)
        sequence_pending(plant.house, plant.house.services["site_keys"])
        with plant.house.reading() as session:
            now = restored.keys_now(session, plant.house.services["site_keys"]).log
            assert [row.lost_size for row in restored.restorations(session)] == [known]
        plant.anchor()
        with plant.house.reading() as session:
            [stands] = anchors.standing(session)
            assert "new-history" in str(stands.problem)
        qa.accept_new_history(
            now.vkey, instead_of=former.origin, reason="told by the quality unit", at=AT
        )
        plant.anchor()
        assert qa.followed[now.origin].size > known
        assert not plant.is_restored()


def test_a_second_restore_to_before_the_first_makes_a_third_history(
    plant: Site, put_back: int, staff: People
) -> None:
    sign(plant, staff)
    sequence_pending(plant.house, plant.house.services["site_keys"])
    plant.record()
    plant.anchor()
    known = plant.size()
    plant.restore()
    assert plant.is_restored()
    sign(plant, staff)
    with plant.house.reading() as session:
        [row] = restored.restorations(session)
    assert row.origin.endswith("/3")
    assert row.lost_size == known
    plant.stop()
    plant.house = compose(plant.settings)
    assert not plant.is_restored()


@pytest.mark.urs("URS-BAK-040")
def test_the_page_names_what_was_lost_and_takes_both_signatures(
    plant: Site, put_back: int, staff: People, site: Seeded
) -> None:
    staff.enable_administrator()
    app = create_app(plant.house, plant.settings)
    app.testing = True
    cards = site.passphrases()
    operator = Visitor(app)
    operator.login("P-101", cards["P-101"])
    page = operator.get("/restored").get_data(as_text=True)
    assert f"a checkpoint of {put_back} entries is known outside" in page
    assert "only reads" in operator.get("/batches").get_data(as_text=True)
    assert operator.client.post("/restored/decision").status_code in (400, 403)
    health = Visitor(app).get("/health/log")
    assert (health.status_code, health.get_json()["restored"]) == (503, True)
    for badge, form, fields in (
        (QA, "/restored/decision", {"reason": "the disk failed last night"}),
        (ADMIN, "/restored/confirmation", {}),
    ):
        person = Visitor(app)
        person.login(badge, cards[badge])
        dialog = person.send("/restored", form, **fields)
        done = person.sign(dialog, form, badge=badge, passphrase=cards[badge])
        assert done.status_code == 303, done.get_data(as_text=True)
    assert not plant.is_restored()
    page = operator.get("/restored").get_data(as_text=True)
    assert "the disk failed last night" in page
    assert "in order" in page
