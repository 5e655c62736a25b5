"""What Prometheus reads: the tally's counters as they stand, and gauges asked at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value of now: `name` without prefix and with its unit last (`store_free_bytes`), what it means, how to ask."""

    name: str
    meaning: str
    ask: Callable[[], int]


class TallyCollector(Collector):
    """`tollhouse_<metric>_total{reason=...}` for every counter, `tollhouse_<gauge>` for every gauge."""

    def __init__(self, counts: Mapping[tuple[str, str], int], gauges: Sequence[Gauge]) -> None:
        self._counts = counts
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """All families, in order of name."""
        families: dict[str, CounterMetricFamily] = {}
        for (metric, reason), count in sorted(self._counts.items()):
            if metric not in families:
                meaning = metric.replace("_", " ")
                families[metric] = CounterMetricFamily(f"tollhouse_{metric}", meaning, labels=["reason"])
            families[metric].add_metric([reason], count)
        yield from families.values()
        for gauge in self._gauges:
            yield GaugeMetricFamily(f"tollhouse_{gauge.name}", gauge.meaning, value=gauge.ask())


def registry(counts: Mapping[tuple[str, str], int], gauges: Sequence[Gauge]) -> CollectorRegistry:
    """A registry of our own (never the global one): the tally, the gauges, and this process's CPU, memory and files."""
    made = CollectorRegistry()
    made.register(TallyCollector(counts, gauges))
    ProcessCollector(registry=made)
    return made


def exposition(of: CollectorRegistry) -> bytes:
    """The text format 0.0.4."""
    return generate_latest(of)
