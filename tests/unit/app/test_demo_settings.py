"""Where the headless batch lies: a folder of its own; on a server, the database it was given."""

from __future__ import annotations

from pathlib import Path

from app.demo import running
from core.settings import Settings

SERVER = Settings(
    home=Path("var/site"),
    database_url="postgresql+psycopg://app@localhost/empty",
    owner_url="postgresql+psycopg://owner@localhost/empty",
)


def test_a_run_on_a_server_uses_its_database_and_a_new_folder(tmp_path: Path) -> None:
    found = running.settings_below(tmp_path, SERVER)
    assert (found.database_url, found.owner_url) == (SERVER.database_url, SERVER.owner_url)
    assert found.home.parent == tmp_path


def test_a_run_beside_a_site_with_a_file_never_uses_that_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    found = running.settings_below(
        tmp_path, Settings(home=tmp_path, database_url=url, owner_url=url)
    )
    assert found.database_url == f"sqlite:///{found.home / 'site.db'}"
    assert found.owner_url == found.database_url
