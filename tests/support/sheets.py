"""Sheets as a test asks for them: issue one, read its data and the text of its pages."""

from __future__ import annotations

import io
import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pikepdf

from app import wiring
from audit import trail
from audit.streams import Stream
from core.house import House
from ebr import issuing, printables
from tests.support.records import RecordPlant


@dataclass(frozen=True, slots=True)
class Issued:
    """A document: its row's facts, its file, its data, the text of its pages without spaces."""

    id: UUID
    name: str
    standing: str
    pdf: bytes
    data: dict[str, Any]
    text: str

    @property
    def pages(self) -> int:
        """How many pages the file has."""
        with pikepdf.open(io.BytesIO(self.pdf)) as opened:
            return len(opened.pages)

    def rows(self, table: str) -> list[dict[str, str]]:
        """The rows of one table of the data."""
        (found,) = [each for each in self.data["tables"] if each["code"] == table]
        rows: list[dict[str, str]] = found["rows"]
        return rows

    def holds(self, text: str) -> bool:
        """Whether the pages say so, however lines and words were broken."""
        return squeezed(text) in self.text


def squeezed(text: str) -> str:
    """Text without spaces, soft hyphens and the hyphens at the ends of lines."""
    return re.sub(r"[\s\u00ad\u2010-]+", "", text)


def register(plant: RecordPlant) -> None:
    """The site issues what the product issues."""
    plant.house.services[printables.KINDS] = wiring.document_kinds()


def issue(house: House, kind: str, by: Any, **subject: str) -> Issued:
    """Ask as a person, issue at once, and read the file."""
    with house.reading() as session:
        issuing.kind_of(house.services, kind).require(session, subject, by=by)
    made = issuing.issue_document(house, kind, subject, by=by)
    with house.reading() as session:
        row = issuing.document(session, made)
        name, standing, pdf = row.name, row.standing, bytes(row.data)
        data = json.loads(row.content)
        (told,) = [
            entry
            for entry in trail.entries(session, Stream.parse(row.record))
            if entry.action == "document.issued" and entry.data["facts"]["sha256"] == row.digest
        ]
    assert told.object == name
    return Issued(made, name, standing, pdf, data, squeezed(text_of(pdf)))


def text_of(pdf: bytes) -> str:
    """The text of the pages."""
    done = subprocess.run(
        ["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True
    )
    return done.stdout.decode()


def unsaid(made: Issued) -> list[str]:
    """Every text of the data that the pages do not say, line by line."""
    told = [each["text"] for each in made.data["facts"]]
    told += [made.data[name] for name in ("title", "subject", "version", "statement")]
    for table in made.data["tables"]:
        told += [table["title"], table["note"], table["nothing"]]
        told += [
            line for row in table["rows"] for cell in row.values() for line in cell.splitlines()
        ]
    return [text for text in told if not made.holds(text)]
