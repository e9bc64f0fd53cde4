"""The checks of the product, carried out on a scene: which found something, where first, how fast.

Nothing here is made for attacks: it is what `batchwright verify`, every start, the seal and the
stand-alone verifier do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from app import bootstrap, crosscheck, keybook
from app.attack.model import Detector
from app.attack.scene import Scene
from audit import anchorcheck, restored, verifier, verifying
from audit.keys import KeyBook
from audit.report import Problem, Report
from audit.trail import TrailGuard
from core.db import Database
from core.errors import BatchwrightError
from core.house import House
from core.settings import Settings
from documents.errors import SealBroken
from documents.sealcheck import check_seal
from hardware.historian import Historian


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector that found something: the first place that it named, and how long it took."""

    detector: Detector
    place: str
    seconds: float


class Detectives:
    """The checks with one database, so that what SQLAlchemy worked out once serves every copy."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(settings.database_url)

    def find(self, scene: Scene, *, everything: bool = False) -> list[Finding]:
        """Run the checks that concern what the scene changed, or every one.

        The site is not looked at again when only a document on its way was changed.
        """
        loot = scene.loot
        pdf = scene.pdf != loot.pdf
        bundle = (scene.bundle, scene.trust) != (loot.bundle, loot.trust)
        found: list[Finding] = []
        if everything or not (pdf or bundle):
            found += [*self._site(scene), *_start(scene)]
        if everything or pdf:
            found += _seal(scene)
        if everything or bundle:
            found += _bundle(scene)
        return found

    def _site(self, scene: Scene) -> list[Finding]:
        """What `batchwright verify` checks, with a checkpoint from outside."""
        outside = scene.loot.outside
        with self._reading() as (house, session):
            book = _book(scene, house, session)
            return [
                *_timed(
                    lambda: verifying.verify_site(session, book, outside=outside), kind_of_problem
                ),
                *_timed(lambda: _collected(session, anchorcheck.check_times), _time),
                *_timed(lambda: _collected(session, crosscheck.check), _kind_of_difference),
            ]

    @contextmanager
    def _reading(self) -> Iterator[tuple[House, Session]]:
        """A reading session also where no process would start any more."""
        house = House(self._database, guards=[TrailGuard()])
        historian = Historian(self._settings.historian_path)
        historian.create()
        house.services["historian"] = historian
        try:
            with house.reading() as session:
                yield house, session
        finally:
            historian.close()
            self._database.close()


def _start(scene: Scene) -> list[Finding]:
    """A start with the anchor file in the settings, as an installation has it."""
    started = time.perf_counter()
    settings = replace(scene.settings, anchor_file=scene.anchors)
    try:
        house = bootstrap.compose(settings)
    except BatchwrightError as error:
        return [Finding(Detector.START, str(error), time.perf_counter() - started)]
    seconds = time.perf_counter() - started
    with closing(house.database), house.reading() as session:
        return [
            Finding(Detector.GUARD, each.problem, seconds) for each in restored.findings(session)
        ]


def _collected(session: Session, check: Callable[[Session, Report], None]) -> Report:
    report = Report()
    check(session, report)
    return report


def _time(problem: Problem) -> Detector:
    return Detector.TIMES


def _timed(check: Callable[[], Report], kind: Callable[[Problem], Detector]) -> list[Finding]:
    started = time.perf_counter()
    report = check()
    seconds = time.perf_counter() - started
    first: dict[Detector, Finding] = {}
    for problem in report.problems:
        detector = kind(problem)
        first.setdefault(detector, Finding(detector, str(problem), seconds))
    return list(first.values())


def _book(scene: Scene, house: House, session: Session) -> KeyBook:
    """The keys of the server; where its files do not open, those that were published."""
    people = keybook.people_keys(session)
    try:
        return KeyBook.of(bootstrap.keys_of(house, scene.settings), people)
    except BatchwrightError:
        known = tuple(verifier.LogKey(vkey) for vkey in scene.loot.trust["log"])
        return KeyBook(known, {key.key_id: key for key in people})


def kind_of_problem(problem: Problem) -> Detector:
    """Which part of the verification of the site speaks, by the place that it names."""
    for begin, detector in (
        ("triggers", Detector.TRIGGERS),
        ("checkpoint kept outside", Detector.OUTSIDE),
        ("checkpoint", Detector.CHECKPOINT),
        ("log", Detector.LOG),
        ("table", Detector.ROWS),
    ):
        if problem.place.startswith(begin):
            return detector
    if "neither in the log" in problem.what:
        return Detector.LOG
    signed = "signature of" in problem.place or "sign" in problem.what
    return Detector.SIGNATURE if signed else Detector.CHAIN


def _kind_of_difference(problem: Problem) -> Detector:
    for begin, detector in (
        ("table", Detector.FILES),
        ("stock", Detector.STOCK),
        ("historian", Detector.TRENDS),
    ):
        if problem.place.startswith(begin):
            return detector
    return Detector.ALARMS


def _seal(scene: Scene) -> list[Finding]:
    started = time.perf_counter()
    try:
        check_seal(scene.pdf, [scene.loot.certificate])
    except SealBroken as error:
        return [Finding(Detector.SEAL, str(error), time.perf_counter() - started)]
    return []


def _bundle(scene: Scene) -> list[Finding]:
    started = time.perf_counter()
    report = verifier.verify_bytes(scene.bundle, scene.trust)
    seconds = time.perf_counter() - started
    for problem in report["problems"]:
        return [Finding(Detector.BUNDLE, f"{problem['place']}: {problem['problem']}", seconds)]
    return []
