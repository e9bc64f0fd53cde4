"""The `log-witness` commands: a second party cosigns the site's log on another host (URS-AUD-060).

Knows neither site nor database nor pages, so that it runs on the quality unit's laptop.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from audit import witness
from audit.verifier import Invalid
from audit.witnessserver import WitnessServer
from core.errors import BrokenPromise

FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("log-witness"),
    show_default=True,
    help="folder of the witness: key, state, every note it cosigned",
)


@click.group(name="log-witness")
def log_witness() -> None:
    """Cosign a site's log from another host, after a proof that nothing before was changed."""


@log_witness.command()
@click.argument("name")
@FOLDER
def key(name: str, folder: Path) -> None:
    """Make the witness and its key under a name such as example.com/qa; prints the public key."""
    click.echo(witness.make(folder, name).vkey)


@log_witness.command()
@click.argument("log_key")
@FOLDER
def trust(log_key: str, folder: Path) -> None:
    """Follow the log of that public key (name+hash+key), or take one more key of a log."""
    _told(lambda: witness.opened(folder).trust(log_key, at=datetime.now(UTC)))
    click.echo(f"follows {log_key.split('+', 1)[0]}")


@log_witness.command("new-history")
@click.argument("log_key")
@click.option("--instead-of", required=True, help="name of the log whose end was lost")
@click.option("--reason", required=True, help="what you were told and whom you asked")
@FOLDER
def new_history(log_key: str, instead_of: str, reason: str, folder: Path) -> None:
    """Accept that a site was restored: its log goes on under a new name. Written down for good."""
    opened = witness.opened(folder)
    _told(
        lambda: opened.accept_new_history(
            log_key, instead_of=instead_of, reason=reason, at=datetime.now(UTC)
        )
    )
    click.echo(f"follows {log_key.split('+', 1)[0]} instead of {instead_of}")


@log_witness.command()
@FOLDER
def show(folder: Path) -> None:
    """The witness's public key, and the newest checkpoint that it cosigned for each log."""
    opened = witness.opened(folder)
    click.echo(f"witness {opened.vkey}")
    for origin, log in sorted(opened.followed.items()):
        ended = "" if log.keys else " (followed no further)"
        root = log.root.hex() if log.root else "none yet"
        click.echo(f"{origin}: size {log.size}, root {root}{ended}")
        if log.fork:
            told = log.fork
            click.echo(
                f"    goes on since {told['at']} instead of {told['instead_of']}"
                f" (size {told['size']}): {told['reason']}"
            )


@log_witness.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8090, show_default=True)
@FOLDER
def serve(host: str, port: int, folder: Path) -> None:
    """Answer the site; refuses to start when its memory was lost."""
    opened = witness.opened(folder)
    for line in opened.recover():
        click.echo(f"mended: {line}")
    try:
        server = WitnessServer((host, port), opened)
    except OSError as problem:
        raise BrokenPromise(f"cannot listen at {host}:{port}: {problem.strerror}") from None
    threading.Thread(target=server.serve_forever, name="log witness", daemon=True).start()
    click.echo(f"log witness {opened.name} at http://{host}:{server.server_port}")
    sys.stdout.flush()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    server.shutdown()
    server.server_close()


def _told(act: Callable[[], None]) -> None:
    try:
        act()
    except Invalid as problem:
        raise click.UsageError(str(problem)) from None
