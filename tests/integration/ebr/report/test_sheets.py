"""Sheets on paper: repeatable, whole, cut where they are long; what a template drops stops them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from jinja2 import DictLoader, Environment
from markupsafe import Markup

from documents.errors import RenderingFailed
from documents.fonts import load_fonts
from ebr.printables import Draft, Edition, attachments_of
from ebr.report import sheetprinting
from ebr.report.sheet import Column, Form, Place, Sheet, Table, to_json
from ebr.report.sheetprinting import SheetKind, environment, face_of, pieces
from ebr.report.stepmodel import Pair
from tests.support import recorded, sheets

EDITION = Edition(
    at=datetime(2026, 3, 2, 9, tzinfo=UTC), by="Samuel Okafor (P-107)", software="batchwright",
    content_digest="ab" * 32,
)  # fmt: skip
SIGNED = "Samuel Okafor (P-107)\nreviewed · QA\n2026-03-02 10:00:00 +01:00"
COLUMNS = (
    Column(code="what", title="What", share=60),
    Column(code="state", title="State", share=15, form=Form.STATE),
    Column(code="signed", title="Signed", share=25, form=Form.SIGNED),
)


def sheet_of(*rows: tuple[str, str, str]) -> Sheet:
    """A document with one table of such rows."""
    return Sheet(
        format="batchwright-test 1",
        title="Test report",
        subject="B-2045",
        version="v1",
        place=Place(name="Werk Süd", mode="GMP", zone="Europe/Berlin"),
        state="complete",
        words="complete",
        facts=[Pair(name="Product", text="Σ-Tabletten ≤ 5 µg")],
        statement="One thing to read first.",
        tables=[
            Table(code="things", title="Things", columns=COLUMNS, rows=rows,
                  nothing="There is nothing.")
        ],
    )  # fmt: skip


class Tested(SheetKind):
    """A kind of document for these tests."""

    template = "test 1"


def printed(sheet: Sheet) -> bytes:
    draft = Draft(
        stream="site", version=1, title="Test", standing=sheet.words, data=to_json(sheet),
        data_name="test.json", material=sheet,
    )  # fmt: skip
    return Tested().render(
        draft, EDITION, fonts=load_fonts(recorded.FONTS),
        attachments=attachments_of(draft, EDITION),
    )  # fmt: skip


@pytest.mark.urs("URS-REP-030")
def test_the_same_sheet_gives_the_same_bytes_and_all_its_words() -> None:
    sheet = sheet_of(("<b> & “α ≤ β”", "released", SIGNED), ("", "held", "–"))
    first = printed(sheet)
    assert first == printed(sheet)
    text = sheets.squeezed(sheets.text_of(first))
    for part in ("<b> & “α ≤ β”", "released", *SIGNED.splitlines(), "Σ-Tabletten ≤ 5 µg"):
        assert sheets.squeezed(part) in text


def test_the_json_holds_rows_by_column_and_states_as_words() -> None:
    told = json.loads(to_json(sheet_of(("a", "released_for_packaging", SIGNED))))
    (row,) = told["tables"][0]["rows"]
    assert row == {"what": "a", "state": "released for packaging", "signed": SIGNED}
    assert json.loads(to_json(sheet_of()))["tables"][0]["nothing"] == "There is nothing."


@pytest.mark.urs("URS-REP-030")
def test_a_drawing_is_part_of_what_the_digest_covers() -> None:
    one = replace(sheet_of(), svg={"things": Markup("<svg></svg>")})
    other = replace(sheet_of(), svg={"things": Markup("<svg><g/></svg>")})
    assert to_json(one) != to_json(other)


def without(part: str) -> Environment:
    """The templates with one part taken out of the sheet's."""
    loader = environment().loader
    assert loader is not None
    source = loader.get_source(environment(), sheetprinting.TEMPLATE)[0]
    assert part in source
    changed: Mapping[str, Any] = {sheetprinting.TEMPLATE: source.replace(part, "")}
    made = environment().overlay()
    made.loader = _Changed(changed, loader)
    return made


class _Changed(DictLoader):
    """The given sources before those of another loader."""

    def __init__(self, mapping: Mapping[str, Any], others: Any) -> None:
        super().__init__(dict(mapping))
        self._others = others

    def get_source(self, environment: Environment, template: str) -> Any:
        if template in self.mapping:
            return super().get_source(environment, template)
        return self._others.get_source(environment, template)


@pytest.mark.urs("URS-REP-010", "URS-SIG-090")
@pytest.mark.parametrize(
    "part",
    ["{{ signatures(text) }}", "{{ sheet.statement }}", "{{ table.nothing }}", "{{ state(text) }}"],
)
def test_a_template_that_drops_signatures_or_statements_prints_nothing(part: str) -> None:
    sheet = replace(
        sheet_of(("a", "held", SIGNED)),
        tables=[*sheet_of(("a", "held", SIGNED)).tables, *sheet_of().tables],
    )
    face = face_of(sheet, EDITION, "test 1")
    assert list(pieces(sheet, face, environment()))
    with pytest.raises(RenderingFailed, match="leave out"):
        list(pieces(sheet, face, without(part)))


def test_a_long_sheet_is_cut_between_rows_and_each_row_is_printed_once() -> None:
    rows = [(f"row {number:05}", "held", SIGNED) for number in range(2000)]
    sheet = sheet_of(*rows)
    made = list(pieces(sheet, face_of(sheet, EDITION, "test 1"), environment()))
    assert len(made) > 3
    found = [row[0] for row in rows for piece in made if row[0] in piece.html]
    assert found == [row[0] for row in rows]
    assert ["<h2>Things</h2>" in piece.html for piece in made] == [True] + [False] * (len(made) - 1)
    closing = ['<div class="seal-box">' in piece.html for piece in made]
    assert closing == [False] * (len(made) - 1) + [True]


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_table_says_so_and_a_filled_one_does_not(count: int) -> None:
    sheet = sheet_of(*[("a", "held", SIGNED)] * count)
    (piece,) = pieces(sheet, face_of(sheet, EDITION, "test 1"), environment())
    assert ("There is nothing." in piece.html) is (count == 0)
