"""The command line: help of every command, exit codes, and one clear line when it says no."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pikepdf
import pytest

from app import recipecli
from app.cli import main
from app.seed import definitions, people, stock
from tests.integration.app.conftest import Command, Seeded

ADMINISTRATOR, OTHER = "A-001", "A-002"


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


EVERY = list(commands(main))


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_explains_itself(batchwright: Command, words: tuple[str, ...]) -> None:
    told = batchwright(*words, "--help")
    assert told.exit_code == 0
    assert f"batchwright {' '.join(words)}".split()[-1] in told.output
    assert told.output.splitlines()[2].strip(), "a sentence says what it does"


def test_the_commands_are_those_that_the_readme_promises() -> None:
    names = {" ".join(words) for words in EVERY}
    assert names >= {
        "run", "web", "worker", "gateway", "simulate", "demo", "demo labels", "demo reset",
        "doctor", "migrate", "verify", "export", "recipe check", "user", "user add",
        "user request-role", "user grant-role", "user reset", "user unlock", "user deactivate",
        "user invite",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["export"],
        ["web", "--port", "many"],
        ["recipe", "check", "x"],
        ["demo", "no-such-verb"],
        ["simulate", "place", "WGH-01", "much"],
        ["simulate", "cut", "FBD-01", "--seconds", "few"],
        ["simulate", "advance", "soon"],
        ["user", "grant-role", "no-id"],
    ],
)
def test_wrong_use_ends_with_2(batchwright: Command, words: list[str]) -> None:
    told = batchwright(*words)
    assert told.exit_code == 2
    assert "Usage:" in told.output


def test_it_starts_as_a_process_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "Usage: batchwright" in done.stdout


FOREIGN = Path(__file__).parents[2] / "unit" / "workflows" / "models" / "foreign"


@pytest.mark.urs("URS-MRC-040")
def test_a_good_recipe_is_told_with_its_digests(batchwright: Command, tmp_path: Path) -> None:
    file = tmp_path / "recipe.bpmn"
    file.write_bytes(definitions.recipe_file())
    told = batchwright("recipe", "check", file)
    assert told.exit_code == 0
    assert told.output.startswith("REC-0017")
    assert "content digest" in told.output


@pytest.mark.urs("URS-MRC-040")
def test_a_bad_recipe_is_refused_with_element_and_line(
    batchwright: Command, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.bpmn"
    good = definitions.recipe_file()
    first = good.index(b"<bpmn:userTask")
    line = good[:first].count(b"\n") + 1
    end = good.index(b"</bpmn:userTask>", first)
    file.write_bytes(
        good[:first]
        + good[first:end].replace(b"bpmn:userTask", b"bpmn:scriptTask")
        + good[end:].replace(b"</bpmn:userTask>", b"</bpmn:scriptTask>", 1)
    )
    told = batchwright("recipe", "check", file)
    assert told.exit_code == 1
    assert "scriptTask" in told.output
    assert f"line {line}" in told.output


def test_a_file_that_is_no_xml_is_refused(batchwright: Command, tmp_path: Path) -> None:
    file = tmp_path / "recipe.bpmn"
    file.write_bytes(b"\x00\xffnot a drawing")
    told = batchwright("recipe", "check", file)
    assert told.exit_code == 1
    assert "refused: 1 finding" in told.output


@pytest.mark.urs("URS-AUD-060")
def test_the_live_site_verifies(batchwright: Command, seeded: Seeded) -> None:
    told = batchwright("verify", home=seeded.settings.home)
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[-1] == "everything holds"
    by_two = batchwright("verify", "--processes", "2", home=seeded.settings.home)
    assert by_two.output == told.output


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-AUD-060")
def test_a_row_changed_from_behind_is_named(batchwright: Command, site: Seeded) -> None:
    with sqlite3.connect(site.settings.home / "site.db") as connection:
        connection.execute("UPDATE lot SET status = 'released' WHERE number = 'PA-0463'")
    connection.close()
    told = batchwright("verify", home=site.settings.home)
    assert told.exit_code == 1
    assert "PROBLEM" in told.output
    assert "lot" in told.output


def test_the_doctor_finds_nothing_missing_at_a_good_site(
    batchwright: Command, seeded: Seeded
) -> None:
    told = batchwright("doctor", home=seeded.settings.home)
    assert told.exit_code == 0, told.output
    assert all(line.startswith("ok ") for line in told.output.splitlines())


def test_the_doctor_names_what_is_missing(batchwright: Command, tmp_path: Path) -> None:
    told = batchwright("doctor", home=tmp_path / "nowhere")
    assert told.exit_code == 1
    assert "MISSING site folder" in told.output
    assert "MISSING keys" in told.output
    assert not (tmp_path / "nowhere").exists()


WITHOUT_SITE = (
    "verify", "worker", "gateway", "web", "export B-1", "migrate", "demo labels", "user list",
    "simulate state", "simulate tare WGH-01", "simulate advance 1",
)  # fmt: skip


@pytest.mark.parametrize("command", WITHOUT_SITE)
def test_without_a_site_nothing_starts_and_nothing_is_made(
    batchwright: Command, tmp_path: Path, command: str
) -> None:
    told = batchwright(*command.split())
    assert told.exit_code == 1
    assert told.output.startswith("stopped:")
    assert not (tmp_path / "nowhere").exists()


def test_a_cell_that_does_not_run_is_told(batchwright: Command, seeded: Seeded) -> None:
    told = batchwright("simulate", "tare", "WGH-01", home=seeded.settings.home)
    assert told.exit_code == 1
    assert told.output == "stopped: no simulated cell was started for this site\n"


def test_migrating_a_site_of_this_version_changes_nothing(
    batchwright: Command, site: Seeded
) -> None:
    told = batchwright("migrate", home=site.settings.home)
    assert (told.exit_code, told.output) == (0, "the database has the schema of this version\n")


def test_an_unknown_batch_is_refused_with_3(batchwright: Command, seeded: Seeded) -> None:
    told = batchwright("export", "B-9999", home=seeded.settings.home)
    assert told.exit_code == 3
    assert told.output.startswith("refused: there is no record B-9999")
    assert "rule" in told.output


@pytest.mark.sqlite("a site is put aside with its file; test_postgres.py has the other")
def test_demo_reset_keeps_the_old_site_under_a_dated_name(
    batchwright: Command, site: Seeded
) -> None:
    home = site.settings.home
    told = batchwright("demo", "reset", home=home)
    assert told.exit_code == 0
    assert not home.exists()
    (aside,) = home.parent.glob("site-*")
    assert (aside / "site.db").exists()
    again = batchwright("demo", "reset", home=home)
    assert (again.exit_code, again.output) == (0, "there is no site to put aside\n")


def test_demo_labels_are_one_pdf_of_everything_to_scan(
    batchwright: Command, seeded: Seeded, tmp_path: Path
) -> None:
    file = tmp_path / "out" / "labels.pdf"
    told = batchwright("demo", "labels", "--to", file, home=seeded.settings.home)
    assert (told.exit_code, told.output.strip()) == (0, str(file))
    data = file.read_bytes()
    done = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=data, capture_output=True, check=True
    )
    text = done.stdout.decode()
    wanted = [who.badge for who in (*people.ADMINISTRATORS, *people.STAFF)]
    wanted += [lot[0] for lot in stock.LOTS]
    wanted += ["LBL-PT500-05", "GRA-01", "IBC-04", "1.12-S", "Bulk store", "Room 1.14"]
    assert [code for code in wanted if code not in text] == []
    assert "095212340000001010" in text, "the first drum of PA-0411"
    assert not [secret for secret in seeded.passphrases().values() if secret in text]
    with pikepdf.open(io.BytesIO(data)) as opened:
        assert len(opened.pages) > 5


def user(
    batchwright: Command, seeded: Seeded, *words: str, badge: str = ADMINISTRATOR
) -> tuple[int, str]:
    told = batchwright(
        "user", "--as", badge, *words,
        home=seeded.settings.home, typed=seeded.passphrases()[badge] + "\n",
    )  # fmt: skip
    return told.exit_code, told.output


@pytest.mark.urs("URS-IAM-040")
def test_a_person_is_added_and_two_administrators_give_the_role(
    batchwright: Command, site: Seeded
) -> None:
    assert user(batchwright, site, "add", "P-200", "New Person")[0] == 0
    code, told = user(batchwright, site, "request-role", "P-200", "OP", "new in shift B")
    assert code == 0
    request = told.splitlines()[-1].split()[1].rstrip(":")
    code, told = user(batchwright, site, "grant-role", request)
    assert code == 3, "who asked does not grant"
    assert user(batchwright, site, "grant-role", request, badge=OTHER)[0] == 0
    listed = batchwright("user", "list", home=site.settings.home)
    assert "P-200    New Person" in listed.output


@pytest.mark.urs("URS-IAM-040")
def test_another_administrator_invites_the_inspector_for_some_days(
    batchwright: Command, site: Seeded
) -> None:
    listed = batchwright("user", "list", home=site.settings.home).output
    assert "I-001" not in listed, "closed until invited"
    words = ("invite", "I-001", "inspection of this week", "--days", "3")
    assert user(batchwright, site, *words)[0] == 3, "who asked for the role does not invite"
    code, told = user(batchwright, site, *words, badge=OTHER)
    assert code == 0
    assert "I-001 reads as INSPECTOR for product 500010 until" in told
    assert "single-use secret for I-001, 30 minutes:" in told
    listed = batchwright("user", "list", home=site.settings.home).output
    line = next(line for line in listed.splitlines() if line.startswith("I-001"))
    assert "for product 500010" in line
    assert "until" in line


@pytest.mark.urs("URS-IAM-040")
def test_the_list_as_of_a_day_names_the_deputy_of_that_time(
    batchwright: Command, site: Seeded
) -> None:
    day = datetime.now(UTC) - timedelta(days=35)
    then = batchwright("user", "list", "--at", f"{day:%Y-%m-%d}", home=site.settings.home).output
    assert [line for line in then.splitlines() if "Paul Roth" in line and "SU" in line]
    now = batchwright("user", "list", home=site.settings.home).output
    assert not [line for line in now.splitlines() if "Paul Roth" in line and "SU" in line]


@pytest.mark.urs("URS-IAM-070")
def test_reset_unlock_and_deactivate(batchwright: Command, site: Seeded) -> None:
    code, told = user(batchwright, site, "reset", "P-103", "forgot it")
    assert code == 0
    assert "single-use secret for P-103, 30 minutes:" in told
    assert user(batchwright, site, "unlock", "P-104", "called back")[0] == 0
    assert user(batchwright, site, "deactivate", "P-110", "left")[0] == 0
    assert user(batchwright, site, "deactivate", "P-999", "nobody")[0] == 3


@pytest.mark.urs("URS-IAM-020", "URS-IAM-080")
def test_who_is_no_administrator_or_types_wrong_changes_nothing(
    batchwright: Command, site: Seeded
) -> None:
    code, told = user(batchwright, site, "add", "P-300", "Somebody", badge="P-101")
    assert code == 3
    assert "refused:" in told
    wrong = batchwright(
        "user", "--as", ADMINISTRATOR, "add", "P-300", "Somebody",
        home=site.settings.home, typed="guess after guess\n",
    )  # fmt: skip
    assert wrong.exit_code == 3
    assert "P-300" not in batchwright("user", "list", home=site.settings.home).output


def test_recipe_check_needs_no_site(tmp_path: Path) -> None:
    file = tmp_path / "recipe.bpmn"
    file.write_bytes(definitions.recipe_file("rec-0017-v4.bpmn"))
    said: list[str] = []
    assert recipecli.check(file, say=said.append) == 0
    assert said[0].startswith("REC-0017")


@pytest.mark.urs("URS-MRC-040")
def test_a_file_of_another_tool_is_told_in_groups_with_a_caret_in_expressions(
    batchwright: Command,
) -> None:
    told = batchwright("recipe", "check", FOREIGN / "camunda7.bpmn")
    assert told.exit_code == 1
    assert "Granulate and dry: 1 processes, 6 elements, made with Camunda Modeler" in told.output
    lines = told.output.splitlines()
    assert [line for line in lines if line.startswith("step.missing")] == [
        "step.missing: Add a bw:step with kind, role and signature."
    ]
    shown = next(number for number, line in enumerate(lines) if "${lod < 2.5}" in line)
    assert lines[shown + 1].index("^") == lines[shown].index("$")


@pytest.mark.urs("URS-MRC-040", "URS-IAM-020")
def test_an_author_imports_a_file_and_nobody_else_does(batchwright: Command, site: Seeded) -> None:
    words = ("recipe", "import", FOREIGN / "zeebe.bpmn", "--code", "REC-0099")
    why = ("--change", "CC-2026-301", "--reason", "drawn by the process group")

    def brought(badge: str) -> tuple[int, str]:
        told = batchwright(
            *words, *why, "--as", badge, home=site.settings.home,
            typed=site.passphrases()[badge] + "\n",
        )  # fmt: skip
        return told.exit_code, told.output

    code, told = brought("P-109")
    assert (code, "REC-0099 v1 is a draft" in told) == (0, True), told
    assert "not executable yet" in told
    code, told = brought("P-101")
    assert code == 3
    assert "permission.missing" in told
