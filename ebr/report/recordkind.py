"""The record itself as a kind of document that is issued (URS-REP-010)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.actors import Actor
from documents.fonts import FontSet
from documents.rendering import Attachment
from ebr import access, record
from ebr.printables import Draft, Edition, Subject
from ebr.report import pictures, printing, trends
from ebr.report.model import RecordView
from ebr.report.models import RECORD_KIND
from ebr.report.trends import TrendView

READ = "record.read"


@dataclass(frozen=True, slots=True)
class Material:
    """What the pages show besides the JSON: the view, the points of trends, files of photos."""

    view: RecordView
    trends: list[TrendView]
    photos: dict[str, bytes]


class RecordKind:
    """The record of one executed procedure; the subject names it: ``{"record": "B-2045"}``."""

    name = RECORD_KIND
    template = printing.TEMPLATE_VERSION

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope or NoSuchRun."""
        access.require(session, subject["record"], READ, by=by)

    def draft(self, session: Session, subject: Subject) -> Draft:
        """The record as it is now."""
        view = record.view(session, subject["record"])
        return Draft(
            stream=view.record,
            version=view.version,
            title=f"{view.number} record {view.version}",
            standing=view.standing.words,
            data=record.to_json(view),
            material=Material(view, trends.of(session, view), pictures.of(session, view)),
        )

    def render(
        self,
        draft: Draft,
        edition: Edition,
        *,
        fonts: FontSet,
        attachments: Sequence[Attachment],
    ) -> bytes:
        """The pages of the record."""
        shown: Material = draft.material
        return printing.render(
            shown.view,
            shown.trends,
            shown.photos,
            edition=edition,
            fonts=fonts,
            attachments=attachments,
        )
