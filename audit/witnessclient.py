"""The site's side of the wire: a checkpoint to a log witness, a note to a time-stamp authority.

Bounded in time and size; redirects are not followed. Never called inside a transaction.
"""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import BatchwrightError

SECONDS = 5.0
LONGEST_ANSWER = 1 << 18


class NoAnswer(BatchwrightError):
    """Nothing usable came back; try again later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes

    @property
    def told_size(self) -> int | None:
        """The size that a 409 names, None when it names none."""
        found = re.match(rb"(0|[1-9][0-9]{0,17})\n?\Z", self.body)
        return int(found[1]) if self.status == 409 and found else None


def add_checkpoint(url: str, old: int, proof: Sequence[bytes], note: str) -> Answer:
    """Hand a checkpoint to the witness at `url` (its prefix); `NoAnswer` when it gives none."""
    lines = [f"old {old}", *(base64.b64encode(part).decode("ascii") for part in proof)]
    body = "\n".join(lines) + "\n\n" + note
    return post(url.rstrip("/") + "/add-checkpoint", body.encode("utf-8"), "text/plain")


def post(url: str, body: bytes, kind: str) -> Answer:
    """The answer to one POST; `NoAnswer` for a wrong address, a silence or too long an answer."""
    try:
        parts = urlsplit(url)
        maker = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = maker[parts.scheme](parts.hostname or "", parts.port, timeout=SECONDS)
    except (KeyError, ValueError, http.client.HTTPException) as problem:
        raise NoAnswer(f"{url} is no address to send to ({problem})") from None
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        data = answer.read(LONGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException, UnicodeError) as problem:
        raise NoAnswer(f"no answer from {url} ({type(problem).__name__}: {problem})") from None
    finally:
        connection.close()
    if len(data) > LONGEST_ANSWER:
        raise NoAnswer(f"{url} answers with more than {LONGEST_ANSWER} bytes")
    return Answer(answer.status, data)
