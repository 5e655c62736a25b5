"""systemd's notification protocol: one datagram to $NOTIFY_SOCKET, where there is one (sd_notify(3))."""

from __future__ import annotations

import logging
import os
import socket
from typing import Final

_LOG: Final = logging.getLogger("tollhouse")


def notify(state: str) -> None:
    """Tell systemd `READY=1`, `WATCHDOG=1` or `STOPPING=1`. Never waits; trouble is logged."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.connect(address)
            out.sendall(state.encode())
    except OSError as trouble:
        _LOG.warning("systemd was not told %s: %s", state, trouble)


def watchdog_period() -> float | None:
    """Seconds between two `WATCHDOG=1`: half of what systemd waits (sd_watchdog_enabled(3)); None where it doesn't."""
    wait = os.environ.get("WATCHDOG_USEC", "")
    if not wait.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(wait) / 2_000_000 or None
