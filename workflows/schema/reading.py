"""Checks `bw:` elements against the XSD and reads them into the typed model."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import cache
from typing import Any

from lxml import etree

from workflows.errors import Finding
from workflows.schema.definition import ELEMENTS, NAMESPACE, PREFIX
from workflows.schema.generate import XSD
from workflows.schema.grammar import Attribute, Element, ValueType

BW = f"{{{NAMESPACE}}}"


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(XSD.read_bytes()))


def schema_findings(element: etree._Element, owner: str) -> list[Finding]:
    """Every way in which one top `bw:` element departs from the XSD; `owner` is the BPMN id."""
    schema = _schema()
    if schema.validate(element):
        return []
    return [
        Finding(
            code="schema.invalid",
            message=entry.message.replace(BW, f"{PREFIX}:"),
            remedy="See the recipe schema reference for the allowed form.",
            element=owner,
            line=entry.line,
        )
        for entry in list(schema.error_log)  # type: ignore[call-overload]  # stubs lack it
    ]


def read_element(element: etree._Element, **outside: Any) -> Any:
    """The typed value of an element that the XSD has accepted; `outside` are further fields."""
    described = ELEMENTS[element.tag.removeprefix(BW)]
    values: dict[str, Any] = dict(outside)
    for attribute in described.attributes:
        text = element.get(attribute.name)
        if text is not None:
            values[attribute.field] = _value(attribute, text)
    if described.body:
        values[described.body] = " ".join((element.text or "").split())
    values |= _children(element, described)
    return described.cls(**values)


def _children(element: etree._Element, described: Element) -> dict[str, Any]:
    # One look at the element, not one for each kind of part that it may hold.
    parts: dict[object, list[etree._Element]] = defaultdict(list)
    for part in element:
        parts[part.tag].append(part)
    values: dict[str, Any] = {}
    for child in described.children:
        found = tuple(read_element(part) for part in parts.get(f"{BW}{child.element}", ()))
        if child.many:
            values[child.field] = found
        elif found:
            values[child.field] = found[0]
    return values


def _value(attribute: Attribute, text: str) -> Any:
    kind = attribute.type
    if not isinstance(kind, ValueType):
        return kind(text)
    match kind:
        case ValueType.DECIMAL:
            return Decimal(text)
        case ValueType.INTEGER:
            return int(text)
        case ValueType.BOOLEAN:
            return text == "true"
        case ValueType.KEYS:
            return tuple(text.split(" "))
        case _:
            return text
