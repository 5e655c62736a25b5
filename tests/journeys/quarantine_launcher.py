"""`tollhouse` with a bug planted in the middle of two decisions: while $BUG_FILE names a wallet, commands on it break.

An opening breaks where its money is held, an end after its last usage was posted: half of what each does is done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tollhouse.engine import charge, ends
from tollhouse.main.__main__ import main

BUG_FILE = Path(os.environ["BUG_FILE"])


def buggy(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, broken for one wallet."""

    def broken(wallet: Any, *arguments: Any) -> Any:
        if BUG_FILE.exists() and BUG_FILE.read_text() == wallet.name:
            raise ZeroDivisionError("a bug, planted")
        return function(wallet, *arguments)

    return broken


if __name__ == "__main__":
    charge.reserve = buggy(charge.reserve)  # type: ignore[assignment]
    ends.give_back = buggy(ends.give_back)  # type: ignore[assignment]
    sys.exit(main())
