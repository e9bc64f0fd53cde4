"""Photos of a record stand at their step, drawn or plainly said to be missing (URS-REP-030)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from documents.parts import Piece
from ebr.printables import Edition
from ebr.report import printing
from ebr.report.model import RecordView
from ebr.report.stepmodel import AttachmentView, LevelView, StepView, Who

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EDITION = Edition(at=AT, by="Samuel Okafor (P-107)", software="x", content_digest="0" * 64)


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (30, 20), "grey").save(out, "PNG")
    return out.getvalue()


def with_photo(view: RecordView, content: bytes) -> tuple[RecordView, str]:
    """The record with a photo at its first step; answers its digest as well."""
    digest = hashlib.sha256(content).hexdigest()
    photo = AttachmentView(
        code="photo", label="Screen after milling", name="screen.png", media_type="image/png",
        digest=digest, size=len(content), step="P", by=Who(id="P-101", name="Anna Kern"), at=AT,
    )  # fmt: skip
    return replace(view, levels=tuple(_hung(level, photo) for level in view.levels)), digest


def _hung(level: LevelView, photo: AttachmentView) -> LevelView:
    first, *rest = level.items
    if isinstance(first, StepView):
        return replace(level, items=(replace(first, attachments=(photo,)), *rest))
    return replace(level, items=(_hung(first, photo), *rest))


def pieces(view: RecordView, digest: str, content: bytes) -> list[Piece]:
    face = printing.face_of(view, EDITION)
    return list(printing.pieces(view, [], {digest: content}, face))


@pytest.mark.urs("URS-REP-030")
def test_a_photo_is_drawn_with_what_it_is_who_took_it_when_and_its_digest(view: RecordView) -> None:
    shown, digest = with_photo(view, png())
    (piece,) = pieces(shown, digest, png())
    assert list(piece.assets) == [f"{digest}.jpg"]
    figure = piece.html.partition('<figure class="photo">')[2].partition("</figure>")[0]
    for told in (
        f"asset:{digest}.jpg", "Screen after milling: screen.png (image/png", "Anna Kern (P-101)",
        "2026-03-02 10:00:00 +01:00", digest[:8],
    ):  # fmt: skip
        assert told in figure, told


@pytest.mark.urs("URS-REP-030")
def test_a_photo_that_cannot_be_read_is_said_to_be_missing(view: RecordView) -> None:
    broken = b"\x89PNG but cut off"
    shown, digest = with_photo(view, broken)
    (piece,) = pieces(shown, digest, broken)
    assert piece.assets == {}
    assert "screen.png (image/png" in piece.html
    assert "cannot be drawn; the file is in the evidence bundle" in piece.html
