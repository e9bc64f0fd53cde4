"""The whole played site follows from the entries of its log (architecture, section 3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner

from app import rebuilding
from app.cli import main
from app.rebuilding import Outcome
from core.settings import Settings
from tests.support.story import NUMBER, Played


def rebuilt(story: Played, file: Path, printed: Sequence[str] = ()) -> Outcome:
    said: list[str] = []
    with story.house.reading() as live:
        return rebuilding.rebuilt(story.house, live, file, say=said.append, printed=printed)


@pytest.mark.urs("URS-REC-100", "URS-REC-110", "URS-REP-010")
def test_the_played_site_its_record_and_its_pages_are_made_again_from_the_entries(
    story: Played, tmp_path: Path
) -> None:
    outcome = rebuilt(story, tmp_path / "again.db", (NUMBER,))
    assert outcome.report.ok, outcome.lines()
    assert outcome.equal == outcome.tables > 80
    assert (outcome.records, outcome.printed) == (1, 1)
    assert outcome.report.rows > 2000
    assert outcome.report.entries > 700
    assert outcome.report.not_checked == []


@pytest.fixture
def copy(story: Played, tmp_path: Path) -> Settings:
    """A copy of the played site."""
    home = tmp_path / "site"
    copytree(story.settings.home, home)
    url = f"sqlite:///{home / 'site.db'}"
    return replace(story.settings, home=home, database_url=url, owner_url=url)


def batchwright(home: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["--home", str(home), *words])
    return result.exit_code, result.output


def change(site: Settings, statement: str) -> None:
    with closing(sqlite3.connect(site.home / "site.db")) as database, database:
        assert database.execute(statement).rowcount == 1


@pytest.mark.sqlite("it takes copies of the site's file")
@pytest.mark.urs("URS-REC-110", "URS-SEC-070")
def test_an_edited_row_is_named_and_the_record_is_no_longer_the_same(copy: Settings) -> None:
    change(copy, "UPDATE procedure_run SET language = 'xx'")
    code, told = batchwright(copy.home, "rebuild", "--check", "--no-print")
    assert code == 1
    assert "PROBLEM table procedure_run, row " in told
    assert "language is 'xx'" in told


@pytest.mark.nightly
@pytest.mark.sqlite("it takes copies of the site's file")
@pytest.mark.urs("URS-REC-100", "URS-REC-070")
def test_a_rebuilt_site_is_verified_and_exports_its_record(copy: Settings, tmp_path: Path) -> None:
    made = tmp_path / "made"
    code, told = batchwright(copy.home, "rebuild", "--into", str(made), "--no-print")
    assert (code, "the site follows from its entries" in told) == (0, True), told
    code, told = batchwright(made, "verify")
    assert (code, "everything holds" in told) == (0, True), told
    code, told = batchwright(made, "export", NUMBER, "--to", str(tmp_path / "out"))
    assert code == 0, told
    assert list((tmp_path / "out").glob("*.zip"))


@pytest.mark.sqlite("it takes copies of the site's file")
def test_a_folder_that_holds_something_is_refused_and_left_alone(
    copy: Settings, tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine").write_text("mine")
    code, told = batchwright(copy.home, "rebuild", "--into", str(tmp_path / "made"))
    assert (code, "is not empty" in told) == (3, True)
    assert [each.name for each in (tmp_path / "made").iterdir()] == ["mine"]


@pytest.mark.sqlite("it takes copies of the site's file")
def test_wrong_use_is_told_before_anything_is_read(tmp_path: Path) -> None:
    for words in ((), ("--check", "--into", str(tmp_path / "made"))):
        assert batchwright(tmp_path, "rebuild", *words)[0] == 2
    both = ("--check", "--no-print", "--print", NUMBER)
    assert batchwright(tmp_path, "rebuild", *both)[0] == 2
