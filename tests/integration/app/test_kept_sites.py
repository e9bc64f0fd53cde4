"""Sites that earlier versions left behind are migrated, start, hold, and go on (URS-EXE-090)."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from app import schema, upgrading
from app.bootstrap import compose
from app.cli import main
from audit import verifier
from core.clock import HeldClock
from core.errors import BrokenPromise
from ebr.entry import Entry
from tests.support import keptruns, keptsites
from tests.support.keptsites import ENDED, HELD, MIDDLE, WAITING, KeptSite
from tests.support.web import Visitor
from web.application import create_app

pytestmark = pytest.mark.sqlite("kept sites lie in a file")
ROOT = Path(__file__).parents[3]
KEPT = sorted(keptsites.FOLDER.glob("*.zip"))
ALL_THE_SAME = "".join(f"same    batch/{n}\n" for n in (ENDED, MIDDLE, HELD, WAITING))
RELEASED = re.compile(r"^## \[?(\d+\.\d+\.\d+)\b", re.MULTILINE)
Change = Callable[[dict[str, Any]], None]


def told(site: KeptSite, *words: str) -> tuple[int, str]:
    """Exit code and words of a command on the site."""
    done = CliRunner().invoke(main, ["--home", str(site.settings.home), *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def revision(file: Path, folder: Path) -> str:
    site = keptsites.unpack(file, folder)
    with closing(sqlite3.connect(site.settings.home / "site.db")) as database:
        ((found,),) = database.execute("SELECT version_num FROM alembic_version")
    return str(found)


@pytest.fixture(scope="module", params=KEPT, ids=lambda file: file.stem)
def migrated_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    site = keptsites.unpack(request.param, tmp_path_factory.mktemp("kept") / "site")
    with patch.object(upgrading, "SystemClock", lambda: HeldClock(site.left_at)):
        assert told(site, "migrate") == (0, "the database has the schema of this version\n")
    return site


@pytest.fixture
def site(migrated_once: KeptSite, tmp_path: Path) -> KeptSite:
    """A copy of a kept site that was brought to this version's schema."""
    home = tmp_path / "site"
    shutil.copytree(migrated_once.settings.home, home)
    return replace(migrated_once, settings=keptsites.settings_in(home))


def test_every_released_version_and_this_one_have_a_site_and_a_run() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = {project["version"], *RELEASED.findall(changes)}
    assert versions <= {file.stem for file in KEPT}
    assert versions <= {file.stem.split("-")[0] for file in keptruns.FOLDER.glob("*.json")}


def test_headings_of_releases_are_seen_in_both_forms() -> None:
    changes = "# Changelog\n\n## Unreleased\n\n## [0.2.0] - 2027-01-02\n\n## 0.1.0\n"
    assert RELEASED.findall(changes) == ["0.2.0", "0.1.0"]


@pytest.mark.urs("URS-EXE-090")
def test_a_site_with_an_older_schema_is_kept_and_starts_only_when_migrated(
    tmp_path: Path,
) -> None:
    newest = ScriptDirectory.from_config(schema.config()).get_current_head()
    older = [file for file in KEPT if revision(file, tmp_path / file.stem) != newest]
    assert older
    for file in older:
        with pytest.raises(BrokenPromise, match="run batchwright migrate"):
            compose(keptsites.settings_in(tmp_path / file.stem))


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_a_kept_site_rehearses_the_upgrade_before_it_is_migrated(
    file: Path, tmp_path: Path
) -> None:
    site = keptsites.unpack(file, tmp_path / "site")
    before = (site.settings.home / "site.db").read_bytes()
    assert told(site, "rehearse", "--all") == (0, f"{ALL_THE_SAME}4 runs done again, 0 differ\n")
    assert (site.settings.home / "site.db").read_bytes() == before


@pytest.mark.urs("URS-AUD-060", "URS-EXE-090")
def test_a_kept_site_holds_and_its_open_batches_go_on_to_their_end(site: KeptSite) -> None:
    assert told(site, "verify")[0] == 0
    with site.opened() as shift:
        states = [shift.state(number) for number in (ENDED, MIDDLE, HELD, WAITING)]
        assert states == ["complete", "running", "held", "running"]
        assert shift.do(MIDDLE) == "OP/L#1/D#1"
        assert shift.do(MIDDLE, Entry(checks=("empty",))) == "OP/C#1"
        assert shift.state(MIDDLE) == "complete"
        assert shift.ready(WAITING) == []
        shift.settle(hours=2)
        assert shift.ready(WAITING) == ["OP/L#1/D#1"]
    code, words = told(site, "verify")
    assert (code, words.splitlines()[-1]) == (0, "everything holds")
    assert told(site, "rehearse", "--all")[0] == 0


def test_somebody_of_a_kept_site_signs_in_and_sees_the_batch(site: KeptSite) -> None:
    with site.opened() as shift:
        app = create_app(shift.house, site.settings)
        app.testing = True
        visitor = Visitor(app)
        assert visitor.login("P-101", shift.staff["P-101"].passphrase).status_code == 303
        page = visitor.get(f"/records/{ENDED}/steps/A/1")
        assert page.status_code == 200
        assert "9.82" in page.get_data(as_text=True)


@pytest.mark.urs("URS-REC-070", "URS-REC-100")
def test_a_record_of_an_earlier_version_is_exported_and_verifies(
    site: KeptSite, tmp_path: Path
) -> None:
    code, words = told(site, "export", ENDED, "--to", str(tmp_path / "out"))
    assert code == 0, words
    (file,) = (tmp_path / "out").glob("*.zip")
    trust = str(tmp_path / "out" / "trust.json")
    assert verifier.main([str(file), "--trust", trust]) == 0


def damage(site: KeptSite, change: Change) -> None:
    """Change the entry in which the second step of the batch in the middle was done."""
    with closing(sqlite3.connect(site.settings.home / "site.db")) as raw, raw:
        rows = raw.execute(
            "SELECT id, payload FROM entry WHERE rec = ? ORDER BY rseq", [f"batch/{MIDDLE}"]
        ).fetchall()
        found = [(key, json.loads(payload)) for key, payload in rows]
        key, data = next(
            (key, data)
            for key, data in found
            if any(fact.get("path") == "OP/B#1" for fact in data["journal"][:1])
        )
        change(data)
        ((name, trigger),) = raw.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            " AND name = 'keep_entry_update'"
        )
        raw.execute(f'DROP TRIGGER "{name}"')
        raw.execute("UPDATE entry SET payload = ? WHERE id = ?", [json.dumps(data).encode(), key])
        raw.execute(trigger)


def another_step(data: dict[str, Any]) -> None:
    data["journal"][0]["path"] = "OP/C#1"


def without(key: str) -> Change:
    def change(data: dict[str, Any]) -> None:
        del data["journal"][0][key]

    return change


def no_facts(data: dict[str, Any]) -> None:
    data["journal"] = ["task.completed"]


def no_journal(data: dict[str, Any]) -> None:
    del data["journal"]


def a_number(data: dict[str, Any]) -> None:
    data["journal"] = 7


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("migrated_once", KEPT[:1], indirect=True, ids=lambda file: file.stem)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (another_step, "OP/C#1"),
        (without("path"), "cannot be done again (KeyError: 'path')"),
        (without("fact"), "cannot be done again (KeyError: 'fact')"),
        (no_facts, "cannot be done again (AttributeError"),
        (no_journal, f"of batch/{MIDDLE} has no journal"),
        (a_number, "cannot be done again: "),
    ],
    ids=["another step", "without path", "without fact", "no facts", "no journal", "a number"],
)
def test_a_damaged_journal_is_told_and_the_other_runs_are_still_done(
    site: KeptSite, change: Change, said: str
) -> None:
    damage(site, change)
    code, words = told(site, "rehearse", "--all")
    runs = [line for line in words.splitlines() if not line.startswith("    ")]
    assert (code, runs) == (
        1,
        [
            f"same    batch/{ENDED}",
            f"differs batch/{MIDDLE}",
            f"same    batch/{HELD}",
            f"same    batch/{WAITING}",
            "4 runs done again, 1 differ",
        ],
    )
    (why,) = set(words.splitlines()) - set(runs)
    assert said in why


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize("migrated_once", KEPT[:1], indirect=True, ids=lambda file: file.stem)
def test_a_damaged_journal_is_found_by_verifying_the_site(site: KeptSite) -> None:
    damage(site, another_step)
    code, words = told(site, "verify")
    assert code == 1
    assert f"batch/{MIDDLE}" in words


@pytest.mark.nightly
def test_a_site_can_be_made_and_kept_for_the_next_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keptsites, "FOLDER", tmp_path / "sites")
    made = keptsites.unpack(keptsites.keep("next"), tmp_path / "site")
    assert told(made, "verify")[0] == 0
    assert told(made, "rehearse", "--all") == (0, f"{ALL_THE_SAME}4 runs done again, 0 differ\n")
