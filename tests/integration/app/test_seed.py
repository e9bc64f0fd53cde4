"""What a demonstration site starts with, and that all of it came about by audited commands."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from app import demosite, keybook
from app.bootstrap import compose
from app.seed import people, stock
from audit.verifying import verify_site
from core.house import House, moment
from core.sites import SiteMode, the_site
from hardware import queries as plant
from hardware.words import Cleaning
from inventory import queries as lots
from inventory.models import LotStatus
from personnel import queries as staff
from production import queries as production
from tests.integration.app.conftest import Seeded
from workflows import queries as definitions


@contextmanager
def opened(seeded: Seeded) -> Iterator[House]:
    house = compose(seeded.settings)
    try:
        yield house
    finally:
        house.database.close()


@pytest.mark.urs("URS-AUD-060", "URS-AUD-010")
def test_everything_was_seeded_by_audited_commands_and_the_site_verifies(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        report = verify_site(session, keybook.of_site(session, house.services["site_keys"]))
        assert [str(problem) for problem in report.problems] == []
        assert report.entries > 150
        assert report.rows > 300


def test_the_site_is_a_demonstration_for_life(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        site = the_site(session)
        assert (site.name, site.mode, site.zone) == (
            "Batchwright Demo Plant",
            SiteMode.DEMONSTRATION,
            "Europe/Berlin",
        )


@pytest.mark.urs("URS-SEC-040")
def test_cards_are_for_nobody_but_the_owner(seeded: Seeded) -> None:
    for name in (demosite.CARDS, demosite.CARDS_TEXT):
        path = seeded.settings.home / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
    assert stat.S_IMODE(seeded.settings.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(seeded.settings.keys.stat().st_mode) == 0o700
    assert set(seeded.passphrases()) == {
        who.badge for who in (*people.ADMINISTRATORS, *people.STAFF)
    }


@pytest.mark.urs("URS-SEC-040", "URS-IAM-070")
def test_no_passphrase_is_in_a_log_or_anywhere_else(seeded: Seeded) -> None:
    secrets = [secret.encode() for secret in seeded.passphrases().values()]
    assert len(set(secrets)) == len(secrets)
    told = (seeded.logged + "\n".join(seeded.said)).encode()
    for path in seeded.settings.home.rglob("*"):
        if path.is_file() and path.name not in (demosite.CARDS, demosite.CARDS_TEXT):
            told += path.read_bytes()
    assert not [secret for secret in secrets if secret in told]


@pytest.mark.urs("URS-IAM-110")
def test_one_person_is_not_qualified_any_more_and_the_others_are(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        at = moment(session).site
        for who in people.STAFF:
            for subject, days in who.trained.items():
                gap = staff.qualification_gap(session, who.badge, subject, at)
                assert (gap is None) == (days > 0), (who.badge, subject, gap)


def test_lots_have_their_status_and_content(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        for number, _, contents, _, status in stock.LOTS:
            found = lots.lot(session, number)
            assert found.status == status, number
            drums = lots.containers_of(session, number)
            assert [lots.content_of(session, drum) for drum in drums] == [*map(Decimal, contents)]
        assert lots.lot(session, "CC-0771").status == LotStatus.BLOCKED
        expired = lots.lot(session, "MC-2188")
        assert expired.status == LotStatus.RELEASED
        assert expired.expires_on is not None
        assert expired.expires_on < moment(session).site.date()


def test_the_equipment_of_the_recipe_is_free_and_clean(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        for number in ("GRA-01", "FBD-01", "MIL-01", "BLE-01", "TAB-01", "TS-12", "IBC-04"):
            unit = plant.equipment(session, number)
            assert unit.cleaning == Cleaning.CLEAN, number
            assert unit.allocated_to is None
        overdue = plant.equipment(session, "BAL-02")
        assert overdue.calibration_due is not None
        assert overdue.calibration_due < moment(session).site
        assert plant.effective_map(session, "GRA-01") is not None


def test_the_recipe_is_effective_and_the_first_batch_planned(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        version = definitions.effective(session, "REC-0017")
        assert version is not None
        assert version.number == 3
        batch = production.batch(session, "B-2044")
        assert (batch.order_number, batch.recipe_version) == ("PO-7731", 3)
        assert batch.due_at - batch.planned_at > timedelta(days=1)


@pytest.mark.urs("URS-MRC-010")
def test_version_4_waits_for_its_check_and_approval(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        proposed = definitions.version(session, "REC-0017", 4)
        assert (proposed.state, proposed.author) == ("in_review", "P-109")
        assert (proposed.checker, proposed.approver) == (None, None)


@pytest.mark.urs("URS-IAM-040")
def test_roth_was_deputy_before_the_site_and_is_not_now(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        at = moment(session).site

        def supervisors(days: int) -> list[str]:
            report = staff.access_report(session, at - timedelta(days=days))
            return [line.badge for line in report if line.role == "SU"]

        assert [supervisors(days) for days in (41, 35, 29, 0)] == [[], ["P-102"], [], ["P-105"]]


@pytest.mark.urs("URS-IAM-040")
def test_the_inspector_is_entered_and_closed(seeded: Seeded) -> None:
    with opened(seeded) as house, house.reading() as session:
        assert staff.person(session, "I-001").name == "Inspector 01"
        assert staff.roles_of(session, "I-001", moment(session).site) == []
        assert staff.credential_of(session, "I-001") is None
    assert "I-001" not in seeded.passphrases()


def test_seeding_tells_how_far_it_is(seeded: Seeded) -> None:
    assert seeded.said[-1] == "batch B-2044 is planned"
    assert len(seeded.said) >= 6
