"""The whole batch is done again from its journal, in a copy of the site (URS-EXE-090)."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner

from app.cli import main
from core.settings import Settings
from tests.support.story import Played

pytestmark = pytest.mark.sqlite("it takes copies of the site's file")


@pytest.fixture
def copy(story: Played, tmp_path: Path) -> Settings:
    """A copy of the played site."""
    home = tmp_path / "site"
    copytree(story.settings.home, home)
    url = f"sqlite:///{home / 'site.db'}"
    return replace(story.settings, home=home, database_url=url, owner_url=url)


def rehearsed(site: Settings, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["--home", str(site.home), "rehearse", *options])
    return result.exit_code, result.output


def change(site: Settings, statement: str) -> None:
    with closing(sqlite3.connect(site.home / "site.db")) as database, database:
        changed = database.execute(statement)
        assert changed.rowcount == 1


def digest(site: Settings) -> str:
    return hashlib.sha256((site.home / "site.db").read_bytes()).hexdigest()


@pytest.mark.urs("URS-EXE-090")
def test_the_whole_batch_comes_to_the_same_state_and_the_site_is_only_read(copy: Settings) -> None:
    before = digest(copy)
    code, told = rehearsed(copy, "--all")
    assert (code, told) == (0, "same    batch/B-2045\n1 runs done again, 0 differ\n")
    assert digest(copy) == before


@pytest.mark.urs("URS-EXE-090")
def test_a_run_that_has_ended_is_left_out_unless_asked_for(copy: Settings) -> None:
    assert rehearsed(copy) == (0, "0 runs done again, 0 differ\n")


@pytest.mark.urs("URS-EXE-090")
def test_a_state_that_does_not_follow_from_the_journal_is_named(copy: Settings) -> None:
    change(copy, "UPDATE engine_run SET state = 'held'")
    code, told = rehearsed(copy, "--all")
    assert code == 1
    assert "differs batch/B-2045" in told
    assert "only before: engine_run" in told
    assert "state held" in told


@pytest.mark.urs("URS-EXE-090")
def test_a_step_that_stands_otherwise_than_in_the_journal_is_named(copy: Settings) -> None:
    change(copy, "UPDATE engine_task SET state = 'cancelled' WHERE path LIKE '%G170#2'")
    code, told = rehearsed(copy, "--all")
    assert code == 1
    assert "only now: engine_task" in told
