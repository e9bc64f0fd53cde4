"""A disk without room: a small file system in memory (root), or a limit on the size of files."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SMALL_DISK = "96m"
CAP_SYS_ADMIN = 21
PAGE = 4096
NO_LIMIT = resource.RLIM_INFINITY


def may_mount() -> bool:
    """Whether this process may mount a file system of its own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(line.split()[1] for line in lines if line.startswith("CapEff:"))
    return os.geteuid() == 0 and bool(int(effective, 16) >> CAP_SYS_ADMIN & 1)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """`folder` is a file system of its own with little room, until the end of the block."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def ballast(folder: Path) -> Iterator[None]:
    """The file system of `folder` is full, to the last byte, until the end of the block."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as output:
        size = 1 << 20
        while size:
            try:
                output.write(bytes(size))
            except OSError:
                size //= 2
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def limited(processes: Callable[[], list[int]]) -> Iterator[None]:
    """These processes may write to no file beyond its first page, until the end of the block."""
    pids = processes()
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (PAGE, NO_LIMIT))
    try:
        yield
    finally:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))
