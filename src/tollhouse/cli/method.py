"""What a command of the command line is: its words, its arguments, how its result is shown."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Kind(enum.Enum):
    """How an argument is read, and what it becomes in JSON."""

    TEXT = "TEXT"
    NUMBER = "N"
    FLAG = ""
    FOLDER = "DIR"
    """A path, made absolute: the engine runs elsewhere."""
    FILE = "FILE"
    """A file that is read here."""
    OR_NONE = "TEXT|none"
    """A text, or `none` for null."""
    LIST = "A,B"
    """Texts, separated by commas."""
    JSON = "JSON|@FILE"
    """What the API takes, or a file that holds it."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a method. A positional one goes without its name; any other is `--name`."""

    name: str
    help: str
    kind: Kind = Kind.TEXT
    positional: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()


REQUEST_ID: Final = Argument("request_id", "the request's own id: the same id again moves nothing (default: a new one)")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the API.

    `words`: how it is called here, where not noun and verb of its name. `on_disk`: the disk answers it too, where no
    engine runs. `rows`: the key of the result's list, shown as a table of `columns` (a dot goes into an object).
    `patience`: seconds within which an answer begins.
    """

    name: str
    help: str
    arguments: tuple[Argument, ...] = ()
    words: tuple[str, ...] = ()
    on_disk: bool = False
    rows: str = ""
    columns: tuple[str, ...] = ()
    patience: int = 30
    options: tuple[Argument, ...] = ()
    """Flags that ask another method the same: that of the verb `explain` for --explain."""
    local: tuple[Argument, ...] = ()
    """Flags that concern this command alone, and that no method is told of."""

    @property
    def path(self) -> tuple[str, ...]:
        """The words of the command."""
        return self.words or tuple(self.name.split("."))

    @property
    def moves_money(self) -> bool:
        """Whether it carries a request id: the same id again is the same request."""
        return REQUEST_ID in self.arguments
