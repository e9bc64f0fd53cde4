"""Makes batches through the pages while parts of the site are killed, and remembers every
acknowledgement: what the server said is done must be done for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core import jobs
from core.house import House
from ebr import queries
from ebr.models import ExceptionCase, RunState, StepRecord, StepState
from tests.support.faultbrowser import Answer, Browser, form_to
from tests.support.faultrecipe import MASSES
from tests.support.faultsite import Site

PERFORMER, VERIFIER = "P-101", "P-102"
RELEASERS = {"major": "P-105", "critical": "P-107"}
"""Who lets the flow go on after an exception: the supervisor, the quality unit."""
PATIENCE_SECONDS = 4 * jobs.LEASE.total_seconds()
"""A job whose worker was killed waits for the lease of the dead, and that can happen in a row."""
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the server acknowledged: the journal must hold it exactly once."""

    batch: str
    action: str
    object: str


@dataclass
class Driver:
    """Two operators and the quality unit at one terminal."""

    site: Site
    house: House
    browser: Browser
    acknowledged: list[Act] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Answers that no person would understand in that place; there must be none."""

    @classmethod
    def at(cls, site: Site) -> Driver:
        """A driver that has signed in."""
        driver = cls(site, site.house(), Browser(site.ports.web))
        driver.login()
        return driver

    def login(self) -> None:
        """The performer signs in (again)."""
        self.browser.login(PERFORMER, self.site.passphrases[PERFORMER])

    def close(self) -> None:
        """Release the database."""
        self.house.database.close()

    def make(self, batch: str, until: Callable[[], bool] = lambda: False) -> bool:
        """Make the batch from where it stands; False when `until` came true before its end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not until():
            state, step, case = self._look(batch)
            if state == RunState.COMPLETE:
                return True
            before = len(self.acknowledged)
            if case is not None:
                self._let_go_on(batch, case)
            elif step is not None:
                self._go_on(batch, step)
            if len(self.acknowledged) > before:
                deadline = time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise AssertionError(f"{batch} does not go on: {state} {step} {self.refused[-3:]}")
            else:
                time.sleep(POLL_SECONDS)
        return False

    def comment(self, batch: str, key: str, text: str) -> Answer:
        """Say something at a step; sent again until it is answered."""
        page = f"/records/{batch}/steps/{key}/1"
        answer = self.browser.send(page, f"{page}/comment", text=text)
        self._tell(answer, Act(batch, "step.commented", text))
        return answer

    def _look(self, batch: str) -> tuple[str, StepRecord | None, ExceptionCase | None]:
        """State of the record, the step to go on with, and the exception in the way."""
        with self.house.reading() as session:
            run = queries.run_of(session, batch)
            cases = [c for c in queries.exceptions(session, run) if _is_in_the_way(c)]
            steps = queries.open_steps(session, run)
            step = steps[0] if steps else None
            if step is not None and step.state == StepState.PERFORMED:
                cases = []  # what is performed is verified before anything else
            return run.state, step, cases[0] if cases else None

    def _go_on(self, batch: str, step: StepRecord) -> None:
        page = _page(batch, step)
        if step.key == "K":  # the worker's
            return
        if step.state == StepState.READY:
            answer = self.browser.send(page, f"{page}/start")
            self._tell(answer, Act(batch, "step.started", step.path))
        elif step.state == StepState.STARTED:
            answer = self._perform(step, page)
            self._tell(answer, Act(batch, "step.performed", step.path))
        elif step.state == StepState.PERFORMED:
            to = f"{page}/sign/verifier"
            answer = self._sign(self.browser.send(page, to), to, VERIFIER)
            self._tell(answer, Act(batch, "step.verified", step.path))

    def _perform(self, step: StepRecord, page: str) -> Answer:
        to, give = f"{page}/perform", {}
        if step.key == "P":
            give = {"u-FBD": "FBD-01"}
        if step.key in MASSES:
            give = {"v-mass": MASSES[step.key]}
        asked = self._with_reading(page) if step.key == "R" else self.browser.send(page, to, **give)
        return self._sign(asked, to, PERFORMER)

    def _with_reading(self, page: str) -> Answer:
        """Take the value of the device, then save it; taking is refused while the line is down."""
        shown = self.browser.get(page)
        form = form_to(shown, "/perform")
        if form is None:
            return shown
        taken = self.browser.post(f"{page}/take/temperature", form)
        form = form_to(taken, "/perform")
        if taken.status != 200 or form is None:
            return taken
        return self.browser.post(f"{page}/perform", form)

    def _let_go_on(self, batch: str, case: ExceptionCase) -> None:
        """Whoever may lets the flow go on."""
        assert case.step is not None
        to = f"/records/{batch}/exceptions/{case.number}/go-on"
        form = self._guard(_page(batch, case.step)) | {"reason": ["product not affected"]}
        answer = self._sign(self.browser.post(to, form), to, RELEASERS[case.severity])
        self._tell(answer, Act(batch, "exception.released", f"exception {case.number}"))

    def _sign(self, asked: Answer, to: str, badge: str) -> Answer:
        return self.browser.sign(asked, to, badge, self.site.passphrases[badge])

    def _guard(self, page: str) -> dict[str, list[str]]:
        """What every form of a page carries, taken from the one that is always there."""
        form = form_to(self.browser.get(page), "/comment")
        assert form is not None
        return {name: form[name] for name in form if name in ("_key", "_for", "csrf_token")}

    def _tell(self, answer: Answer, act: Act) -> None:
        if answer.done:
            self.acknowledged.append(act)
        else:
            self.refused.append(f"{act}: {answer.status}")


def _page(batch: str, step: StepRecord) -> str:
    return f"/records/{batch}/steps/{step.key}/{step.occurrence}"


def _is_in_the_way(case: ExceptionCase) -> bool:
    return case.severity in RELEASERS and not case.released
