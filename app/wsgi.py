"""The web server of an installation: gunicorn with threads, static files from the wheel."""

from __future__ import annotations

from typing import Any

from gunicorn.app.base import BaseApplication

from app.bootstrap import compose
from core.settings import Settings
from web.application import create_app


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn, configured here and nowhere else; composes the house after the fork."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Take our options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application of this worker process."""
        return create_app(compose(self._settings), self._settings)


def serve(settings: Settings, *, host: str, port: int, threads: int) -> None:
    """Serve until SIGTERM."""
    Server(
        settings,
        {
            "bind": f"{host}:{port}",
            "workers": 1,
            "threads": threads,
            "worker_class": "gthread",
            "control_socket_disable": True,
            "accesslog": None,
            "graceful_timeout": 5,
            "keepalive": 30,
        },
    ).run()
