"""Write docs/reference/evidence-vectors anew."""

from __future__ import annotations

from tests.support.evidence.publishing import write

write()
