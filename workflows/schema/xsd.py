"""Writes the XML Schema of the `bw:` elements from the one definition."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

from workflows.schema.definition import ELEMENTS, NAMESPACE, PREFIX
from workflows.schema.grammar import Attribute, Child, Element, ValueType

XS = "http://www.w3.org/2001/XMLSchema"
FREE = (ValueType.TEXT, ValueType.EXPRESSION)


def xsd_text() -> str:
    """The whole schema, deterministic to the byte."""
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<!-- Generated from workflows/schema/definition.py; change it there. -->",
        f'<xs:schema xmlns:xs="{XS}" xmlns:{PREFIX}="{NAMESPACE}"',
        f'    targetNamespace="{NAMESPACE}" elementFormDefault="qualified">',
        *_simple_types(),
        *(line for element in ELEMENTS.values() for line in _element(element)),
        "</xs:schema>",
    ]
    return "\n".join(parts) + "\n"


def _simple_types() -> Iterable[str]:
    for value_type in ValueType:
        yield f'  <xs:simpleType name="{value_type.name.lower()}">'
        yield '    <xs:restriction base="xs:string">'
        if value_type not in FREE:
            yield f"      <xs:pattern value={quoteattr(value_type.value)}/>"
        if value_type is ValueType.EXPRESSION:
            yield '      <xs:minLength value="1"/>'
        yield f'      <xs:maxLength value="{value_type.max_length}"/>'
        yield "    </xs:restriction>"
        yield "  </xs:simpleType>"
    for words in _word_lists():
        yield f'  <xs:simpleType name="{words.__name__}">'
        yield '    <xs:restriction base="xs:string">'
        yield from (f'      <xs:enumeration value="{word.value}"/>' for word in words)
        yield "    </xs:restriction>"
        yield "  </xs:simpleType>"


def _word_lists() -> list[type[StrEnum]]:
    found: dict[str, type[StrEnum]] = {}
    for element in ELEMENTS.values():
        for attribute in element.attributes:
            if not isinstance(attribute.type, ValueType):
                found[attribute.type.__name__] = attribute.type
    return [found[name] for name in sorted(found)]


def _element(element: Element) -> Iterable[str]:
    yield f'  <xs:element name="{element.name}">'
    documentation = f"<xs:documentation>{escape(element.help)}</xs:documentation>"
    yield f"    <xs:annotation>{documentation}</xs:annotation>"
    yield "    <xs:complexType>"
    if element.body:
        yield '      <xs:simpleContent><xs:extension base="bw:text">'
    elif element.children:
        yield "      <xs:sequence>"
        yield from (_child(child) for child in element.children)
        yield "      </xs:sequence>"
    yield from (_attribute(attribute) for attribute in element.attributes)
    if element.body:
        yield "      </xs:extension></xs:simpleContent>"
    yield "    </xs:complexType>"
    yield "  </xs:element>"


def _child(child: Child) -> str:
    low = "1" if child.required else "0"
    high = "unbounded" if child.many else "1"
    return (
        f'        <xs:element ref="{PREFIX}:{child.element}" minOccurs="{low}" maxOccurs="{high}"/>'
    )


def _attribute(attribute: Attribute) -> str:
    kind = attribute.type
    name = kind.name.lower() if isinstance(kind, ValueType) else kind.__name__
    use = ' use="required"' if attribute.required else ""
    return f'      <xs:attribute name="{attribute.name}" type="{PREFIX}:{name}"{use}/>'
