"""What is wrong with the configuration: gathered, so that all of it is reported at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import msgspec

from tollhouse.configdb.secrets import SecretError

T = TypeVar("T")
P = ParamSpec("P")


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One thing that is wrong, in which table, row and column (empty: the row as a whole). Never holds a secret."""

    table: str
    row: str
    column: str
    text: str

    def __str__(self) -> str:
        place = f"{self.row}: {self.column}" if self.column else self.row
        return f"{self.table} {place}: {self.text}"


class Faults:
    """The list, and the ways onto it."""

    def __init__(self) -> None:
        self.found: dict[Fault, None] = {}
        """In the order in which they were found; the same one is told once."""

    def add(self, table: str, row: str, column: str, text: str) -> None:
        self.found[Fault(table, row, column, text)] = None

    def need(self, holds: bool, table: str, row: str, column: str, text: str) -> None:
        """A fault unless it holds."""
        if not holds:
            self.add(table, row, column, text)

    def read(
        self, table: str, row: str, column: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """What the function returns; where it raises ValueError or SecretError, a fault and None."""
        try:
            return function(*args, **kwargs)
        except (ValueError, SecretError) as trouble:
            self.add(table, row, column, str(trouble))
            return None
