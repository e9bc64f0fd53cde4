"""The policy of URS-IAM-060 and the generated words."""

from __future__ import annotations

import pytest

from personnel import passphrases

HERE = ["P-101", "Anna Kern", "N-4711", "Werk Süd"]


@pytest.mark.urs("URS-IAM-060")
@pytest.mark.parametrize(
    "accepted",
    [
        "mossgreenotters",
        "barley under snowfall",
        "ünïcödé wörds gälöre",
        "x9" * 3 + " and more than that",
        "annakern likes tall pines",
        "w" + "orld of many letters " * 3 + "end",
    ],
)
def test_long_unlisted_passphrases_are_accepted(accepted: str) -> None:
    assert passphrases.weakness(accepted, context=HERE) is None


@pytest.mark.urs("URS-IAM-060")
@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("mossgreenotter", "has 14 characters, at least 15"),
        ("", "has 0 characters"),
        ("cafe\u0301s and teas", "has 14 characters"),
        ("a" * 1025, "at most 1024"),
        ("1q2w3e4r5t6y7u8i", "well-known"),
        ("Correct-Horse Battery_Staple", "well-known"),
        ("abcdefghijklmnop", "well-known"),
        ("9876543210987654", "well-known"),
        ("aaaaaaaaaaaaaaaa", "repeats"),
        ("xyzzy!xyzzy!xyzzy!", "repeats"),
        ("Password-Password-1", "common words"),
        ("Anna Kern Werk Süd 1", "common words"),
        ("P-101 N-4711 batchwright", "common words"),
    ],
)
def test_weak_passphrases_are_refused_with_the_reason(refused: str, why: str) -> None:
    assert why in (passphrases.weakness(refused, context=HERE) or "")


def test_generated_passphrases_differ_and_pass_the_policy() -> None:
    made = {passphrases.generated_passphrase() for _ in range(50)}
    assert len(made) == 50
    assert {len(words) for words in made} == {24}
    assert all(passphrases.weakness(words, context=HERE) is None for words in made)


def test_generated_secrets_have_no_letters_that_look_alike() -> None:
    made = {passphrases.generated_secret() for _ in range(50)}
    assert len(made) == 50
    assert not set("".join(made)) & set("01ILOU")
