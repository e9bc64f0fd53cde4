"""Sample: what is drawn, from how many places, with which label, for whom."""

from __future__ import annotations

from documents.units import symbol
from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.kinds.base import Form, Kind, device_codes, live_tags
from quality.commands import samples


class DrawSample(Kind):
    """Draws the sample of the recipe's plan; it gets a label number and a custody."""

    def form(self, context: StepContext) -> Form:
        """Plan and label number of the sample to draw."""
        plan = samples.plan_of(context)
        amount = f"{plan.quantity:f} {symbol(plan.unit)}".strip()
        places = "places, pooled" if plan.pooled else "places, kept apart"
        return Form(
            facts=(
                ("Sample plan", plan.plan.replace("_", " ")),
                ("Quantity", f"{amount} from {plan.positions} {places}"),
                ("Label number", samples.next_number(context)),
                ("For", plan.custody or "-"),
            ),
            live=live_tags(context),
            readings=device_codes(context),
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record the parameters and draw the sample."""
        values.record(context, entry)
        samples.draw(context)
