"""A version from draft into effect, on a real database with real signatures."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from audit import trail
from audit.models import Signature
from core.errors import BrokenPromise, Invalid, NotFound, NotPermitted
from personnel.errors import MeaningUnknown
from tests.integration.personnel.conftest import START
from tests.integration.workflows.conftest import (
    AUTHOR,
    CHECKER,
    QUALITY,
    Condition,
    Library,
    recipe,
)
from workflows import commands, queries
from workflows.errors import (
    DefinitionRefused,
    DefinitionTampered,
    IllegalTransition,
    NotReadyForEffect,
    NotStartable,
    NotThreePeople,
    SignatureNeeded,
)
from workflows.events import TamperingFound, VersionMadeEffective


def state(library: Library, number: int = 1, code: str = "TST-1") -> str:
    with library.plant.house.reading() as session:
        return queries.version(session, code, number).state


def startable(library: Library, number: int = 1, **later: float) -> str:
    with library.plant.house.reading() as session:
        at = START + timedelta(**later)
        return queries.startable(session, "TST-1", number, at=at).name


@pytest.mark.urs("URS-MRC-010", "URS-MRC-020")
def test_three_people_bring_a_version_into_effect(library: Library) -> None:
    library.draft()
    assert state(library) == "draft"
    library.submit()
    assert state(library) == "in_review"
    library.check()
    assert state(library) == "in_review"
    library.approve()
    assert state(library) == "approved"
    library.take_effect()
    assert state(library) == "effective"
    assert startable(library) == "TST-1 v1"
    assert library.plant.actions("recipe/TST-1") == [
        "definition.drafted",
        "definition.submitted",
        "definition.checked",
        "definition.approved",
        "definition.made_effective",
    ]


@pytest.mark.urs("URS-MRC-020")
def test_every_signature_binds_both_digests_and_the_change_reference(library: Library) -> None:
    library.release()
    approved = library.plant.entries("recipe/TST-1")[3]
    content = approved["signed"][0]["content"]["content"]
    with library.plant.house.reading() as session:
        version = queries.version(session, "TST-1", 1)
        assert content["file_digest"] == version.file_digest
        assert content["content_digest"] == version.content_digest
        assert content["change_reference"] == "CC-2026-118"
        signers = [row.signer for row in session.query(Signature).order_by(Signature.at)]
    assert {AUTHOR, CHECKER, QUALITY} <= set(signers)


@pytest.mark.urs("URS-MRC-020")
def test_the_author_does_not_check_the_own_version(library: Library) -> None:
    library.draft()
    library.submit(badge=CHECKER)
    with pytest.raises(NotThreePeople):
        library.check(badge=CHECKER)
    assert state(library) == "in_review"


@pytest.mark.urs("URS-MRC-020")
def test_quality_approves_nothing_unchecked(library: Library) -> None:
    library.draft()
    library.submit()
    with pytest.raises(IllegalTransition, match="has not been checked"):
        library.approve()


@pytest.mark.urs("URS-MRC-020")
def test_no_draft_without_change_reference_and_reason(library: Library) -> None:
    with pytest.raises(Invalid, match="change reference"):
        library.draft(change_reference=" ")
    with pytest.raises(Invalid, match="reason"):
        library.draft(reason="")


@pytest.mark.urs("URS-MRC-020")
def test_without_confirmation_nothing_is_signed_or_moved(library: Library) -> None:
    library.draft()
    by = library.actor(AUTHOR, "AUTHOR")
    with pytest.raises(SignatureNeeded):
        library.plant.house.perform(commands.submit_for_review, "TST-1", 1, by=by)
    assert state(library) == "draft"


def test_another_persons_confirmation_is_refused(library: Library) -> None:
    library.draft()
    by = library.actor(AUTHOR, "AUTHOR")
    house = library.plant.house
    shown = house.rehearse(commands.submit_for_review, "TST-1", 1, by=by, rehearsal=True)
    other = library.confirm(CHECKER, shown, "authored")
    with pytest.raises(NotPermitted):
        house.perform(commands.submit_for_review, "TST-1", 1, by=by, signed_by=other)
    with pytest.raises(MeaningUnknown):
        library.confirm(AUTHOR, shown, "blessed")


@pytest.mark.parametrize(
    ("command", "badge", "role", "more"),
    [
        (commands.submit_for_review, QUALITY, "QA", {}),
        (commands.check_version, AUTHOR, "AUTHOR", {}),
        (commands.approve_version, CHECKER, "SU", {"effective_from": START}),
        (commands.make_effective, CHECKER, "SU", {}),
        (commands.withdraw, CHECKER, "SU", {"reason": "not needed any more"}),
        (commands.return_to_draft, AUTHOR, "AUTHOR", {"reason": "second thoughts"}),
    ],
)
def test_each_act_needs_its_own_right(
    library: Library, command: Any, badge: str, role: str, more: dict[str, Any]
) -> None:
    library.draft()
    with pytest.raises(NotPermitted):
        library.plant.house.perform(command, "TST-1", 1, by=library.actor(badge, role), **more)


@pytest.mark.urs("URS-MRC-010")
def test_from_review_on_the_content_is_fixed(library: Library) -> None:
    library.draft()
    by = library.actor(AUTHOR, "AUTHOR")
    save = commands.save_draft
    reason = "the upper limit follows the new method"
    library.plant.house.perform(save, "TST-1", 1, recipe("2.8"), reason=reason, by=by)
    library.submit()
    with pytest.raises(IllegalTransition):
        library.plant.house.perform(save, "TST-1", 1, recipe("2.9"), reason=reason, by=by)
    with library.plant.house.reading() as session:
        digest = queries.version(session, "TST-1", 1).file_digest
        assert queries.stored_bytes(session, digest) == recipe("2.8")


def test_a_draft_keeps_its_code_and_takes_only_sound_files(library: Library) -> None:
    library.draft()
    by = library.actor(AUTHOR, "AUTHOR")
    for wrong, refusal in ((recipe(code="TST-2"), Invalid), (b"<a/>", DefinitionRefused)):
        with pytest.raises(refusal):
            library.plant.house.perform(
                commands.save_draft, "TST-1", 1, wrong, reason="a try at it", by=by
            )


def test_a_returned_version_is_signed_anew(library: Library) -> None:
    library.draft()
    library.submit()
    library.check()
    by = library.actor(CHECKER, "SU")
    library.plant.house.perform(
        commands.return_to_draft, "TST-1", 1, reason="limit lacks its source", by=by
    )
    with library.plant.house.reading() as session:
        version = queries.version(session, "TST-1", 1)
        assert (version.state, version.author, version.checker) == ("draft", None, None)
    with pytest.raises(IllegalTransition):
        library.check()


@pytest.mark.urs("URS-MRC-050")
def test_effect_begins_at_its_date_and_not_before(library: Library) -> None:
    library.draft()
    library.submit()
    library.check()
    library.approve(effective_from=START + timedelta(hours=1))
    library.plant.later(minutes=59, seconds=59)
    with pytest.raises(IllegalTransition, match="approved from"):
        library.take_effect()
    library.plant.later(seconds=1)
    library.take_effect()
    assert startable(library, hours=1, seconds=1) == "TST-1 v1"
    with pytest.raises(NotStartable):
        startable(library, minutes=59, seconds=59)


@pytest.mark.urs("URS-MRC-050")
def test_a_new_effective_version_supersedes_the_one_before(library: Library) -> None:
    heard: list[VersionMadeEffective] = []
    library.plant.house.events.on(VersionMadeEffective, lambda session, event: heard.append(event))
    library.release()
    library.release(recipe("2.8"), number=2)
    assert (state(library, 1), state(library, 2)) == ("superseded", "effective")
    assert [event.superseded for event in heard] == [None, "TST-1 v1"]
    with pytest.raises(NotStartable):
        startable(library, 1)
    with library.plant.house.reading() as session:
        found = queries.effective(session, "TST-1")
        assert found is not None
        assert found.number == 2
        assert [v.number for v in queries.versions(session, "TST-1")] == [1, 2]


@pytest.mark.urs("URS-MRC-050")
def test_one_product_and_size_has_one_effective_recipe(library: Library) -> None:
    library.release(recipe(product="500010"))
    library.draft(recipe(code="TST-2", product="500010"))
    library.submit(code="TST-2")
    library.check(code="TST-2")
    library.approve(code="TST-2")
    with pytest.raises(IllegalTransition, match="same product and batch size"):
        library.take_effect(code="TST-2")


@pytest.mark.urs("URS-MRC-050")
def test_a_withdrawn_version_starts_nothing(library: Library) -> None:
    library.release()
    by = library.actor(QUALITY, "QA")
    library.plant.house.perform(commands.withdraw, "TST-1", 1, reason="wrong tool in step A", by=by)
    assert state(library) == "withdrawn"
    with pytest.raises(NotStartable):
        startable(library)
    with pytest.raises(IllegalTransition):
        library.take_effect()


def tampered_body(library: Library) -> str:
    """Change the stored file past every guard, as an attacker with the database file would."""
    path = library.plant.house.database.url.database
    assert path is not None
    with sqlite3.connect(path) as raw:
        names = raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'definition_file'"
        ).fetchall()
        for (name,) in names:
            raw.execute(f'DROP TRIGGER "{name}"')
        raw.execute("UPDATE definition_file SET body = replace(body, '2.5', '9.5')")
        (digest,) = raw.execute("SELECT file_digest FROM definition_file").fetchone()
    raw.close()
    return str(digest)


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-070")
def test_a_tampered_definition_starts_nothing_and_raises_the_alert(library: Library) -> None:
    library.release()
    assert startable(library) == "TST-1 v1"
    digest = tampered_body(library)
    with pytest.raises(DefinitionTampered):
        startable(library)
    with library.plant.house.reading() as session:
        assert queries.tampered_files(session) == [digest]
        with pytest.raises(DefinitionTampered):
            queries.load(session, digest)
    heard: list[TamperingFound] = []
    library.plant.house.events.on(TamperingFound, lambda session, event: heard.append(event))
    by = library.actor(QUALITY, "QA")
    library.plant.house.perform(commands.report_tampering, digest, by=by)
    assert heard == [TamperingFound(file_digest=digest, used_by=("TST-1 v1",))]
    assert library.plant.actions("site")[-1] == "definition.tampering_found"


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-070")
@pytest.mark.parametrize("column", ["content_digest", "file_digest", "body"])
def test_a_definition_that_this_process_knows_is_compared_with_what_is_stored_each_time(
    library: Library, column: str
) -> None:
    library.release()
    path = library.plant.house.database.url.database
    assert path is not None
    with sqlite3.connect(path) as raw:
        (digest,) = raw.execute("SELECT file_digest FROM definition_file").fetchone()
        with library.plant.house.reading() as session:
            known = queries.load(session, digest)
        with library.plant.house.reading() as session:
            assert queries.load(session, digest) is known
        raw.execute("DROP TRIGGER keep_definition_file_update")
        raw.execute(f"UPDATE definition_file SET {column} = {column} || ' '")
    raw.close()
    with library.plant.house.reading() as session, pytest.raises((DefinitionTampered, NotFound)):
        queries.load(session, digest)


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-010")
def test_the_database_itself_refuses_to_change_a_stored_file(library: Library) -> None:
    library.draft()
    path = library.plant.house.database.url.database
    assert path is not None
    with sqlite3.connect(path) as raw, pytest.raises(sqlite3.DatabaseError):
        raw.execute("UPDATE definition_file SET body = 'x'")
    raw.close()


def test_the_gate_of_the_house_is_asked_before_effect(library: Library) -> None:
    library.gates.found = [
        Condition(met=True, fact="change record closed"),
        Condition(met=False, fact="14 people are not trained", resolver="Miriam Vogel"),
    ]
    with pytest.raises(NotReadyForEffect, match="not trained") as caught:
        library.release()
    assert caught.value.resolver == "Miriam Vogel"
    assert state(library) == "approved"
    assert library.gates.asked[-1][0] == "recipe.make_effective"
    library.gates.found = []
    library.take_effect()
    assert state(library) == "effective"


def test_without_gates_nothing_takes_effect(library: Library) -> None:
    del library.plant.house.services["gates"]
    with pytest.raises(BrokenPromise):
        library.release()
    assert state(library) == "approved"


def force(library: Library, number: int, **columns: str) -> None:
    """Change a version past the commands, as a wrong program would."""
    by = library.actor(QUALITY, "QA")
    with library.plant.house.transaction() as session:
        version = queries.version(session, "TST-1", number)
        with trail.act(session, "definition.forced", stream=commands.stream_of("TST-1"), by=by):
            for name, value in columns.items():
                setattr(version, name, value)


@pytest.mark.urs("URS-MRC-050")
def test_the_database_lets_one_version_be_effective(library_on_both: Library) -> None:
    library = library_on_both
    library.release(recipe(product="500010"))
    library.release(recipe("2.8", product="500010"), number=2)
    with pytest.raises(IntegrityError):
        force(library, 1, state="effective")
    assert (state(library, 1), state(library, 2)) == ("superseded", "effective")


@pytest.mark.urs("URS-MRC-020")
def test_the_database_wants_three_people(library: Library) -> None:
    library.draft()
    same = dict.fromkeys(("author", "checker", "approver"), AUTHOR)
    with pytest.raises(IntegrityError):
        force(library, 1, state="approved", **same)
    assert state(library) == "draft"


def test_what_is_not_stored_is_not_found(library: Library) -> None:
    with library.plant.house.reading() as session:
        with pytest.raises(NotFound):
            queries.version(session, "TST-1", 1)
        with pytest.raises(NotFound):
            queries.load(session, "0" * 64)
        assert queries.effective(session, "TST-1") is None
        assert queries.tampered_files(session) == []
