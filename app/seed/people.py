"""The people of the demonstration site, their roles, training and passphrases.

Two administrators start the site; everybody else is added, granted and enrolled by them, each
grant by the one who did not ask for it. The passphrases are made here and written to cards that
only the owner of the folder can read; nothing of the kind is in the code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.acting import Person
from core.actors import Actor
from core.house import House
from personnel import commands, credentials, enrolment, former, signing
from personnel.passphrases import generated_passphrase
from personnel.rules import product_scope

SETUP = Actor.service("set-up", trigger="new site")
TERMINAL = "set-up"
RECIPE = "REC-0017 v3"
PACKAGING = ("REC-0021 v2", "SOP-190")
PRODUCTION_SOPS = ("SOP-101", "SOP-112", "SOP-118", "SOP-130", "SOP-131", "SOP-140", "SOP-150")


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """One person; `trained` maps a subject to days from seeding until it ends."""

    badge: str
    name: str
    roles: tuple[str, ...]
    trained: dict[str, int] = field(default_factory=dict)


def _until(days: int, *subjects: str) -> dict[str, int]:
    return dict.fromkeys(subjects, days)


KERN = (RECIPE, *PACKAGING, "SOP-112", "SOP-118", "SOP-130", "SOP-140", "SOP-150")
ADMINISTRATORS = (
    Somebody(badge="A-001", name="Kim Larsen", roles=("ADMIN",)),
    Somebody(badge="A-002", name="Noor Haddad", roles=("ADMIN",)),
)
STAFF = (
    Somebody(badge="P-101", name="Anna Kern", roles=("OP",), trained=_until(210, *KERN)),
    Somebody(
        badge="P-102",
        name="Paul Roth",
        roles=("OP",),
        trained=_until(180, *KERN, "SOP-101", "SOP-131"),
    ),
    Somebody(
        badge="P-103",
        name="Tomasz Wójcik",
        roles=("OP",),
        trained={"SOP-150": 90, RECIPE: -3},
    ),
    Somebody(
        badge="P-104",
        name="Ravi Menon",
        roles=("DI", "WH"),
        trained=_until(150, RECIPE, *PACKAGING, "SOP-101", "SOP-140", "SOP-180"),
    ),
    Somebody(
        badge="P-105",
        name="Miriam Vogel",
        roles=("SU",),
        trained=_until(300, RECIPE, *PACKAGING, *PRODUCTION_SOPS),
    ),
    Somebody(
        badge="P-106", name="Inês Duarte", roles=("QC",), trained=_until(12, "SOP-130", "SOP-131")
    ),
    Somebody(
        badge="P-107",
        name="Samuel Okafor",
        roles=("QA",),
        trained=_until(365, "SOP-160", "SOP-170"),
    ),
    Somebody(badge="P-108", name="Dr. Hélène Brandt", roles=("QP",)),
    Somebody(badge="P-109", name="Aino Lind", roles=("AUTHOR",), trained=_until(200, "SOP-200")),
    Somebody(
        badge="P-110",
        name="Jonas Weber",
        roles=("ME",),
        trained=_until(240, "SOP-220", "SOP-221"),
    ),
)
INSPECTOR = Somebody(badge="I-001", name="Inspector 01", roles=("INSPECTOR",))
PRODUCT = "500010"
"""What the inspector may read; the account opens nothing until an administrator invites."""

UNDERTAKEN = tuple(who.badge for who in STAFF)
HISTORY = timedelta(days=200)
DEPUTY = ("P-102", "SU", timedelta(days=40), timedelta(days=30))
"""Who was deputy supervisor on the list before this site, from and until how long before S."""


def seed(house: House, at: datetime, *, deputy: bool = True) -> dict[str, Person]:
    """Everybody, enrolled and trained; answers them by badge with their passphrases.

    `at` is the seeding day S; the site's clock may stand before it. `deputy` False leaves out the
    former deputy, for a site that is old enough to have made him one itself.
    """
    people: dict[str, Person] = {}
    for who in ADMINISTRATORS:
        _add(house, who, SETUP)
        _grant(house, who.badge, "ADMIN", at, SETUP, SETUP)
    for who in ADMINISTRATORS:
        people[who.badge] = _enrol(house, who, SETUP)
    first, second = people["A-001"].actor, people["A-002"].actor
    for who in STAFF:
        _add(house, who, first)
        for role in who.roles:
            _grant(house, who.badge, role, at, first, second)
        people[who.badge] = _enrol(house, who, first)
        house.perform(credentials.confirm_identity, who.badge, by=second)
        _undertake(people[who.badge])
    for who in STAFF:
        _train(house, who, at, people)
    if deputy:
        _take_over_deputy(house, at, first, second)
    _prepare_inspector(house, first)
    return people


def _take_over_deputy(house: House, at: datetime, notes: Actor, confirms: Actor) -> None:
    badge, role, since, until = DEPUTY
    noted = house.perform(
        former.note_former_role,
        badge,
        role,
        starts_at=at - since,
        until=at - until,
        reason="deputy of the supervisor, from the access list on paper",
        by=notes,
    )
    house.perform(former.confirm_former_role, noted, by=confirms)


def _prepare_inspector(house: House, asks: Actor) -> None:
    _add(house, INSPECTOR, asks)
    house.perform(
        commands.request_role,
        INSPECTOR.badge,
        INSPECTOR.roles[0],
        reason="account for the next inspection, closed until it is invited",
        scope=product_scope(PRODUCT),
        by=asks,
    )


def _add(house: House, who: Somebody, by: Actor) -> None:
    house.perform(commands.add_person, who.badge, who.name, natural_key=f"N-{who.badge}", by=by)


def _grant(house: House, badge: str, role: str, at: datetime, asks: Actor, grants: Actor) -> None:
    asked: UUID = house.perform(
        commands.request_role, badge, role, reason="staff plan of the site", by=asks
    )
    house.perform(commands.grant_role, asked, by=grants)


def _enrol(house: House, who: Somebody, by: Actor) -> Person:
    secret = house.perform(credentials.issue_secret, who.badge, reason="new site", by=by)
    passphrase = generated_passphrase()
    enrolment.set_passphrase(
        house, badge=who.badge, secret=secret, passphrase=passphrase, terminal=TERMINAL
    )
    return Person(house, who.badge, who.name, who.roles[0], passphrase, TERMINAL)


def _undertake(person: Person) -> None:
    with person.house.reading() as session:
        content = signing.undertaking(session, person.badge)
    confirmation = person.confirm(content, "undertaken")
    person.house.perform(signing.sign_undertaking, confirmation, by=person.actor)


def _train(house: House, who: Somebody, at: datetime, people: dict[str, Person]) -> None:
    recorder = people["P-107" if who.badge != "P-107" else "P-105"].actor
    for subject, days in who.trained.items():
        house.perform(
            commands.record_qualification,
            who.badge,
            subject,
            valid_from=at - HISTORY,
            valid_until=at + timedelta(days=days),
            evidence=f"training record TR-{who.badge[2:]}-{subject.replace(' ', '-')}",
            by=recorder,
        )
