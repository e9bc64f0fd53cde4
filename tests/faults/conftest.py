"""A site for the fault programme, made once; each test works on a copy with its own processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faultsite import make_template
from tests.support.story import keep_together, story

__all__ = ["story"]

BATCHES = tuple(f"B-{number}" for number in range(1, 13))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the story stay together."""
    keep_together(items)


@pytest.fixture(scope="session")
def fault_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site with twelve started batches."""
    return make_template(tmp_path_factory.mktemp("fault-site"), batches=BATCHES)


@pytest.fixture(scope="session")
def nightly_fault_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with batches enough for three hundred kills."""
    folder = tmp_path_factory.mktemp("nightly-fault-site")
    return make_template(folder, batches=[f"B-{number}" for number in range(1, 200)])
