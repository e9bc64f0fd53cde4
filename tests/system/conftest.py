"""The headless batch runs once for all tests of the system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.story import Played, played

PATIENCE_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever needs the story runs beside it in one process, and has the patience for it."""
    for item in items:
        if "story" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("story"))
            item.add_marker(pytest.mark.timeout(PATIENCE_SECONDS))


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The site after B-2045 was made, reviewed, released and exported."""
    with played(tmp_path_factory.mktemp("story")) as found:
        yield found
