"""Walking through the pages by their links, and what a page must never say to a person."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tests.support.web import Visitor

NEVER = re.compile(
    r"\bNone\b|\bnull\b|\bNaN\b|\bundefined\b|\bTrue\b|\bFalse\b|Decimal\(|datetime\.|\{\{|\{%"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\b[a-z]+(?:_[a-z0-9]+)+\b(?!\.(?:json|txt|pdf|png|jpg|csv|zip|bpmn)\b)"
)
"""Words of the machine: values without words, templates, identifiers. Names of files are names."""

TOOLS = ("-sort", "-page", "-q")
"""Questions of every table: the same page in another order."""

SILENT = {"script", "style", "template", "code"}
SAID = ("title", "placeholder", "aria-label", "alt")
VOID = {"input", "link", "meta", "br", "img", "hr", "wbr", "source"}


class Said(HTMLParser):
    """What a page says to a person, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words: list[str] = []
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a" and told.get("href"):
            self.links.append(str(told["href"]))
        self.words += [str(told[name]) for name in SAID if told.get(name)]
        if tag in SILENT:
            self._silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(data.strip())

    def machine_words(self) -> list[str]:
        """Everything on the page that only a machine would say, with what stands around it."""
        return [
            f"{match.group()} in: {text[:90]}"
            for text in self.words
            for match in NEVER.finditer(text)
        ]


class Kind(NamedTuple):
    """Pages that are made by one view with the same questions are of one kind."""

    endpoint: str
    asked: tuple[str, ...]


class Visit(NamedTuple):
    """One opened page: what it answered and what was wrong with it."""

    path: str
    kind: Kind
    html: bool
    wrong: list[str]


def kind_of(app: Flask, link: str) -> Kind | None:
    """The kind of page that a link leads to; None when it leads nowhere in this site."""
    there = urlsplit(link)
    try:
        endpoint, _values = app.url_map.bind("localhost").match(there.path)
    except RequestRedirect:
        return Kind("redirect", ())
    except HTTPException:
        return None
    asked = (key for key in parse_qs(there.query) if not key.endswith(TOOLS))
    return Kind(endpoint, tuple(sorted(asked)))


MORE = {"workflows.version": 4}
"""Kinds of which one page is not like another: only a recipe of two versions has differences."""


def walk(app: Flask, visitor: Visitor, *, each: int) -> Iterator[Visit]:
    """Every page that links lead to from the start, once; at most `each` of a kind, but `MORE`."""
    seen = {"/"}
    waiting = deque(["/"])
    opened: Counter[Kind] = Counter()
    while waiting:
        link = waiting.popleft()
        kind = kind_of(app, link)
        if kind is None:
            yield Visit(link, Kind("nowhere", ()), False, ["the link leads nowhere"])
            continue
        if opened[kind] >= max(each, MORE.get(kind.endpoint, 0)):
            continue
        opened[kind] += 1
        answer = visitor.get(link, follow_redirects=True)
        page = answer.mimetype == "text/html"
        said = Said(answer.get_data(as_text=True) if page else "")
        wrong = said.machine_words()
        if answer.status_code >= 400:
            wrong.append(f"answered {answer.status_code}")
        yield Visit(link, kind, page, wrong)
        for found in said.links:
            target = found.partition("#")[0]
            if target.startswith("/") and target not in seen:
                seen.add(target)
                waiting.append(target)
