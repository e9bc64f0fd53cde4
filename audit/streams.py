"""Streams: one chain of entries for each record, named by what people call it."""

from __future__ import annotations

import re
from dataclasses import dataclass

KIND = re.compile(r"[a-z][a-z_]{0,29}\Z")
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:@+#-]{0,79}\Z")
SITE_KIND = "site"


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    """The record that an entry belongs to, such as ``batch/B-2045``; the site itself has no key.

    ValueError when kind or key could not stand in a path or a printed line.
    """

    kind: str
    key: str = ""

    def __post_init__(self) -> None:
        if not KIND.match(self.kind):
            raise ValueError(f"{self.kind!r} is not a kind of stream")
        if (self.key == "") != (self.kind == SITE_KIND) or (self.key and not KEY.match(self.key)):
            raise ValueError(f"{self.key!r} cannot name a stream of kind {self.kind}")

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}" if self.key else self.kind

    @classmethod
    def parse(cls, name: str) -> Stream:
        """The stream of ``batch/B-2045`` or ``site``; ValueError when it is neither."""
        kind, _, key = name.partition("/")
        return cls(kind, key)


SITE = Stream(SITE_KIND)
"""What concerns the whole site: its making, settings, clock, keys and refused logins."""
