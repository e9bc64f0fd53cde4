"""The breaker of a Modbus unit."""

from __future__ import annotations

import pytest

from hardware.drivers.modbus import PROBE_EVERY, Breaker


@pytest.mark.urs("URS-PRO-040")
def test_a_dead_unit_is_left_alone_after_three_failures_and_probed_later() -> None:
    breaker = Breaker()
    for second in range(2):
        breaker.note(False, float(second))
        assert breaker.allows(second + 0.1)
    breaker.note(False, 2.0)
    assert not breaker.allows(2.0 + PROBE_EVERY - 0.1)
    assert breaker.allows(2.0 + PROBE_EVERY)
    breaker.note(True, 10.0)
    assert breaker.allows(10.0)
    assert not breaker.suspect
