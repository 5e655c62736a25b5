"""A disk of its own for one process, small enough to be filled: a tmpfs, mounted by root or within `unshare -rm`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.processes import Process, running_serve

import tollhouse
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.demo import load_demo

DEMO = Path(tollhouse.__file__).resolve().parents[2] / "etc" / "demo"
MIB = 2**20
PAGE = 4096


@contextmanager
def small_disk(at: Path, size: int) -> Iterator[None]:
    """A file system of `size` octets on the directory; skips the test where none can be made, fails it in CI."""
    at.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tollhouse-test", str(at)], capture_output=True, check=False
    )
    if made.returncode:
        reason = "no file system can be mounted here: needs root, or pytest within `unshare -rm`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def free(disk: Path) -> int:
    """Octets that can still be written."""
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def fill(disk: Path, leave: int = 0) -> Path:
    """A file that leaves so many octets free; removing it makes room."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file, suppress(OSError):
        while (room := free(disk) - leave) >= PAGE:
            file.write(bytes(min(room, MIB) // PAGE * PAGE))
            file.flush()
    return ballast


@contextmanager
def serving(directory: Path, settings: str) -> Iterator[Process]:
    """The demo's configuration under `tollhouse serve`, with these settings besides; its data are in `data`."""
    if not (directory / "config.sqlite").exists():
        database = ConfigDatabase(directory / "config.sqlite", directory / "key")
        load_demo(database, DEMO, 0)
        database.close()
    with running_serve(directory, f"{settings}\n") as process:
        yield process
