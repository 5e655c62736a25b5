"""Files that other systems wait for: each appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TextIO

import msgspec

from tollhouse.cli.errors import FAILED, CommandError
from tollhouse.values.instants import parse_instant
from tollhouse.wallet.ending import LIST_LASTS, list_line, list_name


class End(msgspec.Struct, frozen=True):
    """Whose wallet ended: done at `at`, on the list of this name."""

    list: Literal["expiredWallet", "removedWallet"]
    at: str
    due: str
    cause: str
    tenant: str
    wallet: str


def write_lists(folder: Path, ends: Sequence[End]) -> Iterator[Path]:
    """A file for each minute from the first line of a list on (requirement oracle_vws, case 70); `ends` in the order of
    their times. One that is there already is the same, or CommandError: no line is ever taken away."""
    for name in sorted({end.list for end in ends}):
        opened, lines = 0, list[str]()
        for end in (one for one in ends if one.list == name):
            at = parse_instant(end.at)
            if lines and at >= opened + LIST_LASTS:
                yield _write(folder / list_name(name, opened), lines)
                lines = []
            opened = opened if lines else at
            lines.append(list_line(end.due, end.cause, end.tenant, end.wallet) + "\n")
        yield _write(folder / list_name(name, opened), lines)


def _write(path: Path, lines: Sequence[str]) -> Path:
    text = "".join(lines)
    try:
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise CommandError(FAILED, f"{path} is there, with other lines: was it written for another time?")
    except (OSError, ValueError) as trouble:
        raise CommandError(FAILED, f"cannot read {path}: {trouble}") from None
    with whole_file(path) as out:
        out.write(text)
    return path


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A file that takes its name when it is whole and on disk: who waits for it never reads half of one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    made = False
    try:
        with draft.open("x", encoding="utf-8", newline="") as out:
            made = True
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError as trouble:
        raise CommandError(FAILED, f"cannot write {path}: {trouble.strerror}") from None
    finally:
        if made:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
