"""Structured logs: JSON lines with request and record ids, never values, names or secrets."""

from __future__ import annotations

import logging
import sys
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
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
