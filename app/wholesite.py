"""The verification of everything: trail, log, rows, what vouches outside, what lies beside.

One for the command line and for the worker, so that neither looks at less than the other.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app import crosscheck, keybook, outside
from app.anchoring import Configured
from audit import anchorcheck, restored, searchindex, verifying
from audit.report import Report
from audit.sharing import Processes
from core.house import House
from core.settings import Settings


def verify(house: House, session: Session, *, processes: int = 1) -> Report:
    """Verify the site as the session sees it; chains shared out to so many `processes`.

    BrokenPromise when the settings name an anchor that cannot be read.
    """
    settings: Settings = house.services["settings"]
    anchored = Configured.of(settings)
    report = verifying.verify_site(
        session,
        keybook.of_site(session, house.services["site_keys"]),
        outside=restored.still_valid(session, outside.all_notes(settings)),
        streams=Processes(house.database.url, processes) if processes > 1 else None,
    )
    anchorcheck.check(session, report, anchored.trusted)
    anchorcheck.check_times(session, report)
    crosscheck.check(session, report)
    searchindex.compare(session, report)
    return report
