"""Files drawn elsewhere on the pages: import, the list of what is wrong, a better file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.integration.web.desk.conftest import Enter, text_of
from tests.integration.workflows.conftest import recipe
from tests.support import batches
from tests.support.records import RecordPlant
from tests.support.web import Visitor

FOREIGN = Path(__file__).parents[3] / "unit" / "workflows" / "models" / "foreign"
NAMES = sorted(path.name for path in FOREIGN.iterdir())
WHY = {"change_reference": "CC-2026-301", "reason": "drawn by the process group"}


@pytest.fixture
def author(plant: RecordPlant, enter: Enter) -> Visitor:
    """Ravi Menon, who may write recipes."""
    batches.also(plant, "P-104", "AUTHOR")
    return enter("P-104")


def bring(author: Visitor, data: bytes, code: str = "FOR-1", **more: Any) -> Any:
    file = (io.BytesIO(data), "drawn.bpmn")
    return author.send(
        "/recipes/import", "/recipes/import", file=file, code=code, **{**WHY, **more}
    )


def drawn(name: str) -> bytes:
    return (FOREIGN / name).read_bytes()


@pytest.mark.urs("URS-MRC-040")
def test_any_file_becomes_a_draft_with_its_list_and_its_steps(author: Visitor) -> None:
    for number, name in enumerate(NAMES, start=1):
        answer = bring(author, drawn(name), code=f"FOR-{number}")
        assert answer.status_code == 303, name
        page = text_of(author.get(answer.location))
        assert "What keeps it from running" in page
        assert "header.count" in page
        assert "Submit for review" not in page
        for more in ("/findings", "/steps", "/findings?csv=findings", "/steps?csv=steps"):
            assert author.get(f"/recipes/FOR-{number}/v1{more}").status_code == 200
    assert text_of(author.get("/recipes")).count("FOR-") >= len(NAMES)


def test_each_finding_leads_to_its_element(author: Visitor) -> None:
    bring(author, drawn("zeebe.bpmn"))
    page = text_of(author.get("/recipes/FOR-1/v1"))
    assert 'data-show="End_late">' in page, "an event definition leads to its event"
    assert 'id="el-drawing-End_late"' in page
    assert "Wait for the result" in page
    assert "Laboratory" not in page, "a pool without a process has no steps"
    assert "Camunda Web Modeler" in page


def test_the_place_in_an_expression_is_marked(author: Visitor) -> None:
    bring(author, drawn("camunda7.bpmn"))
    page = text_of(author.get("/recipes/FOR-1/v1"))
    assert "<mark>$</mark>{lod &lt; 2.5}" in page


@pytest.mark.urs("URS-MRC-040")
def test_the_file_is_given_back_as_it_came_and_its_text_to_the_diagram(author: Visitor) -> None:
    text = drawn("bizagi.bpmn").decode().replace('"utf-8"', '"UTF-16"')
    bring(author, text.encode("utf-16"))
    page = text_of(author.get("/recipes/FOR-1/v1"))
    address = page.split('href="/recipes/files/')[1].split("/download")[0]
    given = author.get(f"/recipes/files/{address}/download")
    assert given.data == text.encode("utf-16")
    assert "attachment" in given.headers["Content-Disposition"]
    assert author.get(f"/recipes/files/{address}/text").get_data(as_text=True) == text


def test_a_file_without_drawing_says_so_and_shows_its_list(author: Visitor) -> None:
    bring(author, drawn("flowable.bpmn20.xml"))
    page = text_of(author.get("/recipes/FOR-1/v1"))
    assert "The file holds no drawing" in page
    assert "data-diagram" not in page
    assert "Archive" in page


@pytest.mark.urs("URS-MRC-090")
def test_a_refused_file_says_why_and_keeps_what_was_typed(author: Visitor) -> None:
    for data, code in (
        (b"PK\x03\x04 zip", "xml.packed"),
        (b"<!DOCTYPE x><a/>", "xml.doctype"),
        (b"<html/>", "bpmn.root"),
    ):
        answer = bring(author, data)
        page = text_of(answer)
        assert answer.status_code == 422
        assert code in page
        assert 'value="CC-2026-301"' in page
    assert "FOR-1" not in text_of(author.get("/recipes"))


@pytest.mark.urs("URS-SIG-080")
def test_a_form_sent_twice_imports_once_and_with_another_file_not_at_all(author: Visitor) -> None:
    form = {**author.forms("/recipes/import").with_field("code"), **WHY, "code": "FOR-1"}

    def send(name: str) -> Any:
        file = (io.BytesIO(drawn(name)), "drawn.bpmn")
        return author.client.post("/recipes/import", data={**form, "file": file})

    assert send("sap.bpmn2").location == send("sap.bpmn2").location == "/recipes/FOR-1/v1"
    assert send("jbpm.bpmn2").status_code == 409
    assert author.get("/recipes/FOR-1/v2").status_code == 404


def test_without_file_or_code_nothing_is_taken(author: Visitor) -> None:
    assert author.send("/recipes/import", "/recipes/import", code="X-1", **WHY).status_code == 422
    answer = bring(author, drawn("sap.bpmn2"), code="")
    assert answer.status_code == 422
    assert "names no recipe code" in text_of(answer)


@pytest.mark.urs("URS-MRC-040")
def test_a_better_file_replaces_a_drawing_and_a_worse_one_no_recipe(author: Visitor) -> None:
    bring(author, drawn("signavio.bpmn"), code="TST-1")

    def replace(data: bytes) -> Any:
        file = (io.BytesIO(data), "better.bpmn")
        return author.send(
            "/recipes/TST-1/v1", "/recipes/TST-1/v1/file", "reason", file=file, reason="better"
        )

    assert replace(drawn("camunda7.bpmn")).status_code == 303
    assert replace(recipe()).status_code == 303
    assert "Submit for review" in text_of(author.get("/recipes/TST-1/v1"))
    worse = replace(drawn("signavio.bpmn"))
    assert worse.status_code == 422
    assert "TST-1 v1 stays as it was" in text_of(worse)
    assert "Submit for review" in text_of(author.get("/recipes/TST-1/v1"))


def test_findings_are_said_in_german_to_who_reads_german(author: Visitor) -> None:
    bring(author, drawn("camunda7.bpmn"))
    form = author.forms("/work").to("/language")
    author.client.post("/language", data={**form, "language": "de"})
    page = text_of(author.get("/recipes/FOR-1/v1"))
    for german in (
        "Rezepte enthalten keine Skripte",
        "das Gateway hat keinen Standardfluss",
        "Bedingung: &#39;$&#39; bedeutet hier nichts (Zeichen 1)",
        "genau ein Kopf (bw:recipe) ist nötig, vorhanden: keiner",
        "Skriptaufgabe",
    ):
        assert german in page
    assert "Entfernen Sie das Attribut formKey." in text_of(
        author.get("/recipes/FOR-1/v1/findings")
    )
    for english in ("is not executed", "Connect it", "the task describes no step"):
        assert english not in page


@pytest.mark.urs("URS-MRC-020")
def test_drawings_are_compared_as_they_are_drawn(author: Visitor) -> None:
    bring(author, drawn("camunda7.bpmn"))
    bring(author, drawn("camunda7.bpmn").replace(b"2.5", b"2.8"))
    page = text_of(author.get("/recipes/FOR-1/differences?old=1&new=2"))
    assert "${lod &lt; 2.5}" in page
    assert "${lod &lt; 2.8}" in page
    assert "1 changes of what is drawn" in page
    bring(author, recipe(code="FOR-1"), code="FOR-1")
    assert author.get("/recipes/FOR-1/differences?old=2&new=3").status_code == 200


@pytest.mark.urs("URS-IAM-020")
def test_only_an_author_is_offered_the_import_and_let_in(enter: Enter, author: Visitor) -> None:
    assert "/recipes/import" in text_of(author.get("/recipes"))
    bring(author, drawn("sap.bpmn2"))
    quality = enter("P-107")
    assert "/recipes/import" not in text_of(quality.get("/recipes"))
    assert quality.get("/recipes/import").status_code == 403
    page = text_of(quality.get("/recipes/FOR-1/v1"))
    assert "What keeps it from running" in page
    assert "Bring a better file" not in page
    form = author.forms("/recipes/import").with_field("code")
    assert quality.client.post("/recipes/import", data=form).status_code in (400, 403)


def test_any_diagram_number_shows_the_page(author: Visitor) -> None:
    bring(author, drawn("signavio.bpmn"))
    for asked in ("0", "1", "9999", "-1", "x", "²", "99999999999"):
        assert author.get(f"/recipes/FOR-1/v1?diagram={asked}").status_code == 200
