"""Pages as people use them: what a form offers is filled in, what it does not offer is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

from werkzeug.test import TestResponse

from core.errors import Refusal
from ebr.entry import File

WHY = re.compile(r'<div class="why">.*?</div>|class="notice .*?</div>')
RULE = re.compile(r"<code>([a-z_.]+)</code>")
FACT = re.compile(r'<p class="problem-fact">(.*?)</p>', re.DOTALL)


class NotOffered(AssertionError):
    """The page has no such form, field, choice or button for this person."""


class PageRefused(Refusal):
    """The page answered with a refusal: its rule and its fact."""

    def __init__(self, rule: str, fact: str) -> None:
        super().__init__(fact, resolver="the page says who")
        self.rule = rule  # type: ignore[misc]


@dataclass
class Button:
    """A button that sends its form."""

    name: str
    value: str
    action: str
    text: str = ""


@dataclass
class Form:
    """One form: the fields as they would be sent untouched, what may be chosen, its buttons."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    offers: dict[str, list[str]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    buttons: list[Button] = field(default_factory=list)

    def filled(
        self, given: Mapping[str, Sequence[str]], files: Mapping[str, File]
    ) -> dict[str, list[object]]:
        """The fields with these values and files. Raises NotOffered for anything that a person
        could not give here."""
        sent: dict[str, list[object]] = {name: list(old) for name, old in self.fields.items()}
        for name, values in given.items():
            sent[name] = [*values]
            self._check(name, values)
        for name, file in files.items():
            if name not in self.files:
                raise NotOffered(f"no file {name} is asked for; files: {sorted(self.files)}")
            sent[name] = [(io.BytesIO(file.data), file.name, file.media_type)]
        return sent

    def _check(self, name: str, values: Sequence[str]) -> None:
        if name in self.offers:
            missing = [value for value in values if value not in self.offers[name]]
            if missing:
                raise NotOffered(f"{name}: {missing} not among {self.offers[name]}")
        elif name not in self.fields:
            raise NotOffered(f"no field {name}; there are {sorted(self.fields)}")
        elif len(values) > len(self.fields[name]):
            raise NotOffered(f"{name} has room for {len(self.fields[name])}, not {len(values)}")

    def button(self, text: str) -> Button:
        """The button with that text in it. Raises NotOffered."""
        for button in self.buttons:
            if text in button.text:
                return button
        raise NotOffered(f"no button {text}; there are {[b.text.strip() for b in self.buttons]}")

    def button_for(self, name: str, value: str) -> Button:
        """The button that sends that value. Raises NotOffered."""
        for button in self.buttons:
            if (button.name, button.value) == (name, value):
                return button
        raise NotOffered(f"no button sends {name}={value}")


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._button: Button | None = None
        self._select = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a" and told.get("href"):
            self.links.append(told["href"])
        if tag == "form":
            self._form = Form(told.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None and "disabled" not in told:
            self._inside(self._form, tag, told)

    def _inside(self, form: Form, tag: str, told: Mapping[str, str]) -> None:
        name, value, kind = told.get("name", ""), told.get("value", ""), told.get("type", "text")
        if tag == "button" and kind != "button":
            self._button = Button(name, value, told.get("formaction", ""))
            form.buttons.append(self._button)
        elif tag == "input" and kind in ("checkbox", "radio"):
            form.offers.setdefault(name, []).append(value)
            if "checked" in told:
                form.fields.setdefault(name, []).append(value)
        elif tag == "input" and kind == "file":
            form.files.add(name)
        elif tag == "input" and name:
            form.fields.setdefault(name, []).append(value)
        elif tag == "textarea":
            self._text = name
            form.fields.setdefault(name, []).append("")
        elif tag == "select":
            self._select = name
            form.offers.setdefault(name, [])
        elif tag == "option" and self._select:
            form.offers[self._select].append(value)

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._button.text += data
        if self._text and self._form is not None:
            self._form.fields[self._text][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "button":
            self._button = None
        elif tag == "textarea":
            self._text = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._form = None


class Page:
    """An answer of the site, read as a person would."""

    def __init__(self, path: str, answer: TestResponse) -> None:
        self.path = path
        self.status = answer.status_code
        self.location = answer.headers.get("Location", "")
        self.text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        parser = _Parser()
        parser.feed(self.text)
        self.forms, self.links = parser.forms, parser.links

    def form(self, to: str) -> Form:
        """The form that leads there. Raises NotOffered, with what the page says instead."""
        for form in self.forms:
            if (form.action or self.path).partition("?")[0].endswith(to):
                return form
        raise NotOffered(f"{self.path} offers nothing to {to}; {'; '.join(self.reasons())}")

    def offers(self, to: str) -> bool:
        """Whether a form leads there."""
        return any((form.action or self.path).endswith(to) for form in self.forms)

    def reasons(self) -> Iterable[str]:
        """Why something is not possible now, as the page says it."""
        return [
            unescape(re.sub(r"<[^>]+>", " ", found)).strip()
            for found in re.findall(
                r'<div class="why">.*?</div>|class="notice .*?</div>', self.text
            )
        ]

    def refusal(self) -> PageRefused:
        """The refusal that the page shows."""
        rule, fact = RULE.search(self.text), FACT.search(self.text)
        return PageRefused(
            rule.group(1) if rule else f"status {self.status}",
            unescape(fact.group(1)).strip() if fact else self.text[:400],
        )
