"""Policy for passphrases (URS-IAM-060) and readable generated ones.

At least 15 characters after NFC, no composition rules, no truncation (1,024 are the limit, so
that nobody can send a megabyte to the hash), and a blocklist: well-known long ones, runs,
repetitions, and anything that is made only of common words and words of the context.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable

LEAST = 15
MOST = 1024
OWN_PART = 5
"""Characters that must remain when all common and context words are taken out."""

KNOWN = frozenset(
    """
    correcthorsebatterystaple thequickbrownfox thequickbrownfoxjumps tobeornottobethatisthequestion
    iloveyouforever iwillalwaysloveyou mynameisinigomontoya maytheforcebewithyou
    trustno1trustno1 1q2w3e4r5t6y7u8i 1q2w3e4r5t6y7u8i9o0p 1qaz2wsx3edc4rfv q1w2e3r4t5y6u7i8
    qazwsxedcrfvtgb zaq12wsxcde34rfv a1b2c3d4e5f6g7h8 abcd1234abcd1234 p4ssw0rdp4ssw0rd
    nevergonnagiveyouup onceuponatime123 welcometothejungle
    """.split()
)
COMMON = (
    "batchwright passphrase password passwort welcome administrator admin changeme letmein secret "
    "iloveyou dragon monkey sunshine princess football baseball superman master login qwertz "
    "qwerty azerty asdfgh summer winter spring autumn pharma operator batch recipe release "
    "production quality supervisor default temporary hello"
).split()
RUNS = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "01234567890" * 4,
    "12345678901234567890" * 2,
    "qwertyuiopasdfghjklzxcvbnm" * 2,
    "qwertzuiopasdfghjklyxcvbnm" * 2,
)
CONSONANTS = "bdfghjklmnprstvz"
VOWELS = "aeiou"
CLEAR_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


def normal(passphrase: str) -> str:
    """The one spelling that is hashed: Unicode NFC, every character kept."""
    return unicodedata.normalize("NFC", passphrase)


def as_bytes(text: str) -> bytes:
    """UTF-8 of any text that an interface may hand in, halves of surrogate pairs included."""
    return text.encode("utf-8", "surrogatepass")


def weakness(passphrase: str, *, context: Iterable[str]) -> str | None:
    """Why the passphrase is refused, in words, or None; `context` are names around its owner."""
    text = normal(passphrase)
    if len(text) < LEAST:
        return f"it has {len(text)} characters, at least {LEAST} are needed"
    if len(text) > MOST:
        return f"it has {len(text)} characters, at most {MOST} are taken"
    folded = re.sub(r"[\W_]+", "", text.casefold())
    if folded in KNOWN or any(folded in run or folded in run[::-1] for run in RUNS):
        return "it is on the list of well-known passphrases"
    if _repeats(text.casefold()) or _repeats(folded):
        return "it repeats one short piece"
    if len(_own_part(folded, context)) < OWN_PART:
        return "it is made of common words or of words from here (names, badge, site)"
    return None


def _repeats(text: str) -> bool:
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 7))


def _own_part(folded: str, context: Iterable[str]) -> str:
    words = {
        re.sub(r"[\W_]+", "", part.casefold()) for text in context for part in [text, *text.split()]
    }
    for word in sorted({w for w in words if len(w) > 2} | set(COMMON), key=len, reverse=True):
        folded = folded.replace(word, "")
    return folded


def generated_passphrase() -> str:
    """A passphrase to read out and type: five speakable blocks, 24 characters, 63 bits."""
    return "-".join(_block() + _block() for _ in range(5))


def _block() -> str:
    return secrets.choice(CONSONANTS) + secrets.choice(VOWELS)


def generated_secret() -> str:
    """A single-use secret: five blocks of five, about 122 bits."""
    return "-".join("".join(secrets.choice(CLEAR_LETTERS) for _ in range(5)) for _ in range(5))
