"""Counts of what happened, cheap enough for every packet; the console turns them into Prometheus metrics."""

from __future__ import annotations

import logging
from bisect import bisect_left
from typing import Final

from tollhouse.values.instants import SECOND, Duration, Instant

STEPS: Final[tuple[Duration, ...]] = (
    *(250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000),
    SECOND,
)
"""Upper ends of a spread's steps; what took longer falls behind the last one."""


class Spread:
    """How long something took, each time: `counts[i]` times at most `STEPS[i]` and more than the step before."""

    def __init__(self) -> None:
        self.counts = [0] * (len(STEPS) + 1)
        self.total: Duration = 0


class Tally:
    """Counters by (metric, label). Names are without prefix: `radius_dropped` -> tollhouse_radius_dropped_total."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.spreads: dict[str, Spread] = {}
        self._said: dict[tuple[str, str], Instant] = {}

    def count(self, metric: str, label: str = "", by: int = 1) -> None:
        """Add to a counter; `label` is one of few fixed words (a reason, a kind), never a peer's text."""
        key = (metric, label)
        self.counts[key] = self.counts.get(key, 0) + by

    def took(self, metric: str, duration: Duration) -> None:
        """Add to a spread; a clock that was set back meanwhile counts as no time. About 0.3 us: once a batch."""
        spread = self.spreads.get(metric)
        if spread is None:
            spread = self.spreads[metric] = Spread()
        duration = max(duration, 0)
        spread.counts[bisect_left(STEPS, duration)] += 1
        spread.total += duration

    def trouble(self, metric: str, reason: str, now: Instant, detail: str = "") -> None:
        """Count, and write one log line a second at most for each reason. `detail` must hold no secret."""
        self.count(metric, reason)
        key = (metric, reason)
        if now - self._said.get(key, -SECOND) >= SECOND:
            self._said[key] = now
            printable = detail[:200].encode("unicode_escape").decode("ascii")
            logging.getLogger("tollhouse").warning("%s reason=%s %s", metric, reason, printable)
