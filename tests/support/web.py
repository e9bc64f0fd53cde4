"""The pages of a test site through Flask's own client: forms are filled as a person would."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.settings import Settings
from tests.support.places import owner_url, site_url
from tests.support.records import PEOPLE, RecordPlant
from web.application import create_app


def settings_in(folder: Path) -> Settings:
    """Settings of a site in a folder of its own."""
    url = site_url(folder / "site.db")
    return Settings(home=folder, database_url=url, owner_url=owner_url(url))


def app_of(plant: RecordPlant) -> Flask:
    """The application on a test site."""
    app = create_app(plant.house, settings_in(plant.folder))
    app.testing = True
    return app


class Forms(HTMLParser):
    """All forms of a page: their action and the fields that would be sent untouched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, list[str]]]] = []
        self._open: dict[str, list[str]] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form":
            self._open = {}
            self.forms.append((told.get("action") or "", self._open))
        elif tag in ("input", "textarea", "select") and self._open is not None:
            name, kind = told.get("name"), told.get("type") or "text"
            if name and (kind not in ("checkbox", "radio") or "checked" in told):
                self._open.setdefault(name, []).append(told.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def with_field(self, name: str) -> dict[str, list[str]]:
        """The first form that has a field of that name."""
        return next(fields for _, fields in self.forms if name in fields)

    def to(self, action: str) -> dict[str, list[str]]:
        """The first form whose action ends so."""
        return next(fields for target, fields in self.forms if target.endswith(action))


class Visitor:
    """Somebody at a terminal with a browser that runs no script."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, **more)

    def forms(self, path: str) -> Forms:
        """The forms of a page."""
        return Forms(self.get(path).get_data(as_text=True))

    def login(self, badge: str, passphrase: str | None = None) -> TestResponse:
        """Sign in with badge and passphrase."""
        form = self.forms("/login").with_field("badge")
        given = {"badge": badge, "passphrase": passphrase or PEOPLE[badge].passphrase}
        return self.client.post("/login", data={**form, **given})

    def send(self, page: str, to: str, marker: str = "_key", **fields: Any) -> TestResponse:
        """Open `page`, fill the form with a field `marker` whose action is `to`, send it."""
        form = next(
            found
            for target, found in self.forms(page).forms
            if marker in found and (target or page).endswith(to)
        )
        return self.client.post(to, data={**form, **fields})

    def sign(self, asked: TestResponse, to: str, **fields: Any) -> TestResponse:
        """Give the credentials in the dialog that a page answered with."""
        form = Forms(asked.get_data(as_text=True)).with_field("_request")
        return self.client.post(to, data={**form, **fields})
