"""Counts of what happened, cheap enough for every packet; the console turns them into Prometheus metrics."""

from __future__ import annotations

import logging

from tollhouse.values.instants import SECOND, Instant


class Tally:
    """Counters by (metric, label). Names are without prefix: `radius_dropped` -> tollhouse_radius_dropped_total."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._said: dict[tuple[str, str], Instant] = {}

    def count(self, metric: str, label: str = "", by: int = 1) -> None:
        """Add to a counter; `label` is one of few fixed words (a reason, a kind), never a peer's text."""
        key = (metric, label)
        self.counts[key] = self.counts.get(key, 0) + by

    def trouble(self, metric: str, reason: str, now: Instant, detail: str = "") -> None:
        """Count, and write one log line a second at most for each reason. `detail` must hold no secret."""
        self.count(metric, reason)
        key = (metric, reason)
        if now - self._said.get(key, -SECOND) >= SECOND:
            self._said[key] = now
            printable = detail[:200].encode("unicode_escape").decode("ascii")
            logging.getLogger("tollhouse").warning("%s reason=%s %s", metric, reason, printable)
