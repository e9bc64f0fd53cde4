"""Tables of the search over the trail: a read model made from the entries, and saved questions.

What a search shows is read from the sealed entries; the blocks below only tell which ones to read.
The whole verification of the site makes them anew and compares.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact, Unaudited
from core.types import JsonText

BLOCK = 4096
"""Entries of the log that one row of the search covers."""


class SearchBlock(Unaudited, Base):
    """Which of the 4,096 entries from place `block` * 4,096 of the log carry one term.

    `bits` are 512 bytes, one bit for each entry from the lowest; or, where few carry the term, the
    places of those as numbers of two bytes, the lower byte first.
    """

    __tablename__ = "search_block"
    __why_unaudited__ = "read model of the entries, made anew and compared by every verification"
    __table_args__ = (UniqueConstraint("site_id", "kind", "value", "block"),)

    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str] = mapped_column(String(140))
    block: Mapped[int] = mapped_column(BigInteger())
    bits: Mapped[bytes] = mapped_column(LargeBinary())


class SearchState(Unaudited, Base):
    """How many entries of the log the search covers, and by which version of its terms."""

    __tablename__ = "search_state"
    __why_unaudited__ = "how far the read model of the search has come"
    __table_args__ = (UniqueConstraint("site_id"),)

    size: Mapped[int] = mapped_column(BigInteger())
    terms: Mapped[int]


class SavedQuestion(Fact, Base):
    """One revision of a question to the trail that a person keeps; the highest one counts."""

    __tablename__ = "saved_question"
    __table_args__ = (UniqueConstraint("site_id", "owner", "name", "revision"),)

    owner: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(120))
    revision: Mapped[int]
    question: Mapped[Any] = mapped_column(JsonText())
    shared: Mapped[bool]
    """Everybody who reads the trail may ask it; only the owner changes it."""
    withdrawn: Mapped[bool]
