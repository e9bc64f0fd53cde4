"""People, roles, qualifications: what takes two people, and what takes effect at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from audit.errors import ReasonMissing
from core.actors import Actor, ActorKind
from core.errors import Invalid, NotFound, NotPermitted
from personnel import commands, credentials, permissions, queries, sessions
from personnel.errors import (
    NotQualified,
    NotSignedIn,
    PersonExists,
    RolesExclude,
    SecondPersonNeeded,
)
from tests.integration.personnel.conftest import (
    NAMES,
    PASSPHRASES,
    SETUP,
    START,
    TERMINAL,
    Plant,
)

DAY = timedelta(days=1)


def train(plant: Plant, badge: str, subject: str, **more: object) -> object:
    period = {"valid_from": plant.now(), "valid_until": plant.now() + 30 * DAY, **more}
    return plant.do(
        commands.record_qualification, badge, subject, evidence="TR-7", by="P-107", **period
    )


@pytest.mark.urs("URS-IAM-010")
@pytest.mark.parametrize("badge", ["P-101", "p-101"])
def test_a_badge_is_never_given_again_in_any_spelling(plant: Plant, badge: str) -> None:
    plant.do(commands.deactivate_person, "P-101", reason="left the firm", by="A-001")
    with pytest.raises(PersonExists, match="Anna Kern"):
        plant.add(badge, "Jane Doe", "N-new")


@pytest.mark.urs("URS-IAM-010")
@pytest.mark.parametrize("natural_key", ["N-P-101", " n-p-101 "])
def test_a_human_being_has_one_active_account(plant: Plant, natural_key: str) -> None:
    with pytest.raises(PersonExists, match="has an account already"):
        plant.add("P-301", "Anna Kern", natural_key)


@pytest.mark.parametrize("badge", ["", "x", "P 101", "P/101", "P-101\n"])
def test_a_badge_that_is_none_is_refused(plant: Plant, badge: str) -> None:
    with pytest.raises(Invalid):
        plant.add(badge, "Jane Doe", "N-new")


@pytest.mark.urs("URS-IAM-010", "URS-SEC-070")
@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM person WHERE badge = 'P-101'",
        "DELETE FROM credential",
        "UPDATE role_grant SET role = 'QA'",
        "UPDATE public_key SET badge = 'P-102'",
        "DELETE FROM key_revocation",
        "UPDATE qualification SET subject = 'REC-0017 v3'",
        "DELETE FROM undertaking",
    ],
)
def test_the_database_refuses_to_rewrite_people(plant_on_both: Plant, attack: str) -> None:
    plant = plant_on_both
    train(plant, "P-101", "SOP-150")
    plant.do(credentials.issue_secret, "P-102", reason="forgotten", by="A-001")
    engine = create_engine(plant.house.database.url)
    with engine.connect() as connection, pytest.raises(DatabaseError, match="append-only"):
        connection.execute(text(attack))
    engine.dispose()


@pytest.mark.urs("URS-IAM-020")
def test_who_holds_no_role_for_it_is_refused_with_the_names_of_those_who_do(plant: Plant) -> None:
    with plant.house.reading() as session, pytest.raises(NotPermitted) as refused:
        permissions.require(session, plant.actor("P-101"), "batch.issue")
    assert refused.value.resolver == "Miriam Vogel (P-105)"
    with plant.house.reading() as session:
        assert permissions.require(session, plant.actor("P-105"), "batch.issue") == "SU"
        assert not permissions.can(session, plant.actor("P-101"), "batch.issue")


@pytest.mark.urs("URS-IAM-020")
def test_a_role_in_the_request_gives_nothing_that_was_not_granted(plant: Plant) -> None:
    pretender = plant.actor("P-101", "SU")
    with plant.house.reading() as session, pytest.raises(NotPermitted):
        permissions.require(session, pretender, "batch.issue")


@pytest.mark.urs("URS-IAM-010", "URS-IAM-020")
def test_a_service_may_do_nothing_that_is_not_named(plant: Plant) -> None:
    worker = Actor.service("worker", trigger="job 7")
    presenter = Actor.service("presenter", trigger="presenter page")
    with plant.house.reading() as session:
        assert not permissions.can(session, worker, "release.decide")
        assert permissions.can(session, presenter, "clock.advance")


@pytest.mark.urs("URS-IAM-030")
@pytest.mark.parametrize(("badge", "role"), [("A-001", "OP"), ("P-101", "ADMIN")])
def test_administration_and_gmp_work_exclude_each_other(
    plant: Plant, badge: str, role: str
) -> None:
    with pytest.raises(RolesExclude, match="which excludes"):
        plant.grant(badge, role)
    last = plant.entries("site")[-1]
    assert (last["action"], last["facts"]["rule"]) == ("attempt.refused", "role.exclusion")


@pytest.mark.urs("URS-IAM-030")
def test_a_former_administrator_may_take_up_production_with_a_new_account(plant: Plant) -> None:
    until = plant.now() + 30 * DAY
    plant.add("P-400", "Rosa Lane", "N-400")
    plant.grant("P-400", "ADMIN", until=until)
    plant.do(commands.deactivate_person, "P-400", reason="back to production", by="A-001")
    plant.add("P-401", "Rosa Lane", "N-400")
    plant.grant("P-401", "OP")
    assert plant.ask(queries.roles_of, "P-401", plant.now()) == ["OP"]


@pytest.mark.urs("URS-IAM-030")
def test_an_administrator_has_no_batch_rights(plant: Plant) -> None:
    admin = plant.actor("A-001")
    with plant.house.reading() as session:
        for permission in ("batch.issue", "step.perform", "recipe.author", "release.decide"):
            assert not permissions.can(session, admin, permission)


@pytest.mark.urs("URS-IAM-040")
def test_who_asked_for_a_role_does_not_grant_it(plant: Plant) -> None:
    asked = plant.do(commands.request_role, "P-101", "SU", reason="deputy", by="A-001")
    with pytest.raises(SecondPersonNeeded):
        plant.do(commands.grant_role, asked, by="A-001")
    assert plant.ask(queries.roles_of, "P-101", plant.now()) == ["OP"]
    plant.do(commands.grant_role, asked, by="A-002")
    assert plant.ask(queries.roles_of, "P-101", plant.now()) == ["OP", "SU"]


@pytest.mark.urs("URS-IAM-040")
def test_nobody_grants_the_own_role(plant: Plant) -> None:
    asked = plant.do(commands.request_role, "A-002", "ADMIN", reason="longer", by="A-001")
    with pytest.raises(SecondPersonNeeded):
        plant.do(commands.grant_role, asked, by="A-002")


@pytest.mark.urs("URS-IAM-040")
def test_a_request_is_granted_once(plant: Plant) -> None:
    asked = plant.do(commands.request_role, "P-101", "SU", reason="deputy", by="A-001")
    plant.do(commands.grant_role, asked, by="A-002")
    with pytest.raises(Invalid, match="was granted"):
        plant.do(commands.grant_role, asked, by="A-002")


def test_only_administrators_ask_for_and_grant_roles(plant: Plant) -> None:
    with pytest.raises(NotPermitted):
        plant.do(commands.request_role, "P-102", "SU", reason="deputy", by="P-105")


def test_a_role_is_never_given_for_the_past(plant: Plant) -> None:
    with pytest.raises(Invalid):
        plant.grant("P-101", "SU", starts_at=plant.now() - DAY)


@pytest.mark.urs("URS-IAM-040")
def test_the_access_report_shows_who_held_what_at_a_date(plant: Plant) -> None:
    plant.grant("P-102", "SU", starts_at=START + DAY, until=START + 11 * DAY)

    def supervisors(day: int) -> list[str]:
        report = plant.ask(queries.access_report, START + day * DAY)
        return [line.badge for line in report if line.role == "SU"]

    assert [supervisors(day) for day in (0, 1, 10, 11)] == [
        ["P-105"],
        ["P-102", "P-105"],
        ["P-102", "P-105"],
        ["P-105"],
    ]


@pytest.mark.urs("URS-IAM-040", "URS-IAM-050")
def test_an_ended_role_is_gone_at_once_and_stays_in_reports_of_the_past(plant: Plant) -> None:
    grant = plant.grant("P-101", "SU")
    before = plant.now()
    plant.later(hours=1)
    plant.do(commands.end_role, grant, reason="deputy time is over", by="A-001")
    assert plant.ask(queries.roles_of, "P-101", plant.now()) == ["OP"]
    assert plant.ask(queries.roles_of, "P-101", before) == ["OP", "SU"]
    with pytest.raises(Invalid, match="ended already"):
        plant.do(commands.end_role, grant, reason="once more", by="A-001")


@pytest.mark.urs("URS-IAM-050")
def test_a_deactivated_person_is_out_at_once_and_the_name_stays(plant: Plant) -> None:
    token = plant.login("P-101")
    plant.do(commands.deactivate_person, "P-101", reason="left the firm", by="A-001")
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, token, terminal=TERMINAL)
    assert plant.ask(queries.roles_of, "P-101", plant.now()) == []
    assert plant.ask(queries.person, "p-101").name == "Anna Kern"
    assert plant.entries("person/P-101")[-1]["facts"] == {"sessions_ended": 1}


@pytest.mark.urs("URS-AUD-040")
def test_deactivating_without_a_reason_is_refused(plant: Plant) -> None:
    with pytest.raises(ReasonMissing):
        plant.do(commands.deactivate_person, "P-101", reason="n/a", by="A-001")
    assert plant.ask(queries.person, "P-101").active


def test_a_site_keeps_two_administrators(plant: Plant) -> None:
    with pytest.raises(SecondPersonNeeded, match="at least two"):
        plant.do(commands.deactivate_person, "A-002", reason="left the firm", by="A-001")


@pytest.mark.urs("URS-SIG-070")
def test_set_up_ends_for_ever_once_there_are_two_administrators(plant: Plant) -> None:
    with pytest.raises(NotPermitted):
        plant.add("P-900", "Mallory", "N-900", by=SETUP)
    with pytest.raises(NotPermitted):
        plant.do(credentials.issue_secret, "P-101", reason="help out", by=SETUP)


def test_only_the_service_named_set_up_makes_the_first_people(bare: Plant) -> None:
    for other in (
        Actor.service("worker", trigger="job"),
        Actor(kind=ActorKind.DEVICE, id="set-up", name="x", role="x", terminal="x"),
    ):
        with pytest.raises(NotPermitted):
            bare.add("A-001", NAMES["A-001"], "N-1", by=other)


@pytest.mark.urs("URS-IAM-110")
def test_a_gap_names_subject_and_since_when(plant: Plant) -> None:
    def gap(subject: str) -> str | None:
        found: str | None = plant.ask(queries.qualification_gap, "P-101", subject, plant.now())
        return found

    assert gap("REC-0017 v3") == "Anna Kern (P-101): never qualified for REC-0017 v3"
    train(plant, "P-101", "REC-0017 v2")
    assert gap("REC-0017 v3") == (
        "Anna Kern (P-101): never qualified for REC-0017 v3, only for REC-0017 v2"
    )
    train(plant, "P-101", "REC-0017 v3", valid_until=plant.now() + DAY)
    assert gap("REC-0017 v3") is None
    plant.later(days=1)
    assert gap("REC-0017 v3") == (
        "Anna Kern (P-101): qualification for REC-0017 v3 expired on 2026-03-03"
    )


@pytest.mark.urs("URS-IAM-110")
def test_work_without_training_is_refused_and_says_who_can_close_the_gap(plant: Plant) -> None:
    with plant.house.reading() as session, pytest.raises(NotQualified) as refused:
        queries.require_qualified(session, "P-101", "SOP-150", plant.now())
    assert "Miriam Vogel (P-105), Samuel Okafor (P-107)" in refused.value.resolver


def test_nobody_records_the_own_training(plant: Plant) -> None:
    with pytest.raises(SecondPersonNeeded):
        plant.do(
            commands.record_qualification,
            "P-107",
            "SOP-160",
            valid_from=START,
            valid_until=START + DAY,
            evidence="TR-1",
            by="P-107",
        )


@pytest.mark.urs("URS-AUD-040")
def test_a_corrected_qualification_needs_a_reason_and_replaces_the_first(plant: Plant) -> None:
    first = train(plant, "P-101", "SOP-150")
    wrong = {"supersedes": first, "valid_until": plant.now() + DAY}
    with pytest.raises(ReasonMissing):
        train(plant, "P-101", "SOP-150", **wrong)
    train(plant, "P-101", "SOP-150", reason="wrong end date typed", **wrong)
    plant.later(days=2)
    assert "expired" in plant.ask(queries.qualification_gap, "P-101", "SOP-150", plant.now())


def test_a_correction_of_another_persons_training_is_refused(plant: Plant) -> None:
    first = train(plant, "P-101", "SOP-150")
    with pytest.raises(NotFound):
        train(plant, "P-102", "SOP-150", supersedes=first, reason="typed for the wrong one")


def test_people_who_can_are_those_with_role_and_training(plant: Plant) -> None:
    train(plant, "P-102", "REC-0017 v3")
    assert plant.ask(queries.people_who_can, "OP", "REC-0017 v3") == ["Paul Roth (P-102)"]
    assert plant.ask(queries.people_who_can, "release.decide") == ["Samuel Okafor (P-107)"]


@pytest.mark.urs("URS-AUD-010")
def test_every_change_of_a_person_is_an_entry_of_that_person(plant: Plant) -> None:
    assert plant.actions("person/P-101") == [
        "person.added",
        "role.requested",
        "role.granted",
        "credential.issued",
        "credential.enrolled",
        "credential.confirmed",
        "undertaking.signed",
    ]


@pytest.mark.urs("URS-IAM-070")
def test_no_secret_stands_in_the_trail(plant: Plant) -> None:
    sessions.login(plant.house, "P-101", PASSPHRASES["P-101"], terminal=TERMINAL)
    images = [
        change["after"]
        for entry in plant.entries("person/P-101")
        for change in entry["changes"]
        if change["table"] == "credential"
    ]
    assert images
    for name in ("salt", "verifier_hash", "sealed_key", "secret_hash"):
        assert {image[name] for image in images} <= {None, "(secret)"}
