"""Login and what comes after it: one answer for all failures, locks with a way back, ages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.actors import Actor
from core.clock import HeldClock
from core.errors import BrokenPromise, Invalid, NotPermitted, Refusal
from core.sites import SiteMode
from core.steady import Steady
from personnel import commands, credentials, crypto, permissions, rules, sessions
from personnel.errors import (
    NotSignedIn,
    SecondPersonNeeded,
    SessionLocked,
    TooManyTries,
    WrongCredentials,
)
from personnel.models import Credential, LoginSession
from tests.integration.personnel.conftest import (
    PASSPHRASES,
    TERMINAL,
    Plant,
    composed,
    make_site,
)
from tests.support.places import site_url


def fail(plant: Plant, badge: str, terminal: str = TERMINAL, times: int = 1) -> str:
    for _ in range(times):
        with pytest.raises(WrongCredentials) as refused:
            sessions.login(plant.house, badge, "guess after guess", terminal=terminal)
    return str(refused.value)


@pytest.mark.urs("URS-IAM-080")
def test_all_failing_logins_get_the_same_answer(plant: Plant) -> None:
    wrong = fail(plant, "P-101")
    unknown = fail(plant, "P-999")
    plant.do(commands.deactivate_person, "P-102", reason="left the firm", by="A-001")
    inactive = fail(plant, "P-102")
    fail(plant, "P-105", times=5)
    locked = fail(plant, "P-105")
    assert wrong == unknown == inactive == locked


@pytest.mark.urs("URS-IAM-080")
def test_an_unknown_badge_costs_one_derivation_as_well(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived: list[str] = []
    real = crypto.Vault._derive

    def counting(vault: crypto.Vault, badge: str, *more: object) -> object:
        derived.append(badge)
        return real(vault, badge, *more)  # type: ignore[arg-type]  # passed through untouched

    monkeypatch.setattr(crypto.Vault, "_derive", counting)
    fail(plant, "P-999")
    fail(plant, "P-101")
    assert derived == ["P-999", "P-101"]


@pytest.mark.urs("URS-IAM-080")
def test_failed_logins_stand_in_the_trail_with_terminal(plant: Plant) -> None:
    fail(plant, "P-101")
    known = plant.entries("person/P-101")[-1]
    assert (known["action"], known["actor"]["terminal"]) == ("login.failed", TERMINAL)
    fail(plant, "my secret passphrase")
    unknown = plant.entries("site")[-1]
    assert unknown["action"] == "login.failed"
    assert "my secret" not in str(unknown)


@pytest.mark.urs("URS-IAM-080")
def test_five_wrong_passphrases_lock_and_the_lock_ends_by_itself(plant: Plant) -> None:
    fail(plant, "P-101", times=4)
    plant.login("P-101")
    fail(plant, "P-101", times=5)
    assert [type(event).__name__ for event in plant.heard] == ["AccountLocked"]
    with pytest.raises(WrongCredentials):
        plant.login("P-101")
    plant.later(minutes=14, seconds=59)
    with pytest.raises(WrongCredentials):
        plant.login("P-101")
    plant.later(seconds=1)
    plant.login("P-101")


@pytest.mark.urs("URS-IAM-080")
def test_an_administrator_takes_a_lock_away(plant: Plant) -> None:
    fail(plant, "P-101", times=5)
    plant.do(credentials.unlock_account, "P-101", reason="asked in person", by="A-001")
    plant.login("P-101")
    assert "account.unlocked" in plant.actions("person/P-101")


@pytest.mark.urs("URS-IAM-080")
def test_nobody_unlocks_the_own_account(plant: Plant) -> None:
    fail(plant, "A-001", times=5)
    with pytest.raises(SecondPersonNeeded):
        plant.do(credentials.unlock_account, "A-001", reason="in a hurry", by="A-001")


@pytest.mark.urs("URS-IAM-080")
def test_one_terminal_cannot_lock_every_account(plant: Plant) -> None:
    fail(plant, "P-101", terminal="kiosk", times=4)
    fail(plant, "P-999", terminal="kiosk", times=16)
    with pytest.raises(TooManyTries):
        sessions.login(plant.house, "P-101", "guess after guess", terminal="kiosk")
    plant.login("P-101")
    plant.later(minutes=5)
    plant.login("P-101", terminal="kiosk")


def test_a_login_from_nowhere_is_refused(plant: Plant) -> None:
    with pytest.raises(Invalid):
        sessions.login(plant.house, "P-101", PASSPHRASES["P-101"], terminal=" ")


@pytest.mark.urs("URS-IAM-100")
def test_an_idle_session_locks_even_when_the_client_polls(plant: Plant) -> None:
    token = plant.login("P-101")
    for _ in range(9):
        plant.later(minutes=1)
        sessions.current(plant.house, token, terminal=TERMINAL)
    plant.later(minutes=1)
    with pytest.raises(SessionLocked):
        sessions.current(plant.house, token, terminal=TERMINAL)
    with pytest.raises(SessionLocked):
        sessions.touch(plant.house, token, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-100")
def test_activity_keeps_the_session_until_its_absolute_age(plant: Plant) -> None:
    token = plant.login("P-101")
    for _ in range(12 * 8 - 1):
        plant.later(minutes=7, seconds=30)
        sessions.touch(plant.house, token, terminal=TERMINAL)
    plant.later(minutes=7, seconds=30)
    with pytest.raises(NotSignedIn) as refused:
        sessions.touch(plant.house, token, terminal=TERMINAL)
    assert not isinstance(refused.value, SessionLocked)


SET = [timedelta(hours=-5), timedelta(hours=5)]


@pytest.mark.urs("URS-IAM-100", "URS-TIM-020")
@pytest.mark.parametrize("jump", SET)
def test_setting_the_clock_makes_no_idle_time_longer_or_shorter(
    plant: Plant, jump: timedelta
) -> None:
    token = plant.login("P-101")
    plant.clock.step(jump)
    plant.later(minutes=9, seconds=59)
    sessions.current(plant.house, token, terminal=TERMINAL)
    plant.later(seconds=1)
    with pytest.raises(SessionLocked):
        sessions.current(plant.house, token, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-100", "URS-TIM-020")
@pytest.mark.parametrize("jump", SET)
def test_setting_the_clock_makes_no_session_older_or_younger(plant: Plant, jump: timedelta) -> None:
    token = plant.login("P-101")
    for _ in range(12 * 8 - 1):
        plant.later(minutes=7, seconds=30)
        plant.clock.step(jump / 100)
        sessions.touch(plant.house, token, terminal=TERMINAL)
    plant.later(minutes=7, seconds=30)
    with pytest.raises(NotSignedIn):
        sessions.touch(plant.house, token, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-080", "URS-TIM-020")
@pytest.mark.parametrize("jump", SET)
def test_setting_the_clock_opens_no_locked_account_and_locks_none_longer(
    plant: Plant, jump: timedelta
) -> None:
    fail(plant, "P-101", times=5)
    plant.clock.step(jump)
    plant.later(minutes=14, seconds=59)
    fail(plant, "P-101")
    plant.later(seconds=1)
    assert plant.login("P-101")


@pytest.mark.urs("URS-IAM-100", "URS-TIM-020")
@pytest.mark.parametrize("earlier", [timedelta(minutes=1), timedelta(hours=11)])
def test_a_session_that_began_in_the_future_has_ended(plant: Plant, earlier: timedelta) -> None:
    token = plant.login("P-101")
    plant.clock.step(-earlier)
    plant.house.steady = Steady(plant.clock)  # the machine was started anew, with another time
    with pytest.raises(NotSignedIn):
        sessions.touch(plant.house, token, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-100")
def test_unlocking_gives_a_new_token_and_the_old_one_is_dead(plant: Plant) -> None:
    token = plant.login("P-101")
    sessions.lock(plant.house, token, terminal=TERMINAL)
    fresh = sessions.unlock(plant.house, token, PASSPHRASES["P-101"], terminal=TERMINAL)
    assert sessions.current(plant.house, fresh.token, terminal=TERMINAL).badge == "P-101"
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, token, terminal=TERMINAL)


def test_another_persons_passphrase_does_not_unlock(plant: Plant) -> None:
    token = plant.login("P-101")
    sessions.lock(plant.house, token, terminal=TERMINAL)
    with pytest.raises(WrongCredentials):
        sessions.unlock(plant.house, token, PASSPHRASES["P-102"], terminal=TERMINAL)
    assert plant.actions("person/P-101")[-1] == "unlock.failed"


@pytest.mark.urs("URS-SEC-010")
def test_logout_ends_the_session(plant: Plant) -> None:
    token = plant.login("P-101")
    sessions.logout(plant.house, token)
    sessions.logout(plant.house, token)
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, token, terminal=TERMINAL)
    assert plant.actions("person/P-101")[-2:] == ["session.opened", "session.ended"]


def test_a_session_is_of_one_terminal(plant: Plant) -> None:
    token = plant.login("P-101")
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, token, terminal="Room 1.14")


def test_a_login_can_end_the_session_before_it(plant: Plant) -> None:
    first = plant.login("P-101")
    sessions.login(plant.house, "P-102", PASSPHRASES["P-102"], terminal=TERMINAL, replaces=first)
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, first, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-050")
def test_a_role_that_ends_is_gone_from_the_open_session(plant: Plant) -> None:
    grant = plant.grant("P-101", "SU")
    token = plant.login("P-101")
    assert sessions.current(plant.house, token, terminal=TERMINAL).roles == ("OP", "SU")
    plant.later(seconds=1)
    plant.do(commands.end_role, grant, reason="deputy time is over", by="A-001")
    present = sessions.current(plant.house, token, terminal=TERMINAL)
    assert present.roles == ("OP",)
    assert present.actor().role == "OP"


def test_the_database_holds_no_token(plant: Plant) -> None:
    token = plant.login("P-101")
    with plant.house.reading() as session:
        row = session.scalars(select(LoginSession)).one()
    assert token not in {row.token_hash, str(row.id)}


def test_a_login_at_another_cost_seals_the_key_anew(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stronger = crypto.Cost(memory_kib=128, iterations=1, lanes=1)
    monkeypatch.setattr(plant.house.services["vault"], "cost", stronger)

    def stored() -> Credential:
        with plant.house.reading() as session:
            return session.scalars(select(Credential).where(Credential.badge == "P-101")).one()

    key_id = stored().key_id
    plant.login("P-101")
    assert (stored().cost, stored().key_id) == (stronger.as_json(), key_id)
    plant.login("P-101")


@pytest.mark.urs("URS-IAM-080")
def test_the_right_passphrase_forgets_the_failures(plant: Plant) -> None:
    fail(plant, "P-101", times=4)
    plant.login("P-101")
    fail(plant, "P-101", times=4)
    plant.login("P-101")


def test_limits_are_those_that_the_documentation_names() -> None:
    assert rules.IDLE_LIMIT.total_seconds() == 600
    assert rules.ABSOLUTE_LIMIT.total_seconds() == 12 * 3600
    assert issubclass(TooManyTries, Refusal)


@pytest.mark.urs("URS-IAM-050")
def test_who_is_deactivated_while_the_passphrase_is_tested_gets_no_session(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = crypto.Vault.open

    def slow(vault: crypto.Vault, *arguments: object) -> object:
        opened = real(vault, *arguments)  # type: ignore[arg-type]  # passed through untouched
        plant.do(commands.deactivate_person, "P-101", reason="left the firm", by="A-001")
        return opened

    monkeypatch.setattr(crypto.Vault, "open", slow)
    with pytest.raises(WrongCredentials):
        plant.login("P-101")
    assert plant.actions("person/P-101")[-2:] == ["person.deactivated", "login.failed"]
    with plant.house.reading() as session:
        assert session.scalars(select(LoginSession)).all() == []


@pytest.mark.urs("URS-IAM-070")
def test_a_gmp_site_refuses_the_light_vault_of_tests(tmp_path: Path, clock: HeldClock) -> None:
    url = site_url(tmp_path / "gmp.db")
    make_site(url, SiteMode.GMP)
    plant = composed(url, clock)
    with pytest.raises(BrokenPromise, match="for tests only"):
        sessions.login(plant.house, "P-101", "whatever it may be", terminal=TERMINAL)
    plant.house.database.close()


@pytest.mark.urs("URS-IAM-020")
def test_a_gmp_site_has_no_clock_to_move(tmp_path: Path, clock: HeldClock) -> None:
    url = site_url(tmp_path / "gmp.db")
    make_site(url, SiteMode.GMP)
    plant = composed(url, clock)
    presenter = Actor.service("presenter", trigger="presenter page")
    with plant.house.reading() as session, pytest.raises(NotPermitted, match="DEMONSTRATION"):
        permissions.require(session, presenter, "clock.advance")
    plant.house.database.close()


@pytest.mark.urs("URS-SEC-020", "URS-IAM-080")
@pytest.mark.parametrize("odd", ["\ud800", "P-101\x00", "' OR 1=1 --", "x" * 10_000, "", "Ｐ-101"])
def test_odd_input_is_only_a_failed_login(plant: Plant, odd: str) -> None:
    for badge, words in ((odd, "guess after guess"), ("P-101", odd)):
        with pytest.raises(WrongCredentials):
            sessions.login(plant.house, badge, words, terminal=TERMINAL)
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, odd, terminal=TERMINAL)
