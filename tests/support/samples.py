"""What a gateway would have stored by now, for tests that have no line to a machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hardware import statuses
from hardware.historian import Historian, Sampled, Session
from hardware.words import Reason


def arrives(
    historian: Historian,
    device: str,
    values: Mapping[str, str | None],
    *,
    at: datetime,
    status: int = statuses.GOOD,
    reasons: tuple[Reason, ...] = (),
) -> None:
    """Values of one device by the short name of their tags come in at a moment of site time."""
    link = historian.open_session(
        Session(
            name="s-1",
            device=device,
            endpoint="opc.tcp://127.0.0.1:4840",
            identity="test",
            gateway="g-1",
            driver="test 1",
        )
    )
    samples = [
        Sampled(
            tag=f"{device}.{name}",
            at=at,
            value=value,
            raw=value or "",
            status=status,
            status_name=statuses.name(status),
            reasons=reasons,
            source_at=at,
            server_at=at,
            received_at=at,
            map_version=1,
            session=link,
        )
        for name, value in values.items()
    ]
    historian.store(samples, samples)
