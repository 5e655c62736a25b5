"""What /metrics says, and waiting for it to say so."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.processes import PATIENCE, Process


def metric(process: Process, name: str, reason: str = "") -> int:
    """A counter or a gauge; 0 where it has not been counted yet."""
    label = f'{{reason="{reason}"}}' if reason else ""
    for line in process.metrics().splitlines():
        if line.startswith(f"tollhouse_{name}{label} "):
            return int(float(line.rpartition(" ")[2]))
    return 0


def until(condition: Callable[[], object]) -> None:
    """Ask until it holds; TimeoutError where it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it never came to hold")
        time.sleep(0.01)
