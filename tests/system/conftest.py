"""The headless batch and a part of the past are made once for all tests of the system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.history import Past, made
from tests.support.story import PATIENCE_SECONDS, keep_together, story

__all__ = ["story"]

PAST = (2033, 2034)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the story stay together, and so do those of the past."""
    keep_together(items)
    for item in items:
        if "past" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("past"))
            item.add_marker(pytest.mark.timeout(PATIENCE_SECONDS))


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Two past batches: one with a lost line, one whose press stood for a while."""
    with made(tmp_path_factory.mktemp("past"), PAST) as found:
        yield found
