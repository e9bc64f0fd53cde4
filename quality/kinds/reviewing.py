"""Verify: named points; signed ``reviewed`` it is the production review of the record (Z040)."""

from __future__ import annotations

from audit.models import Signature
from ebr import queries as records
from ebr.commands import steps
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.kinds.base import Form
from ebr.kinds.checklist import Checklist
from quality import evidence, queries
from quality.commands import reviews
from quality.models import ReviewKind

MEANING = "reviewed"


class Verify(Checklist):
    """A checklist; with the meaning ``reviewed`` refused while an exception has no comment."""

    def form(self, context: StepContext) -> Form:
        """How many exceptions there are and which of them have no comment yet."""
        if not is_review(context):
            return super().form(context)
        cases = records.exceptions(context.session, context.run)
        missing = ", ".join(str(number) for number in evidence.uncommented(cases))
        lacking = (f"exceptions without comment: {missing}", "the people who know what happened")
        return Form(
            facts=(("Exceptions", str(len(cases))),), blockers=(lacking,) if missing else ()
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record the points. Raises ReviewIncomplete naming the exceptions without comment."""
        if is_review(context):
            reviews.require_complete(context.session, context.run, ReviewKind.PRODUCTION)
        super().record(context, entry)

    def complete(self, context: StepContext) -> None:
        """The signed step is the signed production review."""
        if is_review(context):
            _keep_review(context)


def is_review(context: StepContext) -> bool:
    """Whether the step reviews the whole record, by the meaning of its signature."""
    return context.spec.signature.meaning == MEANING


def _keep_review(context: StepContext) -> None:
    session, run = context.session, context.run
    made = reviews.open_review(session, run, ReviewKind.PRODUCTION, by=context.by, at=context.at)
    signed = steps.parts_signed(session, context.step).get("performer")
    sealed = None if signed is None else session.get_one(Signature, signed.signature_id)
    reviews.close(
        made,
        queries.snapshot(session, run.stream),
        f"step {context.step.key}",
        sealed,
        by=context.by,
        at=context.at,
    )
    session.flush()
