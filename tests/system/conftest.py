"""The headless batch runs once for all tests of the system."""

from __future__ import annotations

import pytest

from tests.support.story import keep_together, story

__all__ = ["story"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the story stay together."""
    keep_together(items)
