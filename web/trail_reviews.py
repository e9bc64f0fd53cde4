"""Reviews of selections of the audit trail: begun at the explorer, signed, listed (W16)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, render_template, request, url_for

from audit.search import Question
from personnel import queries as people
from quality import selections
from quality.commands.selections import PERMISSION, Reviewed, review_selection
from quality.models import SelectionReview
from web import filters, identity, inputs, trail
from web.access import needs
from web.i18n import gettext as _
from web.signing import Page, SignedAct, signed

bp = Blueprint("trail_reviews", __name__)


@bp.get("/trail/reviews")
@needs(trail.READ)
def reviews() -> Page:
    """Every signed review of a selection, and how many entries came since that fit its question."""
    with identity.house().reading() as session:
        lines = [(each, selections.later(session, each)) for each in selections.reviews(session)]
        return render_template("trail/reviews.html", lines=lines)


@bp.get("/trail/reviews/<int:ordinal>")
@needs(trail.READ)
def review(ordinal: int) -> Page:
    """One review: what was asked, how much was found, who signed what about it."""
    with identity.house().reading() as session:
        found = selections.review(session, ordinal)
        question = Question.of_json(found.question)
        person = people.find(session, found.by)
        return render_template(
            "trail/review.html",
            review=found,
            facts=_facts(found),
            asked=trail.words_of(question),
            again=trail.address_of(question),
            later=selections.later(session, found),
            who=people.called(person) if person else found.by_name,
        )


def _facts(found: SelectionReview) -> list[tuple[str, object]]:
    return [
        (_("Reviewed at"), filters.time_(found.at)),
        (_("Entries of the log"), _("1 to %(n)s", n=found.through)),
        (_("Entries found"), found.selected),
        (_("of them critical"), found.ranks.get("critical", 0)),
        (_("of them major"), found.ranks.get("major", 0)),
        (_("Rules of the ranks"), _("version %(n)s", n=found.rules)),
        (_("What was found"), found.findings),
        (_("Conclusion"), found.conclusion),
    ]


@bp.get("/trail/reviews/new")
@needs(PERMISSION)
def new() -> Page:
    """The selection of the address as it would be reviewed now."""
    question, badge = trail.asked(request.args), identity.me().badge
    with identity.house().reading() as session:
        found = selections.selection(session, question, None, by=badge)
    rest: dict[str, Any] = trail.given(replace(question, without=badge))
    return render_template(
        "trail/review_new.html",
        found=found,
        given=trail.given(question),
        asked=trail.words_of(question),
        back=trail.address_of(question),
        rest=url_for(".new", **rest),
    )


@bp.post("/trail/reviews")
@needs(PERMISSION)
def sign() -> Page:
    """Sign the review of a selection. Raises OwnActs, NothingSelected, ReasonNeeded."""
    reviewed = Reviewed(
        question=trail.asked(request.form),
        through=inputs.whole("through", _("Entries of the log")),
        findings=inputs.text("findings", _("What was found")),
        conclusion=inputs.text("conclusion", _("Conclusion")),
    )
    return signed(
        SignedAct(
            command=review_selection,
            arguments=(reviewed,),
            record="site",
            meaning="reviewed",
            title=_("Review of the audit trail"),
            done=url_for(".reviews"),
        )
    )
