"""The command line as its user has it: words in, exit status and two streams out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import Process, running_demo

from tollhouse.main.__main__ import main


@dataclass(frozen=True)
class Said:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result, of a command that was given --json."""
        return json.loads(self.out)

    def values(self) -> dict[str, str]:
        """Names and values of an object that was shown."""
        rows = [line.split(None, 1) for line in self.out.splitlines() if not line.startswith(" ")]
        return {row[0]: row[1] for row in rows if len(row) == 2}


def tollhouse(*words: str) -> Said:
    """The console script's own entry point, with these words."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(words)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return Said(status, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Desk:
    """Commands to one running demo."""

    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.process.http}"

    @property
    def data(self) -> Path:
        return data_of(self.process)

    def __call__(self, *words: str) -> Said:
        return tollhouse(*words, "--url", self.url)


def data_of(process: Process) -> Path:
    """The demo's data directory."""
    return process.directory / "demo" / "data"


@contextmanager
def demo_desk(directory: Path) -> Iterator[Desk]:
    """A demo of its own."""
    with running_demo(directory) as process:
        yield Desk(process)
