"""The end of the process when the store is in trouble."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import Final, NoReturn

import lmdb

EXIT_STATUS: Final = 70
"""EX_SOFTWARE of sysexits.h; systemd restarts on it."""
_ROOM: Final = 1 << 20
"""With less than this free, in octets, LMDB's trouble is the disk."""


def die(reason: str) -> NoReturn:
    """Say why on stderr and in the log, flush both, and end here and now.

    No exception and no clean-up: Twisted would log an exception and go on serving memory that the disk does not hold.
    """
    message = f"tollhouse: store trouble, the process ends: {reason}"
    os.write(sys.stderr.fileno(), f"{message}\n".encode(errors="replace"))
    logging.getLogger("tollhouse").critical("%s", message)
    for handler in logging.getLogger().handlers + logging.getLogger("tollhouse").handlers:
        handler.flush()
    os._exit(EXIT_STATUS)


def describe(doing: str, error: BaseException, free: int | None = None) -> str:
    """One line for `die`: what was being done and what went wrong; a full disk is called a full disk.

    `free`: octets free now, where they could be asked for. LMDB calls a write that a full disk cut short an I/O error.
    """
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    cut_short = isinstance(error, lmdb.Error) and free is not None and free < _ROOM
    if full or cut_short or isinstance(error, lmdb.DiskError):
        return f"disk full while {doing}: {error}. Make room and start again; nothing acknowledged is lost"
    return f"{type(error).__name__} while {doing}: {error}"
