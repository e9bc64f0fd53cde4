"""Any registered kind of document is issued as the record is: once, sealed, stored, told."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pikepdf
import pytest
from sqlalchemy.orm import Session

from core.actors import Actor
from documents.environment import make_environment
from documents.fonts import FontSet
from documents.parts import Piece, render_parts
from documents.rendering import Attachment
from documents.sealcheck import check_seal
from documents.views import Face
from ebr import issuing, printables
from ebr.printables import Draft, Edition, NoSuchKind, Subject
from ebr.report.models import IssuedDocument
from personnel import permissions
from tests.support.records import RecordPlant


class NoticeKind:
    """A notice of one line about a unit."""

    name = "notice"
    template = "notice 1"

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        permissions.require(session, by, "record.read")

    def draft(self, session: Session, subject: Subject) -> Draft:
        return Draft(
            stream="equipment/FBD-01",
            version=0,
            title=f"{subject['unit']} notice",
            standing="complete",
            data=json.dumps(dict(subject)).encode(),
            data_name="notice.json",
        )

    def render(
        self, draft: Draft, edition: Edition, *, fonts: FontSet, attachments: Sequence[Attachment]
    ) -> bytes:
        face = Face(
            title="Notice",
            subject="FBD-01",
            version="",
            site_name="Werk Süd",
            site_mode="DEMONSTRATION",
            zone="Europe/Vienna",
            language="en",
            generated_at=edition.at,
            generated_by=edition.by,
            software=edition.software,
            template=self.template,
            content_digest=edition.content_digest,
        )
        return render_parts(
            [Piece(f"<p>{draft.data.decode()}</p>")],
            face=face,
            environment=make_environment("documents"),
            created=edition.at,
            fonts=fonts,
            attachments=attachments,
        )


@pytest.fixture
def plant(batch: RecordPlant) -> RecordPlant:
    """A plant whose house issues notices."""
    batch.house.services[printables.KINDS] = {"notice": NoticeKind()}
    return batch


def asked(plant: RecordPlant, unit: str) -> IssuedDocument:
    by = plant.person("P-107").actor
    answer = plant.house.perform(issuing.request, "notice", {"unit": unit}, by=by)
    if answer.job is not None:
        plant.work()
        return plant.ask(issuing.issued_by, answer.job)  # type: ignore[no-any-return]
    return plant.ask(issuing.document, answer.document)  # type: ignore[no-any-return]


@pytest.mark.urs("URS-REP-030")
def test_a_registered_kind_is_made_once_sealed_and_told_in_the_trail(plant: RecordPlant) -> None:
    first, again, other = asked(plant, "FBD-01"), asked(plant, "FBD-01"), asked(plant, "FBD-02")
    assert first.id == again.id != other.id
    assert (first.kind, first.template, first.record) == ("notice", "notice 1", "equipment/FBD-01")
    kept = plant.ask(issuing.document, first.id)
    check_seal(kept.data, [plant.house.services[issuing.SEAL_KEY].certificate_pem])
    with pikepdf.open(io.BytesIO(kept.data)) as pdf:
        assert pdf.attachments["notice.json"].get_file().read_bytes() == kept.content
        evidence = json.loads(pdf.attachments["evidence.json"].get_file().read_bytes())
    assert evidence["content"] == {"name": "notice.json", "sha256": kept.content_digest}


def test_two_documents_asked_at_once_are_not_taken_for_each_other(plant: RecordPlant) -> None:
    by = plant.person("P-107").actor
    answers = [
        plant.house.perform(issuing.request, "notice", {"unit": unit}, by=by)
        for unit in ("FBD-01", "FBD-02")
    ]
    plant.work()
    names = [plant.ask(issuing.issued_by, answer.job).name for answer in answers]
    assert names == ["FBD-01 notice.pdf", "FBD-02 notice.pdf"]


def test_a_kind_that_is_not_registered_is_refused(plant: RecordPlant) -> None:
    with pytest.raises(NoSuchKind):
        plant.house.perform(issuing.request, "novel", {}, by=plant.person("P-107").actor)
