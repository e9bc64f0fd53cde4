"""The site of the played batch is attacked as well: a real record with all that it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.attack import report, running
from app.attack.running import named
from tests.support.story import RECORD, Played

pytestmark = pytest.mark.sqlite("the copy of a site is a file")
CHOSEN = (
    "recorded-value-edited", "trigger-dropped-and-restored", "sample-changed-in-the-historian",
    "entry-and-row-edited-log-signed-anew", "entry-changed-with-every-server-key",
)  # fmt: skip


@pytest.mark.nightly
@pytest.mark.urs("URS-AUD-060", "URS-REC-110")
def test_manipulations_of_the_played_batch_are_found_and_its_untouched_copy_is_valid(
    story: Played, tmp_path: Path
) -> None:
    chosen = [each for name in CHOSEN for each in named(name)]
    outcomes = running.attack(story.settings, tmp_path, chosen=chosen)
    assert report.succeeded(outcomes), list(report.lines(outcomes))
    assert all(each.here for each in outcomes)
    edited = outcomes[1].found[0]
    assert RECORD in edited.place or "entry" in edited.place
