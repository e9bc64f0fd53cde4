"""Structured logs: JSON lines with request and record ids, never values, names or secrets."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog


def configure(*, level: str = "INFO", as_json: bool = True) -> None:
    """Set up logging of this process, once at its start."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(_Forgiving()),  # type: ignore[arg-type]
    )
    # Libraries speak only when something is wrong; what happens here is told by our own lines.
    logging.basicConfig(
        level=max(logging.getLevelName(level), logging.WARNING),
        stream=sys.stderr,
        format="%(message)s",
    )


def logger(name: str) -> Any:
    """A structured logger that carries the module's name."""
    return structlog.get_logger(module=name)


class _Forgiving:
    """Standard error that never fails: a full disk must not stop the work that is logged."""

    def write(self, text: str) -> None:
        """Write the line, or lose it."""
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Hand on what was written, or lose it."""
        with suppress(OSError):
            sys.stderr.flush()
