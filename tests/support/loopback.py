"""No test talks to the world: connections may go to this machine only.

An audit hook of the interpreter sees every connection that Python code opens, whichever library
opens it. What it raises is no OSError, so that no code under test takes it for a lost line.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

ADDRESSED = {"socket.connect": 1, "socket.sendto": 1}
NAMED = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0}


class OutsideConnection(BaseException):
    """A test tried to reach another machine."""


def is_local(host: object) -> bool:
    """Whether a host name or address means this machine."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ADDRESSED:
        connection, address = arguments[0], arguments[ADDRESSED[event]]
        if connection.family != socket.AF_UNIX and not is_local(address[0]):
            raise OutsideConnection(f"a test tried to reach {address[0]}")
    elif event in NAMED and not is_local(arguments[NAMED[event]]):
        raise OutsideConnection(f"a test asked for the address of {arguments[NAMED[event]]}")


def forbid_the_world() -> None:
    """Install the hook for the rest of this process; it cannot be taken out again."""
    sys.addaudithook(_hook)
