"""Memory for signatures is a wish to the C library: asking for it is never an error."""

from __future__ import annotations

import ctypes
import sys

import pytest

from app.demo import signingmemory


class Library:
    """A C library that remembers what it was asked."""

    def __init__(self, answer: int) -> None:
        self.wishes: list[tuple[int, int]] = []
        self._answer = answer

    def mallopt(self, number: int, value: int) -> int:
        """One wish; 1 when it is granted."""
        self.wishes.append((number, value))
        return self._answer


@pytest.mark.parametrize(("answer", "granted"), [(1, True), (0, False)])
def test_pieces_larger_than_a_derivation_are_kept(
    monkeypatch: pytest.MonkeyPatch, answer: int, granted: bool
) -> None:
    library = Library(answer)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    assert signingmemory.keep_for_derivations() is granted
    assert library.wishes[0] == (-3, 128 * 2**20)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_library_without_such_a_wish_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert signingmemory.keep_for_derivations() is False
