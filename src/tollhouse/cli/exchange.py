"""What a probe tells of one packet."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Exchange(msgspec.Struct, frozen=True):
    """A request and its answer, a line each; an empty answer where nothing usable came, and `error` says why."""

    request: str
    answer: Sequence[str]
    elapsed_us: int
    error: str = ""
