"""The command `batchwright`: everything that is done without a screen. Exit codes: 0 done,
1 a promise does not hold or a check failed, 2 wrong use, 3 refused by a rule."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from core import logs
from core.errors import BatchwrightError, Refusal
from core.settings import Settings

LATER = {
    "anchors": "app.anchorcli",
    "attack": "app.attackcli",
    "backup": "app.backupcli",
    "backup-key": "app.backupcli",
    "drill": "app.backupcli",
    "export": "app.exportcli",
    "keys": "app.keycli",
    "log-witness": "app.witnesscli",
    "message": "app.messagecli",
    "print": "app.printcli",
    "rebuild": "app.rebuildcli",
    "recipe": "app.recipecli",
    "restore": "app.backupcli",
    "simulate": "app.simulatecli",
    "user": "app.usercli",
}
"""Groups with a module of their own, loaded when they are asked for: loading takes seconds."""

NOT_THERE = re.compile(r"cannot load library '([^']+)'")


class Telling(click.Group):
    """Ends refusals and broken promises with one clear line and their exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, those of groups that are not loaded yet included."""
        return sorted({*super().list_commands(ctx), *LATER})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; its module is loaded now if need be."""
        if cmd_name in LATER and cmd_name not in self.commands:
            found = getattr(import_module(LATER[cmd_name]), cmd_name.replace("-", "_"))
            self.add_command(found)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            click.echo(f"refused: {refusal}", err=True)
            ctx.exit(3)
        except BatchwrightError as error:
            click.echo(f"stopped: {error}", err=True)
            ctx.exit(1)


@click.group(cls=Telling, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="folder of the site")
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """Workflow engine for regulated manufacturing: batch records that prove themselves."""
    context.obj = _settings(home)
    logs.configure(level=context.obj.log_level)


def _settings(home: Path | None) -> Settings:
    found = Settings.from_environment()
    if home is None:
        return found
    url = f"sqlite:///{home.absolute() / 'site.db'}"
    return replace(found, home=home.absolute(), database_url=url, owner_url=url)


@main.command()
@click.option("--port", default=8000, show_default=True, help="wanted port of the web server")
@click.pass_obj
def run(settings: Settings, port: int) -> None:
    """Start the demonstration site (made at the first start): cell, gateway, worker and web."""
    from app import standby

    parts = standby.loading(*standby.ALL)  # first, so that they load beside this process
    from app import serving

    sys.exit(serving.run(settings, port=serving.free_port(port), say=click.echo, parts=parts))


@main.command()
@click.option("--port", default=8000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--threads", default=16, show_default=True)
@click.pass_obj
def web(settings: Settings, port: int, host: str, threads: int) -> None:
    """Serve the screens and the API."""
    from app import wsgi
    from app.bootstrap import require_site

    require_site(settings)
    wsgi.serve(settings, host=host, port=port, threads=threads)


@main.command()
@click.pass_obj
def worker(settings: Settings) -> None:
    """Do jobs, watch waits and conditions, sequence the audit log."""
    from app import advancing
    from app.bootstrap import compose
    from app.worker import SiteWorker

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    SiteWorker(compose(settings), owner="worker", more=advancing.JOBS).run(stop)


@main.command()
@click.pass_obj
def gateway(settings: Settings) -> None:
    """Talk to the machines: OPC UA and Modbus, historian, writes."""
    from app.bootstrap import compose
    from hardware.gateway import run_gateway

    async def until_signal() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run_gateway(compose(settings), settings, stop=stop)

    asyncio.run(until_signal())


@main.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to the schema of this version."""
    from app import schema

    schema.upgrade_site(settings)
    click.echo("the database has the schema of this version")


@main.command()
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="share the records of a large site out to so many processes",
)
@click.pass_obj
def verify(settings: Settings, processes: int) -> None:
    """Verify the live site: chains, log, checkpoints, signatures, rows against entries."""
    from app import checking

    sys.exit(checking.verify(settings, say=click.echo, processes=processes))


@main.command()
@click.option("--all", "ended", is_flag=True, help="runs that have ended, too")
@click.pass_obj
def rehearse(settings: Settings, ended: bool) -> None:
    """Before an upgrade: do every open run again from its journal on this version, in a copy.

    Names each run that would come to another state. The site itself is only read.
    """
    from app import rehearsing

    sys.exit(rehearsing.rehearse(settings, ended=ended, say=click.echo))


@main.command()
@click.pass_obj
def doctor(settings: Settings) -> None:
    """Check the installation: libraries, folders, database, triggers, keys, assets."""
    from app import checking

    sys.exit(checking.doctor(settings, say=click.echo))


@main.group(invoke_without_command=True)
@click.pass_context
def demo(context: click.Context) -> None:
    """Run one whole batch without a screen, release it and verify its bundle.

    Each run makes a site of its own in a dated folder; its database is a file there, or the empty
    one that BATCHWRIGHT_DATABASE_URL and BATCHWRIGHT_OWNER_URL name on a server.
    """
    if context.invoked_subcommand is not None:
        return
    from app.standby import loading

    parts = loading()  # first, so that they load beside this process
    from app.demo import running

    sys.exit(running.run(Path("var/demo"), say=click.echo, parts=parts, given=context.obj))


@demo.command("reset")
@click.pass_obj
def demo_reset(settings: Settings) -> None:
    """Put the demonstration site aside under a dated name; the next run makes a new one."""
    from app import demoreset

    click.echo(demoreset.put_aside(settings))


@demo.command("labels")
@click.option("--to", "file", type=click.Path(path_type=Path), default=Path("demo-labels.pdf"))
@click.pass_obj
def demo_labels(settings: Settings, file: Path) -> None:
    """One PDF of badges, drums, containers, equipment and rooms to scan or type."""
    from app import demolabels

    click.echo(str(demolabels.write(settings, file)))


@demo.command("bioreactor")
@click.pass_obj
def demo_bioreactor(settings: Settings) -> None:
    """Bring the example recipe REC-0030 (fed-batch culture) into the demonstration site.

    With bioreactor, analyser, materials and training; start the site anew afterwards, so that its
    gateway knows the new machine.
    """
    from app import demoexample

    demoexample.bring(settings, say=click.echo)


@demo.command("history")
@click.pass_obj
def demo_history(settings: Settings) -> None:
    """Make a site with the past of the plant: 22 batches run before, and what stands today."""
    from app.history import keeping

    keeping.make_or_copy(settings, Path(keeping.KEPT), say=click.echo)
    click.echo(f"start it with: batchwright --home {settings.home} run")


def entry() -> None:
    """Run the command line; a library of the system that is missing ends it with 2 and its name."""
    try:
        main(prog_name="batchwright")
    except OSError as problem:
        missing = NOT_THERE.match(str(problem))
        if missing is None:
            raise
        click.echo(
            f"stopped: this machine lacks {missing[1]}, which the PDF records need; on Debian:\n"
            "    apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
            err=True,
        )
        sys.exit(2)


if __name__ == "__main__":
    entry()
