"""Why a command ends with something else than 0: the exit status, and the words for stderr."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Refused, or it failed."""
USAGE: Final = 2
"""The command line is wrong (argparse's own status)."""
SILENT: Final = 3
"""Nothing answers, or no engine runs where one is needed."""


class CommandError(Exception):
    """The command ends here. Never says a secret."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class SilentError(CommandError):
    """Nothing answers, or no engine runs where one is needed: nothing was done."""

    def __init__(self, text: str) -> None:
        super().__init__(SILENT, text)


class LostError(CommandError):
    """The request went out and no answer came: whether it was done is not known."""

    def __init__(self, text: str) -> None:
        super().__init__(SILENT, text)
