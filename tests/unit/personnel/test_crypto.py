"""The vault: one derivation authenticates and opens; nothing else opens."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import BrokenPromise, Busy
from core.sites import SiteMode
from personnel import crypto
from personnel.crypto import LIGHT, STANDARD, Cost, Queue, Sealed, Vault

WORDS = "barley under snowfall"
PEPPER = bytes(32)


@pytest.fixture
def vault() -> Vault:
    return Vault(PEPPER, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True)


@pytest.fixture
def sealed(vault: Vault) -> Sealed:
    return vault.seal_new("P-101", WORDS)


def test_the_passphrase_opens_the_key_that_was_sealed(vault: Vault, sealed: Sealed) -> None:
    key = vault.open("P-101", WORDS, sealed, Queue.SIGNING)
    assert key is not None
    assert key.public_key().public_bytes_raw() == sealed.public_key


@pytest.mark.urs("URS-SIG-070")
@pytest.mark.parametrize("words", ["", WORDS + " ", WORDS.upper(), WORDS[:-1]])
def test_another_passphrase_opens_nothing(vault: Vault, sealed: Sealed, words: str) -> None:
    assert vault.open("P-101", words, sealed, Queue.SIGNING) is None


def test_nothing_stored_opens_nothing(vault: Vault) -> None:
    assert vault.open("P-999", WORDS, None, Queue.LOGIN) is None


@pytest.mark.urs("URS-IAM-070", "URS-SEC-040")
def test_stored_rows_without_the_pepper_open_nothing(sealed: Sealed) -> None:
    stolen = Vault(b"x" * 32, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True)
    assert stolen.open("P-101", WORDS, sealed, Queue.LOGIN) is None


@pytest.mark.urs("URS-SIG-070")
def test_the_rows_of_one_person_open_nothing_for_another(vault: Vault, sealed: Sealed) -> None:
    assert vault.open("P-102", WORDS, sealed, Queue.LOGIN) is None


@pytest.mark.urs("URS-SIG-070")
def test_an_exchanged_public_key_or_box_is_found(vault: Vault, sealed: Sealed) -> None:
    other = vault.seal_new("P-101", "another one of them")
    for changed in (
        replace(sealed, public_key=other.public_key),
        replace(sealed, sealed_key=other.sealed_key),
    ):
        with pytest.raises(BrokenPromise, match="was changed"):
            vault.open("P-101", WORDS, changed, Queue.LOGIN)


@pytest.mark.urs("URS-IAM-070")
def test_two_people_with_one_passphrase_share_nothing(vault: Vault, sealed: Sealed) -> None:
    again = vault.seal_new("P-101", WORDS)
    assert sealed.salt != again.salt
    assert sealed.verifier_hash != again.verifier_hash


def test_the_standard_cost_is_46_mib_once() -> None:
    assert Cost(memory_kib=47104, iterations=1, lanes=1) == STANDARD
    vault = Vault(PEPPER, SiteMode.GMP)
    sealed = vault.seal_new("P-101", WORDS)
    assert sealed.cost == STANDARD
    assert vault.open("P-101", WORDS, sealed, Queue.SIGNING) is not None


@pytest.mark.urs("URS-IAM-070")
@pytest.mark.parametrize("cost", [LIGHT, Cost(memory_kib=47103, iterations=4, lanes=1)])
def test_a_lighter_cost_is_for_tests_only(cost: Cost) -> None:
    with pytest.raises(BrokenPromise):
        Vault(PEPPER, SiteMode.DEMONSTRATION, cost=cost)
    with pytest.raises(BrokenPromise):
        Vault(PEPPER, SiteMode.GMP, cost=cost, for_tests=True)


@pytest.mark.urs("URS-IAM-070")
def test_a_credential_made_at_a_lighter_cost_opens_in_tests_only(sealed: Sealed) -> None:
    with pytest.raises(BrokenPromise, match="cheaper"):
        Vault(PEPPER, SiteMode.DEMONSTRATION).open("P-101", WORDS, sealed, Queue.LOGIN)


@pytest.mark.urs("URS-SEC-040")
def test_the_pepper_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = crypto.create_pepper(tmp_path / "keys")
    first = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert crypto.create_pepper(tmp_path / "keys").read_bytes() == first
    assert len(first) == 32


@pytest.mark.urs("URS-SEC-050")
def test_a_missing_or_short_pepper_stops_everything(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromise, match="missing"):
        Vault.opened(tmp_path, SiteMode.GMP)
    (tmp_path / "pepper").write_bytes(b"short")
    with pytest.raises(BrokenPromise, match="32 bytes"):
        Vault.opened(tmp_path, SiteMode.GMP)


def test_a_login_storm_leaves_signing_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(PEPPER, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True, patience=0.05)
    sealed = vault.seal_new("P-101", WORDS)
    go_on = threading.Event()
    inside = threading.Semaphore(0)
    slots = vault._slots[Queue.LOGIN]._initial_value  # type: ignore[attr-defined]  # no typed way

    def hold() -> None:
        with vault._slot(Queue.LOGIN):
            inside.release()
            go_on.wait(5)

    storm = [threading.Thread(target=hold) for _ in range(slots)]
    for thread in storm:
        thread.start()
    for _ in storm:
        assert inside.acquire(timeout=5)
    with pytest.raises(Busy):
        vault.open("P-101", WORDS, sealed, Queue.LOGIN)
    assert vault.open("P-101", WORDS, sealed, Queue.SIGNING) is not None
    go_on.set()
    for thread in storm:
        thread.join()
    assert vault.open("P-101", WORDS, sealed, Queue.LOGIN) is not None
