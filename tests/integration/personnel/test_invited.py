"""Somebody invited for some days, and roles taken over from before the site."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from core.errors import Invalid
from personnel import commands, enrolment, former, invitations, queries, sessions
from personnel.errors import AccessEnded, NotSignedIn, SecondPersonNeeded, WrongCredentials
from personnel.invitations import Invitation
from tests.integration.personnel.conftest import START, TERMINAL, Plant

BADGE = "I-001"
PASSPHRASE = "lantern under the bridge"
WEEK = timedelta(days=7)


@pytest.fixture
def prepared(plant: Plant) -> Plant:
    """An inspector's account whose role one administrator asked for."""
    plant.add(BADGE, "Inspector 01", "N-I-001")
    plant.do(
        commands.request_role,
        BADGE,
        "INSPECTOR",
        reason="next inspection",
        scope="product 500010",
        by="A-001",
    )
    return plant


def invite(plant: Plant, by: str = "A-002", lasting: timedelta = WEEK) -> Invitation:
    made: Invitation = plant.do(
        invitations.invite, BADGE, lasting=lasting, reason="inspection of March", by=by
    )
    return made


def enrol(plant: Plant) -> None:
    secret = invite(plant).secret
    enrolment.set_passphrase(
        plant.house, badge=BADGE, secret=secret, passphrase=PASSPHRASE, terminal=TERMINAL
    )


def login(plant: Plant) -> str:
    return sessions.login(plant.house, BADGE, PASSPHRASE, terminal=TERMINAL).token


@pytest.mark.urs("URS-IAM-040")
def test_an_account_that_is_not_invited_opens_nothing_and_the_trail_says_why(
    prepared: Plant,
) -> None:
    with pytest.raises(WrongCredentials, match="not active"):
        login(prepared)
    last = prepared.entries(f"person/{BADGE}")[-1]
    assert last["action"] == "login.failed"
    assert "not enrolled" in last["facts"]["why"]
    assert prepared.ask(queries.roles_of, BADGE, prepared.now()) == []


@pytest.mark.urs("URS-IAM-040", "URS-IAM-070")
def test_another_administrator_invites_for_a_week_and_the_reach_is_one_product(
    prepared: Plant,
) -> None:
    with pytest.raises(SecondPersonNeeded):
        invite(prepared, by="A-001")
    made = invite(prepared)
    assert (made.role, made.scope, made.until) == (
        "INSPECTOR",
        "product 500010",
        prepared.now() + WEEK,
    )
    enrolment.set_passphrase(
        prepared.house, badge=BADGE, secret=made.secret, passphrase=PASSPHRASE, terminal=TERMINAL
    )
    here = sessions.current(prepared.house, login(prepared), terminal=TERMINAL)
    assert (here.roles, here.products) == (("INSPECTOR",), frozenset({"500010"}))


def test_somebody_of_the_site_reaches_all_of_it(plant: Plant) -> None:
    here = sessions.current(plant.house, plant.login("P-101"), terminal=TERMINAL)
    assert here.products is None


@pytest.mark.urs("URS-IAM-050")
def test_when_the_time_is_over_the_session_ends_and_the_login_is_refused_with_the_reason(
    prepared: Plant,
) -> None:
    enrol(prepared)
    prepared.later(days=6, hours=23, minutes=55)
    token = login(prepared)
    prepared.later(minutes=6)
    with pytest.raises(NotSignedIn):
        sessions.current(prepared.house, token, terminal=TERMINAL)
    with pytest.raises(AccessEnded, match=r"Inspector 01 \(I-001\) ended on 2026-"):
        login(prepared)
    last = prepared.entries(f"person/{BADGE}")[-1]
    assert (last["action"], last["facts"]["why"]) == (
        "login.failed",
        "the access of this person has ended",
    )


def test_a_wrong_passphrase_is_not_told_that_the_access_ended(prepared: Plant) -> None:
    enrol(prepared)
    prepared.later(days=8)
    with pytest.raises(WrongCredentials) as refused:
        sessions.login(prepared.house, BADGE, "guess after guess", terminal=TERMINAL)
    assert not isinstance(refused.value, AccessEnded)


@pytest.mark.parametrize("lasting", [timedelta(0), timedelta(days=31)])
def test_an_invitation_has_an_end_within_a_month(prepared: Plant, lasting: timedelta) -> None:
    with pytest.raises(Invalid, match="up to 30 days"):
        invite(prepared, lasting=lasting)
    assert prepared.ask(queries.roles_of, BADGE, prepared.now()) == []


def test_without_a_request_there_is_nothing_to_invite_for(prepared: Plant) -> None:
    invite(prepared)
    with pytest.raises(Invalid, match="exactly one"):
        invite(prepared)


@pytest.mark.urs("URS-IAM-020")
@pytest.mark.parametrize(
    ("role", "scope"), [("OP", "product 500010"), ("INSPECTOR", "product"), ("INSPECTOR", "line 3")]
)
def test_a_scope_that_could_not_be_kept_is_refused(plant: Plant, role: str, scope: str) -> None:
    plant.add(BADGE, "Inspector 01", "N-I-001")
    with pytest.raises(Invalid, match="cannot be the scope"):
        plant.do(commands.request_role, BADGE, role, reason="visit", scope=scope, by="A-001")


@pytest.mark.urs("URS-IAM-040")
def test_who_grants_may_shorten_the_time_and_never_lengthen_it(plant: Plant) -> None:
    asked = plant.do(
        commands.request_role,
        "P-101",
        "SU",
        reason="deputy",
        until=plant.now() + 2 * WEEK,
        by="A-001",
    )
    plant.do(commands.grant_role, asked, until=plant.now() + 3 * WEEK, by="A-002")
    held = plant.ask(queries.held_for_ever, queries.fold("N-P-101"))
    assert {role.until for role in held if role.role == "SU"} == {plant.now() + 2 * WEEK}


def note(plant: Plant, until: timedelta, by: str = "A-001", badge: str = "P-102") -> UUID:
    noted: UUID = plant.do(
        former.note_former_role,
        badge,
        "SU",
        starts_at=START - timedelta(days=40),
        until=START + until,
        reason="access list on paper",
        by=by,
    )
    return noted


@pytest.mark.urs("URS-IAM-040")
def test_a_former_role_stands_in_the_report_of_its_time_and_gives_nothing(plant: Plant) -> None:
    noted = note(plant, -timedelta(days=30))
    with pytest.raises(SecondPersonNeeded):
        plant.do(former.confirm_former_role, noted, by="A-001")
    plant.do(former.confirm_former_role, noted, by="A-002")

    def supervisors(days: int) -> list[str]:
        report = plant.ask(queries.access_report, START - timedelta(days=days))
        return [line.badge for line in report if line.role == "SU"]

    assert [supervisors(days) for days in (41, 35, 30)] == [[], ["P-102"], []]
    assert plant.ask(queries.roles_of, "P-102", plant.now()) == ["OP"]
    assert plant.actions("person/P-102")[-2:] == ["role.former_noted", "role.former_confirmed"]


def test_the_note_of_a_former_role_is_no_request_that_an_invitation_could_take(
    prepared: Plant,
) -> None:
    note(prepared, -timedelta(days=30), badge=BADGE)
    assert invite(prepared).role == "INSPECTOR"


@pytest.mark.urs("URS-IAM-040")
def test_no_former_role_reaches_into_the_time_of_the_site(plant: Plant) -> None:
    with pytest.raises(Invalid, match="before this site"):
        note(plant, timedelta(seconds=1))


def test_a_request_for_the_future_is_never_confirmed_as_a_former_role(plant: Plant) -> None:
    asked = plant.do(
        commands.request_role, "P-102", "SU", reason="deputy", until=plant.now() + WEEK, by="A-001"
    )
    plant.later(days=8)
    with pytest.raises(Invalid, match="before this site"):
        plant.do(former.confirm_former_role, asked, by="A-002")
