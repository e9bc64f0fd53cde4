"""The vocabulary in which `definition` describes the `bw:` elements: attributes and children.

Everything is plain data, read by the XSD writer, the descriptor writer and the typed reader alike,
so that server and editor can never disagree about an element.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum


class ValueType(Enum):
    """The type of an attribute: XSD base or pattern, and how long it may be.

    Decimals are text everywhere, because an editor that knows real numbers writes 9.950 as 9.95
    (notes on the engine, 7).
    """

    TEXT = r"(.|\n)*"
    KEY = r"[A-Za-z][A-Za-z0-9_]{0,39}"
    ITEM = r"[A-Za-z0-9][A-Za-z0-9_]{0,39}"
    CODE = r"[A-Za-z0-9][A-Za-z0-9._\-]{0,39}"
    TAG = r"[A-Za-z][A-Za-z0-9_]{0,39}\.[A-Za-z][A-Za-z0-9_]{0,39}"
    LANG = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*"
    UNIT = r"[!-~]{1,24}"
    DECIMAL = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?"
    INTEGER = r"0|[1-9][0-9]{0,8}"
    BOOLEAN = r"true|false"
    DURATION = r"P([0-9]{1,5}D)?(T([0-9]{1,5}H)?([0-9]{1,5}M)?([0-9]{1,7}S)?)?"
    EXPRESSION = r"(.|\n){1,2000}"
    KEYS = r"[A-Za-z][A-Za-z0-9_]{0,39}( [A-Za-z][A-Za-z0-9_]{0,39}){0,19}"
    SHA256 = r"[0-9a-f]{64}"
    SIDE = r"low|high|both"

    @property
    def max_length(self) -> int:
        """The longest text of this type."""
        return {ValueType.TEXT: 4000, ValueType.EXPRESSION: 2000}.get(self, 900)

    def accepts(self, text: str) -> bool:
        """Whether the whole text is of this type."""
        return len(text) <= self.max_length and re.fullmatch(self.value, text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute: its XML name, type (or closed word list), and field of the typed model."""

    name: str
    type: ValueType | type[StrEnum]
    field: str
    required: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child element; `many` fills a tuple, else the field holds one value or None."""

    element: str
    field: str
    many: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One `bw:` element and the dataclass it is read into; children come in this order.

    `within` names the BPMN elements that may carry it (empty for nested elements). `body` is the
    field that takes the element's text.
    """

    name: str
    cls: type
    help: str
    attributes: tuple[Attribute, ...] = ()
    children: tuple[Child, ...] = ()
    body: str | None = None
    within: tuple[str, ...] = field(default=())


def may(
    name: str, type_: ValueType | type[StrEnum], help_: str = "", *, field: str | None = None
) -> Attribute:
    """An attribute that may be left out; its field is its name in snake case unless said."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return Attribute(name=name, type=type_, field=field or snake, required=False, help=help_)


def must(
    name: str, type_: ValueType | type[StrEnum], help_: str = "", *, field: str | None = None
) -> Attribute:
    """An attribute that must be given; its field is its name in snake case unless said."""
    return replace(may(name, type_, help_, field=field), required=True)


def many(element: str, field: str) -> Child:
    """A child that may be there any number of times."""
    return Child(element=element, field=field, many=True)
