"""No secret lies in the repository (URS-SEC-040).

Every tracked text file is searched for what private keys, tokens and passphrases look like. What is
made for tests alone is named here, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.house.test_tree import ROOT, tracked_files

LOOKS_LIKE = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
    "a key of a site": re.compile(r"batchwright-(?:log|export|witness)-key-v1 [0-9a-f]{64}"),
    "a key for backups": re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{50}"),
    "a token of a service": re.compile(
        r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[0-9A-Za-z-]{20,}"
        r"|sk-[A-Za-z0-9]{32,}|eyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,})"
    ),
    "a password in an address": re.compile(
        r"\b[a-z][a-z0-9+]*://[^\s/:@{}<>\"']+:(?!\*+@)[^\s/@{}<>\"'$]{4,}@"
    ),
    "a password in a setting": re.compile(
        r"^(?:export )?[A-Z_]*(?:PASSWORD|PASSPHRASE|SECRET|TOKEN)[A-Z_]*="
        r"[\"']?[\w+/=-]{8,}[\"']?$",
        re.MULTILINE,
    ),
    "a password in code": re.compile(
        r"(?i)\b(?:password|passphrase|secret_key|api_key|token)\s*[=:]\s*[\"'][^\"'{}<%\s]{8,}[\"']"
    ),
}
MADE_FOR_TESTS: dict[str, str] = {}
"""Files with something that looks like a secret, each with the reason why it is none."""


def found_in(text: str) -> Iterator[str]:
    """What in a text looks like a secret, in words."""
    for words, pattern in LOOKS_LIKE.items():
        if pattern.search(text):
            yield words


def tracked() -> Iterator[tuple[str, str]]:
    """Every tracked text file with its content."""
    for path in tracked_files():
        with suppress(UnicodeDecodeError):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.urs("URS-SEC-040")
def test_no_tracked_file_holds_what_looks_like_a_secret() -> None:
    found = {name: said for name, text in tracked() if (said := list(found_in(text)))}
    assert {name: said for name, said in found.items() if name not in MADE_FOR_TESTS} == {}
    assert set(MADE_FOR_TESTS) <= set(found), "named, but there is nothing any more"


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN "
        + "PRIVATE KEY-----\n"
        + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ" * 2,
        "batchwright-log-key-v1 " + "0a" * 32,
        "AGE-SECRET-" + "KEY-1" + "Q" * 58,
        "postgresql://app:" + "s3cretword@db.example/site",
        "BATCHWRIGHT_SECRET" + "=correct-horse-battery",
        "ghp" + "_" + "a1B2" * 9,
    ],
)
def test_what_is_a_secret_is_found(secret: str) -> None:
    assert list(found_in(secret))


def test_what_only_speaks_of_secrets_is_not_taken_for_one() -> None:
    for text in (
        "passphrase = PEOPLE[badge].passphrase",
        "postgresql://HOST/site",
        "secret: bytes",
    ):
        assert not list(found_in(text)), text
