"""The site: its mode for life, its zone, and the position of its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID

from sqlalchemy import BigInteger, String, Table, UniqueConstraint, bindparam, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.clock import Moment, RealClock
from core.db import Base, Kept, Row
from core.errors import BrokenPromise, Refusal
from core.ids import new_id
from core.steady import Steady
from core.types import UtcDateTime


class SiteMode(StrEnum):
    """A site is one of the two for life."""

    DEMONSTRATION = "DEMONSTRATION"
    GMP = "GMP"


class Site(Base):
    """The place that all records belong to; never changed after it was made."""

    __tablename__ = "site"
    __kept__ = Kept.FACT

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    site_id: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(120))
    mode: Mapped[str] = mapped_column(String(20))
    zone: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime())


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is fixed about a site for life; safe to remember."""

    site_id: int
    mode: str
    zone: str


class SiteClock(Row, Base):
    """How far the clock of a DEMONSTRATION site stands ahead of (or behind) real time."""

    __tablename__ = "site_clock"
    __kept__ = Kept.UNAUDITED
    __why_unaudited__ = "position inside a clock advance whose start, end and reason are audited"
    __table_args__ = (UniqueConstraint("site_id"),)

    offset_us: Mapped[int] = mapped_column(BigInteger(), default=0)


# Each session reads the clock and each step of it writes: too often for whole objects.
_CLOCK = cast(Table, SiteClock.__table__)
_OFFSET = select(_CLOCK.c.offset_us)
_MODE = select(cast(Table, Site.__table__).c.mode)
_MOVE = update(_CLOCK).values(offset_us=_CLOCK.c.offset_us + bindparam("step"))


class ClockNotMovable(Refusal):
    """The clock of a GMP site is never moved; that of a demonstration site only forward."""

    rule = "clock.forward_only"


def the_site(session: Session) -> Site:
    """The one site of this database."""
    site = session.scalars(select(Site)).one_or_none()
    if site is None:
        raise BrokenPromise("this database holds no site yet")
    return site


def facts_of(session: Session) -> SiteFacts:
    """What is fixed about the one site of this database."""
    site = the_site(session)
    return SiteFacts(site_id=site.site_id, mode=site.mode, zone=site.zone)


def moment_now(session: Session, site: SiteFacts, clock: RealClock, steady: Steady) -> Moment:
    """Site time, real time and steady time now, read inside the transaction."""
    real = clock.now()
    offset = timedelta(0)
    if site.mode == SiteMode.DEMONSTRATION:
        offset = timedelta(microseconds=clock_offset_us(session))
    return Moment(site=real + offset, real=real, steady=steady.now(), zone=site.zone)


def clock_offset_us(session: Session) -> int:
    """Microseconds that the site's clock stands ahead of real time."""
    return session.connection().execute(_OFFSET).scalar_one_or_none() or 0


def go_on_from(session: Session, last: datetime, real: datetime) -> None:
    """Let the clock of a demonstration site that lay aside go on from the last moment it has seen.

    It is the caller's promise that nothing happened in the site after `last`; then its time does
    not go back. Raises ClockNotMovable in a GMP site.
    """
    if the_site(session).mode != SiteMode.DEMONSTRATION:
        raise ClockNotMovable("this is a GMP site", resolver="nobody: the clock is real time")
    offset = (last - real) // timedelta(microseconds=1)
    row = session.scalars(select(SiteClock).with_for_update()).one_or_none()
    if row is None:
        session.add(SiteClock(offset_us=offset))
    else:
        row.offset_us = offset


def move_clock(session: Session, by: timedelta) -> None:
    """Move the clock of a demonstration site forward; `ClockNotMovable` otherwise."""
    if session.connection().execute(_MODE).scalar_one() != SiteMode.DEMONSTRATION:
        raise ClockNotMovable("this is a GMP site", resolver="nobody: the clock is real time")
    if by < timedelta(0):
        raise ClockNotMovable(
            "the site clock only moves forward", resolver="nobody: choose a later time"
        )
    step = by // timedelta(microseconds=1)
    if session.connection().execute(_MOVE, {"step": step}).rowcount == 0:
        session.add(SiteClock(offset_us=step))
        session.flush()
