"""What somebody who may read one product only gets to see: its records, its recipes, the own door.

Deny by default (URS-IAM-020): a page that is on none of the lists below is refused to such a
person, with the reason, and the attempt is noted. Pages of a batch or a recipe ask for its
product; lists are narrowed by who makes them (`reaches`). People of the site are not affected.
"""

from __future__ import annotations

from flask import Flask, current_app, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import NotFound, Refusal
from personnel.errors import OutOfScope
from production import queries as batches
from web import identity
from web.access import access_of
from web.i18n import gettext as _
from workflows import queries as definitions

NARROWED = frozenset(
    {
        "production.batches",
        "exceptions.overview",
        "workflows.recipes",
        "trail.page",
        "trail.entry",
        "trail.export",
    }
)
"""Lists that leave out what the person may not read."""

EXPORTS = frozenset(
    {"exports.page", "exports.ask", "exports.download", "exports.trust", "exports.program"}
)
"""Narrowed as well; the commands behind ask for each record again."""

DOCUMENTS = frozenset(
    {f"documents.{view}" for view in ("page", "ask", "waiting", "document", "file")}
)
"""The kind of each document asks whether the person may have it."""

OWN = frozenset(
    {"home.start", "personnel.passphrase", "personnel.change_passphrase", "personnel.touch"}
)
"""Pages about the person alone, or leading on."""

VIEWER = "record"
"""The blueprint of the record viewer: the ``number`` of every page is that of a batch."""

OF_A_BATCH = frozenset({"production.batch", "quality.decision"})

OF_A_FILE = frozenset({"workflows.file", "drawings.text", "drawings.download"})
OF_A_RECIPE = OF_A_FILE | {
    "workflows.version",
    "workflows.difference",
    "drawings.findings",
    "drawings.steps",
}
START = "production.batches"
LIVE_OF_A_BATCH = "batch/"


def install(app: Flask) -> None:
    """Stand behind the door: asked after the person is known and permitted."""
    app.before_request(_stay_in_scope)


def is_limited() -> bool:
    """Whether the person here may read some products only."""
    presence = g.get("presence")
    return presence is not None and presence.products is not None


def reaches(product: str | None) -> bool:
    """Whether the person here may read records of that product."""
    products = identity.me().products
    return products is None or product in products


def document_scope() -> dict[str, str] | None:
    """What the subject of a document over many records names for the person here.

    Nothing for people of the site, the product of somebody limited to one; None for several: such
    a person chooses on the page of documents.
    """
    products = identity.me().products
    if products is None:
        return {}
    return {"product": next(iter(products))} if len(products) == 1 else None


def opens(endpoint: str) -> bool:
    """For menus and links: whether a page can open at all for the person here."""
    return (
        not is_limited()
        or endpoint in NARROWED | OWN | EXPORTS | DOCUMENTS | OF_A_RECIPE
        or _is_of_a_batch(endpoint)
    )


def watches(session: Session, stream: str) -> bool:
    """Whether a page of the person here may ask when that stream changes."""
    if not is_limited():
        return True
    number = stream.removeprefix(LIVE_OF_A_BATCH)
    return stream.startswith(LIVE_OF_A_BATCH) and reaches(_product_of_batch(session, number))


def _stay_in_scope() -> Response | None:
    endpoint = request.endpoint
    if not is_limited() or endpoint is None or endpoint in NARROWED | OWN | EXPORTS | DOCUMENTS:
        return None
    if access_of(current_app.view_functions[endpoint]).public:
        return None
    if endpoint == "ebr.queue":
        return redirect(url_for(START), 303)
    with identity.house().reading() as session:
        if _is_open(session, endpoint):
            return None
    raise refused()


def _is_of_a_batch(endpoint: str) -> bool:
    return endpoint in OF_A_BATCH or endpoint.partition(".")[0] == VIEWER


def _is_open(session: Session, endpoint: str) -> bool:
    given = request.view_args or {}
    if _is_of_a_batch(endpoint):
        return reaches(_product_of_batch(session, given["number"]))
    if endpoint in OF_A_FILE:
        return reaches(_product_of_file(session, given["digest"]))
    if endpoint in OF_A_RECIPE:
        found = definitions.versions(session, given["code"])
        return bool(found) and all(reaches(version.product) for version in found)
    return False


def _product_of_batch(session: Session, number: str) -> str | None:
    try:
        return batches.batch(session, number).product_code
    except NotFound:
        return None


def _product_of_file(session: Session, digest: str) -> str | None:
    found = (version for version in definitions.versions(session) if version.file_digest == digest)
    return next((version.product for version in found), None)


def refused() -> Refusal:
    """The refusal of what lies beyond the products of the person here; the attempt is noted."""
    here = identity.me()
    products = ", ".join(sorted(here.products or ())) or _("none")
    refusal = OutOfScope(
        _(
            "%(name)s may read records of product %(products)s only.",
            name=f"{here.name} ({here.badge})",
            products=products,
        ),
        resolver=_("an administrator, by an invitation to more"),
    )
    identity.house().keep_attempt(
        refusal, command=f"page {request.endpoint}", record="site", by=here.actor()
    )
    return refusal
