"""Files that do not run yet: kept as they came, replaced by better ones, never submitted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.errors import Invalid, NotPermitted
from tests.integration.personnel.conftest import START
from tests.integration.workflows.conftest import (
    AUTHOR,
    CHECKER,
    QUALITY,
    WHY,
    Library,
    recipe,
)
from tests.support.bpmn import HEADER, bpmn, end, process, start, task
from workflows import commands, queries
from workflows.errors import (
    DefinitionRefused,
    DefinitionTampered,
    IllegalTransition,
    SignatureNeeded,
)
from workflows.models import DefinitionVersion

FOREIGN = Path(__file__).parents[2] / "unit" / "workflows" / "models" / "foreign"
CAMUNDA = (FOREIGN / "camunda7.bpmn").read_bytes()
SPANISH = (FOREIGN / "bizagi.bpmn").read_text(encoding="utf-8")
ENCODED = {
    "utf-8": SPANISH.encode(),
    "a byte order mark": SPANISH.encode("utf-8-sig"),
    "utf-16": SPANISH.replace('"utf-8"', '"UTF-16"').encode("utf-16"),
    "utf-16, the other end first": ("\ufeff" + SPANISH.replace('"utf-8"', '"UTF-16"')).encode(
        "utf-16-be"
    ),
    "latin 1": SPANISH.replace('"utf-8"', '"ISO-8859-1"').encode("latin-1"),
    "windows": SPANISH.replace('"utf-8"', '"windows-1252"').replace("Avisar", "€").encode("cp1252"),
    "lines of two characters": SPANISH.replace("\n", "\r\n").encode(),
}


def bring(library: Library, data: bytes, code: str = "FOR-1", **changed: Any) -> str:
    """The author, or `badge` in `role`, imports a file; the name of the draft."""
    by = library.actor(changed.pop("badge", AUTHOR), changed.pop("role", "AUTHOR"))
    why = {**WHY, **changed}
    return str(library.plant.house.perform(imported, data, code=code, by=by, **why))


def imported(*arguments: Any, **more: Any) -> str:
    return commands.import_draft(*arguments, **more).name


def kept(library: Library, code: str = "FOR-1", number: int = 1) -> DefinitionVersion:
    with library.plant.house.reading() as session:
        version = queries.version(session, code, number)
        session.expunge(version)
        return version


@pytest.mark.urs("URS-MRC-040")
def test_a_file_comes_back_byte_for_byte_in_whatever_encoding(library_on_both: Library) -> None:
    library = library_on_both
    for number, (name, data) in enumerate(ENCODED.items(), start=1):
        assert bring(library, data) == f"FOR-1 v{number}"
        with library.plant.house.reading() as session:
            digest = queries.version(session, "FOR-1", number).file_digest
            assert queries.stored_bytes(session, digest) == data, name
            assert queries.tampered_files(session) == []
            assert "Almacén" in queries.stored_text(session, digest)


@pytest.mark.urs("URS-MRC-040")
def test_a_drawing_is_a_draft_with_its_list_and_never_submitted(library: Library) -> None:
    bring(library, CAMUNDA)
    version = kept(library)
    assert (version.state, version.is_executable) == ("draft", False)
    assert (version.title, version.category) == ("Granulate and dry", "drawing")
    with pytest.raises(DefinitionRefused) as refused:
        library.plant.house.rehearse(
            commands.submit_for_review,
            "FOR-1",
            1,
            by=library.actor(AUTHOR, "AUTHOR"),
            rehearsal=True,
        )
    with library.plant.house.reading() as session:
        assert refused.value.findings == queries.reading(session, version.file_digest).findings
    assert {"header.count", "step.missing", "bpmn.unsupported"} <= {
        finding.code for finding in refused.value.findings
    }
    with pytest.raises(DefinitionRefused):
        library.plant.house.perform(
            commands.submit_for_review, "FOR-1", 1, by=library.actor(AUTHOR, "AUTHOR")
        )
    assert kept(library).state == "draft"


@pytest.mark.urs("URS-MRC-040")
def test_no_other_move_leads_a_drawing_on(library: Library) -> None:
    bring(library, CAMUNDA)
    moves: tuple[tuple[Any, str, str, dict[str, Any]], ...] = (
        (commands.check_version, CHECKER, "SU", {}),
        (commands.approve_version, QUALITY, "QA", {"effective_from": START}),
        (commands.make_effective, QUALITY, "QA", {}),
    )
    for command, badge, role, more in moves:
        with pytest.raises(IllegalTransition):
            library.plant.house.perform(command, "FOR-1", 1, by=library.actor(badge, role), **more)


@pytest.mark.urs("URS-MRC-040")
def test_a_better_file_replaces_it_and_runs_through_review(library: Library) -> None:
    bring(library, CAMUNDA, code="TST-1")
    save, by = commands.save_draft, library.actor(AUTHOR, "AUTHOR")
    perform = library.plant.house.perform
    perform(save, "TST-1", 1, CAMUNDA.replace(b"Report", b"Tell"), reason="better names", by=by)
    assert not kept(library, "TST-1").is_executable
    perform(save, "TST-1", 1, recipe(), reason="drawn with our steps", by=by)
    assert kept(library, "TST-1").is_executable
    with pytest.raises(DefinitionRefused):
        perform(save, "TST-1", 1, CAMUNDA, reason="back again", by=by)
    with pytest.raises(SignatureNeeded):
        perform(commands.submit_for_review, "TST-1", 1, by=by)
    library.submit()
    library.check()
    library.approve()
    library.take_effect()
    assert kept(library, "TST-1").state == "effective"


def test_an_executable_file_comes_in_as_a_recipe_by_the_same_door(library: Library) -> None:
    bring(library, recipe(), code="")
    assert kept(library, "TST-1").is_executable
    wide = recipe("2.8").decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    assert bring(library, wide, code="TST-1") == "TST-1 v2"
    library.submit(2)
    with library.plant.house.reading() as session:
        digest = queries.version(session, "TST-1", 2).file_digest
        assert queries.load(session, digest).header.code == "TST-1"
        assert queries.stored_bytes(session, digest) == wide


def test_a_file_needs_one_code(library: Library) -> None:
    for data, code, told in (
        (CAMUNDA, "", "names no recipe code"),
        (CAMUNDA, "no blanks", "no code of a recipe"),
        (CAMUNDA, "X" * 41, "no code of a recipe"),
        (recipe(), "TST-2", "the file is TST-1, not TST-2"),
    ):
        with pytest.raises(Invalid, match=told):
            bring(library, data, code=code)
    with pytest.raises(Invalid, match="at most 80"):
        bring(library, CAMUNDA, change_reference="C" * 81)


def test_a_header_that_can_be_read_names_a_file_that_does_not_run(library: Library) -> None:
    data = bpmn(process("OP", start(), task("A", "<bw:step/>"), end(), flows="start > A > end"))
    assert bring(library, data, code="") == "TST-1 v1"
    assert kept(library, "TST-1").category == "procedure"
    other = data.replace(HEADER.encode(), HEADER.replace("TST-1", "TST-9").encode())
    with pytest.raises(Invalid, match="TST-9"):
        library.plant.house.perform(
            commands.save_draft, "TST-1", 1, other, reason="another code",
            by=library.actor(AUTHOR, "AUTHOR"),
        )  # fmt: skip


@pytest.mark.urs("URS-MRC-090")
def test_what_is_no_bpmn_file_leaves_nothing_but_the_attempt(library: Library) -> None:
    hostile = (b"<a/>", b"PK\x03\x04", b"", b"<!DOCTYPE x><a/>", b"\x1f\x8b" + b"0" * 99)
    for data in hostile:
        with pytest.raises(DefinitionRefused):
            bring(library, data)
    with library.plant.house.reading() as session:
        assert queries.versions(session, "FOR-1") == []
    noted = [entry["action"] for entry in library.plant.entries("site")]
    assert noted.count("attempt.refused") == len(hostile)


@pytest.mark.urs("URS-IAM-020")
def test_only_authors_bring_files_in(library: Library) -> None:
    with pytest.raises(NotPermitted):
        bring(library, CAMUNDA, badge=QUALITY, role="QA")
    bring(library, CAMUNDA, badge=CHECKER, role="AUTHOR")
    with pytest.raises(NotPermitted):
        library.plant.house.perform(
            commands.save_draft, "FOR-1", 1, CAMUNDA, reason="mine now",
            by=library.actor(QUALITY, "QA"),
        )  # fmt: skip


@pytest.mark.urs("URS-AUD-010")
def test_the_trail_says_that_it_does_not_run_and_how_much_is_wrong(library: Library) -> None:
    bring(library, CAMUNDA)
    entry = library.plant.entries("recipe/FOR-1")[0]
    assert entry["action"] == "definition.drafted"
    assert entry["facts"]["executable"] is False
    assert entry["facts"]["findings"] > 10
    assert entry["reason"] == WHY["reason"]


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-070")
def test_a_drawing_altered_behind_our_back_is_not_shown(library: Library) -> None:
    bring(library, ENCODED["utf-16"])
    raw = sqlite3.connect(str(library.plant.house.database.url.database))
    raw.execute("DROP TRIGGER keep_definition_file_update")
    raw.execute("UPDATE definition_file SET body = replace(body, 'Recibir', 'Tirar')")
    raw.commit()
    raw.close()
    digest = kept(library).file_digest
    with library.plant.house.reading() as session:
        assert queries.tampered_files(session) == [digest]
        with pytest.raises(DefinitionTampered):
            queries.reading(session, digest)


@pytest.mark.sqlite("edits the file with a client of its own")
def test_what_an_earlier_version_could_not_run_is_saved_once_more(library: Library) -> None:
    """A file stored as a drawing that this version executes: said so, and taken by saving it."""
    bring(library, recipe(), code="TST-1")
    raw = sqlite3.connect(str(library.plant.house.database.url.database))
    raw.execute("DROP TRIGGER keep_definition_file_update")
    raw.execute("UPDATE definition_file SET content_digest = ''")
    raw.execute("UPDATE definition_version SET content_digest = ''")
    raw.commit()
    raw.close()
    by = library.actor(AUTHOR, "AUTHOR")
    with pytest.raises(IllegalTransition, match="now can be"):
        library.plant.house.perform(commands.submit_for_review, "TST-1", 1, by=by)
    library.plant.house.perform(
        commands.save_draft, "TST-1", 1, recipe(), reason="it runs now", by=by
    )
    library.submit()
    library.check()
    library.approve()
    library.take_effect()
    with library.plant.house.reading() as session:
        version = queries.version(session, "TST-1", 1)
        assert queries.load(session, version.file_digest).header.code == "TST-1"
        assert queries.load(session, version.file_digest).header.code == "TST-1"
