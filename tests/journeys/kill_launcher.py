"""`tollhouse` with a store that answers and forgets: no batch after the 20th is written."""

from __future__ import annotations

import sys
from typing import Any

from tollhouse.main.__main__ import main
from tollhouse.store.journal import Journal

LAST = 20
append = Journal.append


def forgetful(journal: Journal, number: int, *rest: Any) -> None:
    """What `Journal.append` is replaced by."""
    if number <= LAST:
        append(journal, number, *rest)


if __name__ == "__main__":
    Journal.append = forgetful  # type: ignore[method-assign, assignment]
    sys.exit(main())
