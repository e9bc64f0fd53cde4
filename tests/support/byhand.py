"""The headless story with other hands: every act goes through the page a person uses for it.

The scenes of `app.demo` stay as they are; this stage performs them by opening pages, filling in
what their forms offer and pressing their buttons. A form, field or choice that a page does not
offer is `NotOffered`; a page that speaks like a machine is kept in `spoken`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import Flask

from app.acting import Person
from app.demo import dispensing
from app.demo.photos import picture
from app.demo.stage import StoryBroken
from app.history.stage import PastStage
from core.errors import Refusal
from ebr.entry import NOTHING, Entry, File
from ebr.models import StepRecord
from inventory import queries as stock
from tests.support.pages import Form, NotOffered, Page
from tests.support.web import Visitor
from tests.ui.crawl.walking import Said

ON_THE_WAY = (200, 303)
PLACE = re.compile(r"Step (\d+) of (\d+)")


@dataclass
class Terminal:
    """A person signed in at a terminal."""

    person: Person
    visitor: Visitor
    spoken: list[str]

    def open(self, path: str, **more: Any) -> Page:
        """Open a page, following where it leads."""
        return self._read(path, self.visitor.get(path, follow_redirects=True, **more))

    def press(
        self,
        page: Page,
        to: str,
        given: Mapping[str, Sequence[str]] | None = None,
        *,
        files: Mapping[str, File] | None = None,
        button: tuple[str, str] | None = None,
    ) -> Page:
        """Fill in the form that leads there and send it; a refusal is raised with its rule."""
        form = page.form(to)
        sent = form.filled(given or {}, files or {})
        target = form.action or page.path
        if button is not None:
            pressed = form.button_for(*button)
            sent[pressed.name] = [pressed.value]
            target = pressed.action or target
        return self.send(target, sent)

    def send(self, target: str, sent: Mapping[str, list[object]]) -> Page:
        """Send fields as a browser does."""
        answer = self.visitor.client.post(
            target, data=dict(sent), content_type="multipart/form-data"
        )
        page = self._read(target, answer)
        if page.status not in ON_THE_WAY:
            raise page.refusal()
        return page

    def sign(self, dialog: Page, badge: str, passphrase: str) -> Page:
        """Give the credentials that the dialog asks for."""
        form = next((form for form in dialog.forms if "_request" in form.fields), None)
        if form is None:
            raise StoryBroken(f"{dialog.path} asked for no signature: {dialog.status}")
        given = {"passphrase": [passphrase]}
        if "badge" in form.fields:
            given["badge"] = [badge]
        done = self.send(form.action or dialog.path, form.filled(given, {}))
        if done.status != 303:
            raise StoryBroken(f"{dialog.path} was not signed: {done.refusal()}")
        return done

    def _read(self, path: str, answer: Any) -> Page:
        page = Page(path, answer)
        if page.text:
            self.spoken += [f"{path}: {wrong}" for wrong in Said(page.text).machine_words()]
            self.spoken += [
                f"{path}: step {a} of {b}" for a, b in PLACE.findall(page.text) if int(a) > int(b)
            ]
        return page


class AtThePages(Person):
    """A person whose commands are pages; a command without a page is NotOffered."""

    __slots__ = ("role_in", "stage")
    stage: HandStage

    @classmethod
    def of(cls, person: Person, stage: HandStage) -> AtThePages:
        """The same person, at the pages."""
        made = cls(
            person.house,
            person.badge,
            person.name,
            person.role,
            person.passphrase,
            person.terminal,
        )
        object.__setattr__(made, "stage", stage)
        return made

    def do(self, command: Callable[..., Any], *arguments: Any, record: str, **more: Any) -> Any:
        """Do what the command does, on its page."""
        return self._page_of(command)(self.badge, *arguments, **more)

    def sign(self, command: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Do and sign what the command does, on its page."""
        return self._page_of(command)(self.badge, *arguments)

    def _page_of(self, command: Callable[..., Any]) -> Callable[..., Any]:
        found = getattr(self.stage, f"page_{command.__name__}", None)
        if found is None:
            raise NotOffered(f"{command.__name__} has no page")
        page: Callable[..., Any] = found
        return page


@dataclass
class HandStage(PastStage):
    """A stage on which people use pages. `drafts` are pages with values taken but not saved."""

    app: Flask = field(kw_only=True)
    spoken: list[str] = field(default_factory=list, kw_only=True)
    terminals: dict[str, Terminal] = field(default_factory=dict, kw_only=True)
    drafts: dict[str, Page] = field(default_factory=dict, kw_only=True)

    # --- people and where they are ---------------------------------------------------------------

    def at(self, badge: str) -> Terminal:  # type: ignore[override]
        """The terminal of a person, who signs in at first use."""
        if badge not in self.terminals:
            person = self.people[badge]
            visitor = Visitor(self.app)
            if visitor.login(badge, person.passphrase).status_code != 303:
                raise StoryBroken(f"{badge} cannot sign in")
            self.terminals[badge] = Terminal(person, visitor, self.spoken)
        return self.terminals[badge]

    def acting(self, badge: str, role: str | None = None) -> Person:
        """A person; the pages know in which role."""
        return AtThePages.of(self.people[badge], self)

    def _work(self, step: StepRecord) -> str:
        return f"/records/{self.number}/steps/{step.key}/{step.occurrence}"

    def _weigh(self, step: StepRecord) -> str:
        return f"/records/{self.number}/weigh/{step.key}/{step.occurrence}"

    def reached(self, badge: str, step: StepRecord) -> Page:
        """The page of a step, by the way that leads there from the work of the person."""
        place, address = self.at(badge), self._work(step)
        if address not in place.open("/work").links:
            raise NotOffered(f"the work of {badge} does not name {step.key} ({step.state})")
        return place.open(address)

    # --- steps -----------------------------------------------------------------------------------

    def start(self, badge: str, key: str) -> None:
        """Begin with a step."""
        step = self.step(key)
        page = self.reached(badge, step)
        self.at(badge).press(page, f"{self._work(step)}/start")

    def _begun(self, badge: str, key: str) -> tuple[StepRecord, Page]:
        step = self.step(key)
        if step.state == "ready":
            self.start(badge, key)
        return step, self.at(badge).open(self._work(step))

    def take(self, badge: str, key: str, tag: str) -> UUID:
        """Press the button that takes the value of a device."""
        self.sweep()
        page = self.drafts.pop(key, None) or self._begun(badge, key)[1]
        form = page.form("/perform")
        before = _readings(form)
        button = form.button(tag)
        taken = self.at(badge).press(page, "/perform", button=(button.name, button.value))
        self.drafts[key] = taken
        (found,) = _readings(taken.form("/perform")) - before
        return UUID(found)

    def do(
        self,
        badge: str,
        key: str,
        entry: Entry = NOTHING,
        *,
        verifier: str | None = None,
        approver: str | None = None,
        readings: Mapping[str, Iterable[UUID]] | None = None,
    ) -> None:
        """Fill in the page of a step, save it, sign it; others sign at the same terminal."""
        step = self.step(key)
        page = self._page_to_fill(badge, step, entry)
        form = page.form("/perform")
        _check_taken(form, readings or {})
        given, files = _given(entry, form)
        place = self.at(badge)
        answer = place.press(page, "/perform", given, files=files)
        if answer.status == 200:
            place.sign(answer, badge, place.person.passphrase)
        for person, part in ((verifier, "verifier"), (approver, "approver")):
            if person is not None:
                self._second(badge, person, key, part)

    def _page_to_fill(self, badge: str, step: StepRecord, entry: Entry) -> Page:
        if step.key in self.drafts:
            return self.drafts.pop(step.key)
        if step.kind == "weigh" and entry.scans:
            return self._scanned(badge, step.key, entry.scans[0])
        return self._begun(badge, step.key)[1]

    def _second(self, first: str, second: str, key: str, part: str) -> None:
        """A second person signs at the terminal of the first, whose session stays."""
        step = self.step(key)
        place = self.at(first)
        page = place.open(self._work(step))
        dialog = place.press(page, f"/sign/{part}")
        place.sign(dialog, second, self.people[second].passphrase)

    def sign(self, badge: str, key: str, part: str) -> None:
        """Somebody who was called signs at a terminal of their own."""
        step = self.step(key)
        place = self.at(badge)
        dialog = place.press(self.reached(badge, step), f"/sign/{part}")
        place.sign(dialog, badge, place.person.passphrase)

    def refused(self, why: str, rule: str, act: Callable[[], object]) -> None:
        """The page refuses by that rule, or offers no such act and says why."""
        try:
            act()
        except NotOffered as missing:
            self.refusals.append(f"{why}: {missing}")
        except Refusal as refusal:
            if refusal.rule != rule:
                raise StoryBroken(f"{why}: refused by {refusal.rule}, not {rule}") from refusal
            self.refusals.append(f"{why}: {refusal.fact}")
        else:
            raise StoryBroken(f"{why} was not refused")

    # --- at the scale ----------------------------------------------------------------------------

    def _scanned(self, badge: str, key: str, label: str) -> Page:
        """The weigh page after a source container was scanned. Raises PageRefused."""
        step, page = self._begun(badge, key)
        place, address = self.at(badge), self._weigh(step)
        if address not in page.links:
            raise NotOffered(f"{key} does not lead to the scale")
        if "scan" not in place.open(address).form(address).fields:
            raise NotOffered(f"{key} asks for no source container")
        shown = place.open(address, query_string={"scan": label})
        if shown.status != 200:
            raise shown.refusal()
        return replace_path(shown, f"{address}?scan={label}")

    def page_choose_scale(self, badge: str, step: Any, unit: str, *, source: str) -> None:
        """Choose another scale on the weigh page."""
        key = self._key_of(step.path)
        page = self._scanned(badge, key, source)
        self.at(badge).press(page, "/scale", button=("unit", unit))

    def page_take_weight(self, badge: str, step: Any) -> dict[str, list[UUID]]:
        """Take what the scale shows, for a weighing or for one more drum."""
        key = self._key_of(step.path)
        kind = self.step(key).kind
        page = self._next_drum(badge, key) if kind == "label" else self._next_source(badge, key)
        before = _readings_by_code(page) if kind == "label" else {}
        if kind == "label":
            button = page.form("/perform").button("Take from")
            taken = self.at(badge).press(page, "/perform", button=(button.name, button.value))
        else:
            taken = self.at(badge).press(page, "/take")
        self.drafts[key] = taken
        return {
            code: [UUID(each) for each in ids[len(before.get(code, ())) :]]
            for code, ids in _readings_by_code(taken).items()
        }

    def _next_drum(self, badge: str, key: str) -> Page:
        return self.drafts.pop(key, None) or self._begun(badge, key)[1]

    def _next_source(self, badge: str, key: str) -> Page:
        made = self.ask(stock.containers_of_batch, self.number, step=key)
        planned = [each for each in self.script.weighings if each.key == key]
        return self._scanned(badge, key, dispensing.source(self, planned[len(made)].lot))

    def _key_of(self, path: str) -> str:
        return path.rpartition("/")[2].partition("#")[0].partition("[")[0]

    # --- the record and its decisions ------------------------------------------------------------

    def page_open_batch(self, badge: str, number: str) -> None:
        """Open the control recipe from the list of planned batches."""
        place = self.at(badge)
        address = f"/batches/{number}"
        if address not in place.open("/batches").links:
            raise NotOffered(f"{address} is not in the list of batches")
        place.press(place.open(address), f"{address}/open")

    def page_correct_value(self, badge: str, step: Any, correction: Any) -> None:
        """Correct a value on the page of its step."""
        place = self.at(badge)
        page = place.open(self._work(self.step(self._key_of(step.path))))
        dialog = place.press(
            page,
            f"/correct/{correction.code}/{correction.position}",
            {"text": [correction.text], "reason": [correction.reason]},
        )
        place.sign(dialog, badge, place.person.passphrase)

    def page_release_exception(self, badge: str, reference: Any, reason: str) -> None:
        """Let the flow go on, on the page of the batch."""
        self._signed(
            badge,
            f"/records/{self.number}",
            f"/exceptions/{reference.number}/go-on",
            {"reason": [reason]},
        )

    def page_comment_exception(self, badge: str, reference: Any, text: str) -> None:
        """Comment on an exception in the production review."""
        page = f"/batches/{self.number}/production-review"
        place = self.at(badge)
        place.press(place.open(page), f"{page}/{reference.number}", {"comment": [text]})

    def page_start_review(self, badge: str, number: str, _kind: Any) -> None:
        """Begin the review from the list of reviews."""
        place, address = self.at(badge), f"/reviews/{number}"
        if address not in place.open("/reviews").links:
            raise NotOffered(f"{address} is not in the list of reviews")
        place.press(place.open(address), f"{address}/start")

    def page_decide_item(self, badge: str, item: Any) -> None:
        """Decide an exception inside the review."""
        self._signed(
            badge,
            f"/reviews/{item.record}?item=e{item.exception}",
            f"/items/{item.exception}",
            {"reason": [item.reason]},
            button=("decision", item.decision),
        )

    def page_review_audit_trail(self, badge: str, number: str, conclusion: str) -> None:
        """Sign the review of the audit trail."""
        self._signed(badge, f"/reviews/{number}", "/trail", {"conclusion": [conclusion]})

    def page_finish_review(self, badge: str, number: str, _kind: Any, statement: str) -> None:
        """Sign that the review is finished."""
        self._signed(badge, f"/reviews/{number}", "/finish", {"statement": [statement]})

    def page_decide_batch(self, badge: str, wanted: Any) -> None:
        """Release or reject the batch."""
        self._signed(
            badge,
            f"/release/{wanted.record}",
            f"/release/{wanted.record}",
            {"decision": [str(wanted.decision)], "reason": [wanted.reason]},
        )

    def _signed(
        self,
        badge: str,
        address: str,
        to: str,
        given: Mapping[str, Sequence[str]],
        *,
        button: tuple[str, str] | None = None,
    ) -> None:
        place = self.at(badge)
        dialog = place.press(place.open(address), to, given, button=button)
        place.sign(dialog, badge, place.person.passphrase)


def replace_path(page: Page, path: str) -> Page:
    """The same page under the address that a browser shows."""
    page.path = path
    return page


def _readings(form: Form) -> set[str]:
    return {each for name, ids in form.fields.items() if name.startswith("r-") for each in ids}


def _readings_by_code(page: Page) -> dict[str, list[str]]:
    fields = page.form("/perform").fields
    return {
        name.removeprefix("r-"): list(ids) for name, ids in fields.items() if name.startswith("r-")
    }


def _check_taken(form: Form, readings: Mapping[str, Iterable[UUID]]) -> None:
    """What was taken before stands in the form under the code that the story means."""
    for code, ids in readings.items():
        wanted, there = [str(each) for each in ids], form.fields.get(f"r-{code}", [])
        if wanted != there:
            raise NotOffered(f"{code}: taken {wanted}, the form carries {there}")


def _given(entry: Entry, form: Form) -> tuple[dict[str, Sequence[str]], dict[str, File]]:
    """The entry as fields of the form; printouts are photographed, as pages take pictures."""
    given: dict[str, Sequence[str]] = {f"v-{code}": texts for code, texts in entry.values.items()}
    given |= {f"n-{code}": [reason] for code, reason in entry.not_applicable.items()}
    given |= {f"u-{name}": [unit] for name, unit in entry.units.items()}
    if entry.checks:
        given["c"] = entry.checks
    if entry.scans:
        given["s"] = entry.scans
    if entry.comment:
        given["comment"] = [entry.comment]
    if entry.reason:
        given["reason"] = [entry.reason]
    files = {code: _pictured(code, file) for code, file in entry.files.items()}
    return given, files


def _pictured(code: str, file: File) -> File:
    if file.media_type.startswith("image/"):
        return file
    return File(name=f"{code}.png", media_type="image/png", data=picture(file.name))


def with_script(stage: HandStage, **changes: Any) -> HandStage:
    """The same stage with a changed script."""
    return replace(stage, script=replace(stage.script, **changes))
