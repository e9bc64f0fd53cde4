"""Codes that must not be printed are refused."""

from __future__ import annotations

import pytest

from documents.codes import datamatrix_svg, qr_svg
from documents.errors import CodeNotPrintable


@pytest.mark.parametrize("elements", ["(01)09521234500019", "(10)", "(01)123", "PA-0411", ""])
def test_a_wrong_element_string_is_not_printed(elements: str) -> None:
    with pytest.raises(CodeNotPrintable):
        datamatrix_svg(elements, label="x")


def test_more_than_a_qr_code_holds_is_not_printed() -> None:
    with pytest.raises(CodeNotPrintable):
        qr_svg("A" * 5000, label="x")


def test_the_alternative_text_is_escaped() -> None:
    assert "<title>a &lt;b&gt;</title>" in qr_svg("P-101", label="a <b>")


def test_the_same_content_gives_the_same_picture() -> None:
    assert qr_svg("P-101", label="x") == qr_svg("P-101", label="x")
    elements = "(00)095212340000001010"
    assert datamatrix_svg(elements, label="x") == datamatrix_svg(elements, label="x")
