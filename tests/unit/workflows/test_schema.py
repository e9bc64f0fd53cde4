"""One definition makes the XSD, the descriptor and the reader; they cannot drift apart."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path

import pytest
from lxml import etree

from workflows.schema.definition import ELEMENTS
from workflows.schema.generate import DESCRIPTOR, PAGE, XSD, generated
from workflows.schema.grammar import Element, ValueType


@pytest.mark.parametrize("path", [XSD, DESCRIPTOR, PAGE])
def test_the_committed_file_is_what_the_definition_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated()[path], (
        "run python -m workflows.schema.generate"
    )


def test_the_schema_is_a_valid_xml_schema() -> None:
    etree.XMLSchema(etree.fromstring(XSD.read_bytes()))


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
def test_an_element_fills_every_field_of_its_dataclass(element: Element) -> None:
    outside = {"name", "automatic"} if element.name == "step" else set()
    fields = {field.name for field in dataclasses.fields(element.cls)} - outside
    filled = {attribute.field for attribute in element.attributes}
    filled |= {child.field for child in element.children}
    filled |= {element.body} if element.body else set()
    assert filled == fields


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
def test_a_field_without_default_is_required_in_the_file(element: Element) -> None:
    needed = {
        field.name
        for field in dataclasses.fields(element.cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    required = {a.field for a in element.attributes if a.required}
    required |= {child.field for child in element.children if child.required}
    required |= {element.body} if element.body else set()
    required |= {"name", "role"} if element.name == "step" else set()
    assert needed <= required


def test_the_editor_keeps_decimals_as_text() -> None:
    described = json.loads(DESCRIPTOR.read_text(encoding="utf-8"))
    types = {p["type"] for t in described["types"] for p in t["properties"] if p.get("isAttr")}
    assert "Real" not in types
    names = [t["name"] for t in described["types"]] + [e["name"] for e in described["enumerations"]]
    assert len(names) == len(set(names))


def test_every_word_list_of_the_schema_is_closed() -> None:
    schema = XSD.read_text(encoding="utf-8")
    for element in ELEMENTS.values():
        for attribute in element.attributes:
            if not isinstance(attribute.type, ValueType):
                assert issubclass(attribute.type, StrEnum)
                for word in attribute.type:
                    assert f'<xs:enumeration value="{word.value}"/>' in schema
