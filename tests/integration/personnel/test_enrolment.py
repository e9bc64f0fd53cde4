"""The way to a passphrase: a single-use secret, the owner alone, and a policy."""

from __future__ import annotations

import pytest

from core.errors import Invalid
from personnel import credentials, enrolment, sessions
from personnel.errors import (
    NotSignedIn,
    PassphraseRefused,
    SecondPersonNeeded,
    SecretRefused,
    TooManyTries,
    WrongCredentials,
)
from tests.integration.personnel.conftest import PASSPHRASES, TERMINAL, Plant

NEW = "wooden bridges sing"


def issue(plant: Plant, badge: str = "P-101", by: str = "A-001") -> str:
    secret: str = plant.do(credentials.issue_secret, badge, reason="forgotten", by=by)
    return secret


def enrol(plant: Plant, secret: str, passphrase: str = NEW, badge: str = "P-101") -> None:
    enrolment.set_passphrase(
        plant.house, badge=badge, secret=secret, passphrase=passphrase, terminal=TERMINAL
    )


@pytest.mark.urs("URS-IAM-070")
def test_the_secret_permits_only_to_set_a_passphrase(plant: Plant) -> None:
    secret = issue(plant)
    with pytest.raises(WrongCredentials):
        sessions.login(plant.house, "P-101", secret, terminal=TERMINAL)
    enrol(plant, secret)
    sessions.login(plant.house, "P-101", NEW, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-070")
def test_the_secret_works_once(plant: Plant) -> None:
    secret = issue(plant)
    enrol(plant, secret)
    with pytest.raises(SecretRefused):
        enrol(plant, secret, "another good passphrase here")
    assert plant.actions("person/P-101")[-1] == "enrolment.failed"


@pytest.mark.urs("URS-IAM-070")
def test_the_secret_dies_after_thirty_minutes_and_with_the_next_one(plant: Plant) -> None:
    first = issue(plant)
    second = issue(plant)
    with pytest.raises(SecretRefused):
        enrol(plant, first)
    plant.later(minutes=30)
    with pytest.raises(SecretRefused):
        enrol(plant, second)


@pytest.mark.urs("URS-IAM-070")
def test_the_secret_of_one_person_is_nothing_for_another(plant: Plant) -> None:
    secret = issue(plant)
    for badge in ("P-102", "P-999"):
        with pytest.raises(SecretRefused):
            enrol(plant, secret, badge=badge)


def test_guessing_secrets_pauses_the_terminal(plant: Plant) -> None:
    for _ in range(20):
        with pytest.raises(SecretRefused):
            enrol(plant, "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA")
    with pytest.raises(TooManyTries):
        enrol(plant, issue(plant))


@pytest.mark.urs("URS-IAM-050", "URS-IAM-070")
def test_a_reset_ends_sessions_and_the_old_passphrase_at_once(plant: Plant) -> None:
    token = plant.login("P-101")
    issue(plant)
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, token, terminal=TERMINAL)
    with pytest.raises(WrongCredentials):
        plant.login("P-101")


@pytest.mark.urs("URS-SIG-070")
def test_an_administrator_does_not_reset_the_own_credential(plant: Plant) -> None:
    with pytest.raises(SecondPersonNeeded):
        issue(plant, "A-001", by="A-001")


@pytest.mark.urs("URS-SIG-070")
def test_the_owner_does_not_confirm_the_own_identity(plant: Plant) -> None:
    enrol(plant, issue(plant, "P-107"), badge="P-107")
    with pytest.raises(SecondPersonNeeded):
        plant.do(credentials.confirm_identity, "P-107", by="P-107")


def test_there_is_nothing_to_confirm_before_the_passphrase_is_set(plant: Plant) -> None:
    issue(plant)
    with pytest.raises(Invalid, match="no passphrase yet"):
        plant.do(credentials.confirm_identity, "P-101", by="A-002")


@pytest.mark.urs("URS-IAM-060")
@pytest.mark.parametrize(
    ("passphrase", "why"),
    [
        ("fourteen chars", "14 characters"),
        ("passwordpassword", "common words"),
        ("annakern werksüd p101", "words from here"),
        ("correct horse battery staple", "well-known"),
    ],
)
def test_a_weak_passphrase_is_refused_with_the_reason(
    plant: Plant, passphrase: str, why: str
) -> None:
    secret = issue(plant)
    with pytest.raises(PassphraseRefused, match=why):
        enrol(plant, secret, passphrase)
    enrol(plant, secret)


@pytest.mark.urs("URS-IAM-060")
def test_a_passphrase_that_differs_at_character_64_does_not_log_in(plant: Plant) -> None:
    long = "the river Öder carries 3 barges of limestone past Ålesund today!"
    assert len(long) == 64
    enrol(plant, issue(plant), long)
    with pytest.raises(WrongCredentials):
        sessions.login(plant.house, "P-101", long[:63] + "?", terminal=TERMINAL)
    sessions.login(plant.house, "P-101", long, terminal=TERMINAL)


@pytest.mark.urs("URS-IAM-060")
def test_the_same_characters_typed_decomposed_log_in(plant: Plant) -> None:
    enrol(plant, issue(plant), "caf\u00e9 \u00e0 la fen\u00eatre")
    typed = "cafe\u0301 a\u0300 la fene\u0302tre"
    sessions.login(plant.house, "P-101", typed, terminal=TERMINAL)


def test_the_old_passphrase_is_needed_for_a_change(plant: Plant) -> None:
    with pytest.raises(WrongCredentials):
        enrolment.change_passphrase(
            plant.house, badge="P-101", old="guess after guess", new=NEW, terminal=TERMINAL
        )
    assert plant.actions("person/P-101")[-1] == "passphrase_change.failed"


def test_the_old_passphrase_is_no_new_one(plant: Plant) -> None:
    old = PASSPHRASES["P-101"]
    with pytest.raises(PassphraseRefused, match="the old one"):
        enrolment.change_passphrase(plant.house, badge="P-101", old=old, new=old, terminal=TERMINAL)


def test_a_change_ends_all_sessions(plant: Plant) -> None:
    token = plant.login("P-101")
    enrolment.change_passphrase(
        plant.house, badge="P-101", old=PASSPHRASES["P-101"], new=NEW, terminal=TERMINAL
    )
    with pytest.raises(NotSignedIn):
        sessions.current(plant.house, token, terminal=TERMINAL)
