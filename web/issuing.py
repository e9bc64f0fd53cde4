"""What the supervisor compares before a control recipe is issued (URS-MRC-070, URS-EXE-020)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ebr.context import StepContext
from production import queries
from production.models import Batch
from web import filters
from web.i18n import gettext as _
from workflows import queries as definitions

ISSUING_GATE = "batch.start"


def order_of(context: StepContext) -> list[tuple[str, str]]:
    """Order and recipe of the batch, each with its name, at the step that issues it; else nothing.

    The digests stand beside each other, so that two numbers are compared and not remembered.
    """
    if ISSUING_GATE not in {gate.name for gate in context.spec.gates}:
        return []
    batch = queries.batch(context.session, context.run.number)
    return [
        (_("Batch number"), batch.number),
        (_("Order number"), batch.order_number),
        (_("Product"), f"{batch.product_code} {batch.product_name}"),
        (_("Batch size"), filters.quantity(batch.size, batch.size_unit)),
        (_("Recipe of this batch"), f"{_name(batch)} · {_short(context.run.content_digest)}"),
        (_("Effective master recipe"), _effective(context.session, batch)),
        *_days(context, batch),
    ]


def _name(batch: Batch) -> str:
    return f"{batch.recipe} v{batch.recipe_version}"


def _effective(session: Session, batch: Batch) -> str:
    found = definitions.effective(session, batch.recipe)
    return f"{found.name} · {_short(found.content_digest)}" if found else _("none")


def _short(digest: str) -> str:
    return filters.short_digests(digest)


def _days(context: StepContext, batch: Batch) -> list[tuple[str, str]]:
    days = []
    if batch.manufactured_on is not None:
        days.append((_("Day of manufacture"), batch.manufactured_on.isoformat()))
    product = context.procedure.header.product
    if product is not None and product.shelf_life_months is not None:
        days.append((_("Shelf life"), _("%(n)s months", n=product.shelf_life_months)))
    if batch.expires_on is not None:
        days.append((_("Expires on"), batch.expires_on.isoformat()))
    return days
