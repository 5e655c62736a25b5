"""How far a tariff import is, on stderr, while another thread waits for its report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final, TextIO

import msgspec

from tollhouse.cli.errors import CommandError
from tollhouse.cli.link import Link, call
from tollhouse.cli.show import cell

EVERY: Final = 0.5
"""Seconds from one question to the next."""
_PATIENCE: Final = 2
_WIDTH: Final = 12
"""With it 80 columns hold the longest phase and millions of rows."""


class Progress(msgspec.Struct, frozen=True):
    """The result of `tariff.progress`; None where no import runs."""

    phase: str | None = None
    done: int | None = None
    total: int | None = None


def drawn(progress: Progress, columns: int) -> str:
    """The bar, of at most `columns` characters; empty where there is nothing to draw.

    Without a total the phase stands alone; what is done beyond the total counts as all of it.
    """
    if progress.phase is None:
        return ""
    done, total = progress.done or 0, progress.total or 0
    phase = cell(progress.phase)
    if total <= 0:
        return phase[:columns]
    done = min(max(done, 0), total)
    full = _WIDTH * done // total
    return f"[{'#' * full:{_WIDTH}}] {100 * done // total:3d} %  {phase}  {done:,} of {total:,}"[:columns]


@contextmanager
def watched(link: Link, out: TextIO, every: float = EVERY) -> Iterator[None]:
    """Meanwhile asks over `link` how far the import is, and draws it on `out`.

    A terminal has one line, drawn anew, and gone at the end; anything else a line for each that differs. Whatever goes
    wrong with it goes unsaid: the import itself says what counts.
    """
    over = Event()
    thread = Thread(target=_watch, args=(link, out, every, over), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(2 * _PATIENCE)


def _watch(link: Link, out: TextIO, every: float, over: Event) -> None:
    last = ""
    while not over.wait(every):
        with suppress(CommandError, msgspec.MsgspecError, OSError, ValueError):
            answer = call(link, "tariff.progress", {}, _PATIENCE)
            if over.is_set():
                break
            line = drawn(msgspec.json.decode(answer, type=Progress), _columns(out))
            if line and line != last:
                _put(out, line, last)
                last = line
    if last and out.isatty():
        with suppress(OSError, ValueError):
            out.write(f"\r{'':{len(last)}}\r")
            out.flush()


def _columns(out: TextIO) -> int:
    """How long a line may be: on a terminal, no longer than the line, whose last column stays free."""
    return shutil.get_terminal_size().columns - 1 if out.isatty() else 1_000


def _put(out: TextIO, line: str, last: str) -> None:
    out.write(f"\r{line:{len(last)}}" if out.isatty() else f"{line}\n")
    out.flush()
