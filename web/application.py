"""The Flask application: composed of a house and its settings, nothing else."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g
from jinja2 import StrictUndefined
from whitenoise import WhiteNoise

from core.errors import BrokenPromise
from core.house import House, moment
from core.settings import Settings
from core.sites import the_site
from web import (
    access,
    alarms,
    blueprints,
    errors,
    filters,
    i18n,
    identity,
    navigation,
    restored,
    scoping,
    security,
    states,
)
from web.settings import WebSettings

DIST = Path(__file__).parent / "static" / "dist"
HASHED = re.compile(r"^.*-[A-Z0-9]{8}\.\w+$")


def create_app(house: House, settings: Settings) -> Flask:
    """The pages of one site. Raises BrokenPromise without built assets or with an unmarked page."""
    own = WebSettings.of(settings)
    app = Flask(__name__, static_folder=None)
    app.secret_key = own.secret
    app.config["MAX_CONTENT_LENGTH"] = own.longest_upload
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    with house.reading() as session:
        site = the_site(session)
        session.expunge(site)
    app.extensions.update(house=house, web_settings=own, site=site, assets=_manifest())
    identity.install_terminal(app)
    security.install(app)
    identity.install(app)
    scoping.install(app)
    errors.install(app)
    i18n.install(app)
    filters.install(app)
    restored.install(app)
    app.context_processor(_around)
    for blueprint in blueprints.EVERYWHERE:
        app.register_blueprint(blueprint)
    if site.mode == "DEMONSTRATION":
        for blueprint in blueprints.DEMONSTRATION_ONLY:
            app.register_blueprint(blueprint)
    access.matrix(app)
    # Flask names this attribute for wrapping; its type says it is a method.
    app.wsgi_app = _with_assets(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _manifest() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise BrokenPromise("the browser assets are not built: run make assets") from error
    return found


def _with_assets(application: Any) -> Any:
    return WhiteNoise(
        application,
        root=str(DIST),
        prefix="static/",
        immutable_file_test=lambda _path, url: HASHED.match(url) is not None,
        add_headers_function=_asset_headers,
    )


def _asset_headers(headers: Any, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


def _asset(name: str, kind: str) -> str:
    """The address of a built asset, as in ``asset('core', 'js')``."""
    return f"/static/{current_app.extensions['assets'][name][kind]}"


def _around() -> dict[str, Any]:
    """What every template may use."""
    return {
        "me": g.get("presence"),
        "terminal": g.get("terminal"),
        "site": _site(),
        "may": identity.may,
        "opens": scoping.opens,
        "nav": navigation.links if g.get("presence") else list,
        "now": _now,
        "asset": _asset,
        "new_key": lambda: str(uuid.uuid4()),
        "languages": i18n.LANGUAGES,
        "language": i18n.language(),
        "states": states,
        "clock_in_words": filters.clock_in_words,
        "session_state": identity.session_state(),
        "alarms": alarms.standing_alarms,
    }


def _site() -> Any:
    return current_app.extensions["site"]


def _now() -> Any:
    if "now" not in g:
        with identity.house().reading() as session:
            g.now = moment(session)
    return g.now
