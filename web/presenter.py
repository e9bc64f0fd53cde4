"""The presenter page of a DEMONSTRATION site: play the simulated plant and move its clock.

What it does is the service ``presenter`` of the house; every act is in the audit trail before it
happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from flask import Blueprint, flash, render_template, request, url_for
from werkzeug.wrappers import Response

from core.actors import Actor
from core.errors import Refusal
from core.house import moment
from web import identity, inputs, record_views
from web.access import needs
from web.errors import of_refusal
from web.i18n import gettext as _
from web.signing import Page, go_on

bp = Blueprint("presenter", __name__)
SERVICE = "presenter"
PLAY = "plant.present"
LONG = (5, 15, 30, 60, 240, 720)
FIELDS = {
    "place": ("scale", "mass", "label"),
    "remove": ("scale",),
    "tare": ("scale",),
    "start": ("unit", "revolutions", "speed", "mode"),
    "stop": ("unit",),
    "charge": ("unit", "material", "mass"),
    "cut": ("device", "seconds"),
    "freeze": ("device",),
    "restore": ("device",),
    "set": ("unit", "quantity", "value"),
}
QUANTITIES = (
    ("FBD-01", "moisture", "%"),
    ("FBD-01", "product_temperature", "°C"),
    ("FBD-01", "filter", "Pa"),
    ("GRA-01", "product_temperature", "°C"),
    ("TAB-01", "tool_counter", ""),
    ("TAB-01", "tablet_mass", "mg"),
    ("PW-03", "conductivity", "µS/cm"),
)
"""What a story may change in the models, with the unit of the value."""


class NoPlant(Refusal):
    """There is nothing here to play."""

    rule = "plant.missing"
    http_status = 503


class Presenter(Protocol):
    """The simulated plant as the composition offers it."""

    def state(self) -> dict[str, Any]:
        """A picture of all units and lines."""

    def play(self, act: str, arguments: Mapping[str, Any], *, by: Actor) -> str:
        """Let the plant do something; answers what it did."""

    def advance(self, minutes: int, reason: str, *, by: Actor) -> str:
        """Ask for the clock to be moved; answers the id of the job."""


def _plant() -> Presenter:
    found: Presenter | None = identity.house().services.get(SERVICE)
    if found is None:
        raise NoPlant(
            _("This installation has no simulated plant."),
            resolver=_("whoever runs this installation"),
        )
    return found


@bp.get("/plant")
@needs(PLAY)
def plant() -> Page:
    """The picture of the cell with its controls; a silent cell is said, the clock stays usable."""
    problem, state = None, {}
    try:
        state = _plant().state()
    except Refusal as refusal:
        problem = of_refusal(refusal)
    with identity.house().reading() as session:
        job = record_views.job_with(session, request.args.get("job", ""))
        at = moment(session)
    page = "presenter/picture.html" if "fragment" in request.args else "presenter/plant.html"
    return render_template(
        page, state=state, silent=problem, job=job, at=at, long=LONG, quantities=QUANTITIES
    )


@bp.post("/plant/play/<act>")
@needs(PLAY)
def play(act: str) -> Response:
    """Let the plant do one act."""
    wanted = FIELDS.get(act, ())
    given = {name: request.form.get(name, "").strip().replace(",", ".") for name in wanted}
    flash(_plant().play(act, given, by=identity.actor()))
    return go_on(url_for(".plant"))


@bp.post("/plant/story")
@needs(PLAY)
def story() -> Response:
    """Put one hidden quantity of a model to a value."""
    names = tuple(f"{unit} {quantity}" for unit, quantity, _unit in QUANTITIES)
    unit, _space, quantity = inputs.chosen("what", _("What"), names).partition(" ")
    value = inputs.decimal("value", _("Value"))
    given = {"unit": unit, "quantity": quantity, "value": f"{value:f}"}
    flash(_plant().play("set", given, by=identity.actor()))
    return go_on(url_for(".plant"))


@bp.post("/plant/clock")
@needs("clock.advance")
def advance() -> Response:
    """Move the site's clock forward as a job, whose progress the page shows."""
    minutes = inputs.whole("minutes", _("Minutes"))
    reason = inputs.text("reason", _("Reason"))
    job = _plant().advance(minutes, reason, by=identity.actor())
    return go_on(url_for(".plant", job=job))
