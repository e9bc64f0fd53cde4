"""The process of the simulated cell: `python -m hardware.simulators.host --help`.

It binds 127.0.0.1 only (denial-of-service issues of the OPC UA stack are open), prints one line of
JSON with the ports when everything listens, and ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hardware.simulators.control_server import ControlServer
from hardware.simulators.memory import MemoryUnreadable
from hardware.simulators.plant import Plant, PlantConfig

TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Settings of one host; ports of 0 are chosen by the system and announced.

    `token` opens the control channel, at least 16 characters. `offset` is site time minus real
    time at the start. With a `state_file` the machines go on where they stood.
    """

    pki: Path
    token: str
    opcua_port: int = 0
    modbus_port: int = 0
    control_port: int = 0
    offset: timedelta = timedelta(0)
    seed: int = 1
    state_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the host listens, on 127.0.0.1."""

    opcua_port: int
    modbus_port: int
    control_port: int


async def serve(
    config: SimulatorConfig,
    *,
    ready: Callable[[Addresses], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the cell until cancelled or `stop` is set; `ready` is called when everything listens."""
    plant = Plant(
        PlantConfig(
            pki=config.pki,
            opcua_port=config.opcua_port,
            modbus_port=config.modbus_port,
            offset=config.offset,
            seed=config.seed,
            state_file=config.state_file,
        )
    )
    control = ControlServer(plant, port=config.control_port, token=config.token)
    await plant.start()
    clock = asyncio.create_task(plant.run())
    try:
        await control.start()
        if ready is not None:
            ready(Addresses(plant.opcua.port, plant.modbus.port, control.port))
        await _until_over(clock, stop or asyncio.Event())
    finally:
        clock.cancel()
        with suppress(asyncio.CancelledError):
            await clock
        await control.stop()
        await plant.stop()


async def _until_over(clock: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait for `stop`; an error of the clock ends the host with that error."""
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({clock, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if clock in done:
        clock.result()


async def _serve_until_signal(config: SimulatorConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, ready=_announce, stop=stop)


def _announce(addresses: Addresses) -> None:
    line = {
        "ready": True,
        "opcua_port": addresses.opcua_port,
        "modbus_port": addresses.modbus_port,
        "control_port": addresses.control_port,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the host from the command line; returns the exit code."""
    options = _parser().parse_args(argv)
    token = options.token_file.read_text().strip()
    if len(token) < TOKEN_LENGTH:
        sys.stderr.write(f"the token needs at least {TOKEN_LENGTH} characters\n")
        return 2
    logging.basicConfig(level=logging.WARNING)
    config = SimulatorConfig(
        pki=options.pki,
        token=token,
        opcua_port=options.opcua_port,
        modbus_port=options.modbus_port,
        control_port=options.control_port,
        offset=timedelta(seconds=options.offset),
        seed=options.seed,
        state_file=options.state_file,
    )
    try:
        asyncio.run(_serve_until_signal(config))
    except MemoryUnreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The simulated cell of the demo plant.")
    parser.add_argument("--pki", type=Path, required=True, help="folder of the certificates")
    parser.add_argument(
        "--token-file", type=Path, required=True, help="file with the token of the control channel"
    )
    parser.add_argument("--opcua-port", type=int, default=0)
    parser.add_argument("--modbus-port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--offset", type=float, default=0.0, help="site time minus real time, s")
    parser.add_argument("--seed", type=int, default=1, help="seed of the measurement noise")
    parser.add_argument("--state-file", type=Path, help="where the machines remember their state")
    return parser


if __name__ == "__main__":
    sys.exit(main())
