"""What Prometheus reads: the tally's counters and spreads as they stand, and gauges asked at the moment of the scrape.

Names and units follow prometheus.io/docs/practices/naming: `tollhouse_` first, base units, `_total` behind counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tollhouse.engine.tally import STEPS, Spread, Tally
from tollhouse.values.instants import SECOND

COUNTERS: Final[dict[str, tuple[str, str]]] = {
    "config_compile_failed": ("reason", "Changes of the configuration that are not in force"),
    "config_published": ("", "Generations of the configuration put in force"),
    "diameter_answers": ("code", "Diameter answers by Result-Code"),
    "diameter_answers_unasked": ("", "Diameter answers to nothing that was asked"),
    "diameter_clients_restarted": ("", "Diameter peers that came back with another Origin-State-Id"),
    "diameter_closed": ("reason", "Diameter connections closed"),
    "diameter_connections": ("event", "Diameter connections"),
    "diameter_dropped": ("reason", "Diameter connections turned away"),
    "diameter_errors": ("code", "Diameter messages that were wrong, by the Result-Code they got"),
    "diameter_repeats": ("body", "Diameter requests seen before, by whether their body was the same"),
    "diameter_requests": ("kind", "Diameter requests that were understood, repeats aside"),
    "diameter_usage_in_other_units": ("", "Diameter reports in units that the session does not count"),
    "diameter_watchdog": ("event", "Diameter watchdogs"),
    "engine_answer_bugs": ("", "Answers that could not be given: bugs of ours"),
    "engine_batches": ("", "Turns of the engine; each is made durable once"),
    "engine_bugs": ("", "Commands that broke and were thrown away: bugs of ours"),
    "engine_clock_behind": ("clock", "Times the wall clock was found over 2 s behind engine time"),
    "engine_commands": ("", "Commands taken into batches"),
    "engine_disconnects": ("reason", "Sessions that were to end before their clients ended them"),
    "engine_joins_by_window": ("", "Reports joined to their authorisation by user, calling and called number alone"),
    "engine_quarantines": ("", "Wallets put into quarantine after a command on them broke"),
    "engine_refusals": ("refusal", "Commands refused"),
    "http_refused": ("reason", "HTTP requests refused before their body was looked at"),
    "jsonrpc_errors": ("code", "JSON-RPC requests answered with an error"),
    "jsonrpc_requests": ("method", "JSON-RPC requests that were understood"),
    "radius_accounting_refused": ("refusal", "RADIUS reports that were refused for good, and acknowledged"),
    "radius_answers": ("code", "RADIUS answers"),
    "radius_dropped": ("reason", "RADIUS packets dropped in silence"),
    "radius_duplicates": ("what", "RADIUS packets seen before, by what became of them"),
    "radius_requests": ("kind", "RADIUS requests that were understood"),
    "radius_send_failed": ("error", "RADIUS answers that the socket did not take"),
    "radius_silent": ("reason", "RADIUS requests that got no answer on purpose"),
    "radius_suspect": ("reason", "RADIUS requests that hint at a wrong setting"),
    "sip_acks": ("", "SIP ACKs to answers of ours"),
    "sip_answers": ("code", "SIP answers by status"),
    "sip_dropped": ("reason", "SIP messages dropped in silence"),
    "sip_invites": ("", "SIP INVITEs that were understood"),
    "sip_keepalives": ("", "SIP keep-alive datagrams"),
    "sip_malformed": ("reason", "SIP messages that were wrong"),
    "sip_no_ack": ("", "SIP answers that no ACK followed"),
    "sip_repeats": ("", "SIP requests seen before"),
    "sip_unknown_acks": ("", "SIP ACKs to nothing that is known"),
    "sip_unsent": ("reason", "SIP answers that the socket did not take"),
    "store_checkpoints": ("", "Checkpoints: the journal carried into the state"),
    "store_days_dropped": ("", "Days of records past their retention that were dropped"),
    "store_days_kept": ("reason", "Looks at days past their retention that found one to be kept, as it does not prove"),
}
"""Every counter: the name of its label ("" = it has none) and what it counts."""

SPREADS: Final = {
    "engine_turn": "From the first command of a batch until all its answers are out",
    "store_append": "Making a batch durable: one write, one fdatasync",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value of now: `name` without prefix and with its unit last (`store_free_bytes`), what it means, how to ask."""

    name: str
    meaning: str
    ask: Callable[[], float]


class TallyCollector(Collector):
    """`tollhouse_<metric>_total{...}` for every counter, `tollhouse_<spread>_seconds`, `tollhouse_<gauge>`."""

    def __init__(self, tally: Tally, gauges: Sequence[Gauge]) -> None:
        self._tally = tally
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """All families. A counter without a label is there from the start, at 0."""
        for metric, (label, meaning) in COUNTERS.items():
            yield self._counter(metric, label, meaning)
        for metric, meaning in SPREADS.items():
            yield histogram(f"tollhouse_{metric}_seconds", meaning, self._tally.spreads.get(metric) or Spread())
        for gauge in self._gauges:
            yield GaugeMetricFamily(f"tollhouse_{gauge.name}", gauge.meaning, value=gauge.ask())

    def _counter(self, metric: str, label: str, meaning: str) -> Metric:
        counts = self._tally.counts
        if not label:
            return CounterMetricFamily(f"tollhouse_{metric}", meaning, value=counts.get((metric, ""), 0))
        family = CounterMetricFamily(f"tollhouse_{metric}", meaning, labels=[label])
        for (name, word), count in sorted(counts.items()):
            if name == metric:
                family.add_metric([word], count)
        return family


def histogram(name: str, meaning: str, spread: Spread) -> Metric:
    """Microseconds as a histogram in seconds: each bucket counts all that was at most its end."""
    ends = [*(str(step / SECOND) for step in STEPS), "+Inf"]
    buckets = list(zip(ends, accumulate(spread.counts), strict=True))
    return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=spread.total / SECOND)


def registry(tally: Tally, gauges: Sequence[Gauge]) -> CollectorRegistry:
    """A registry of our own (never the global one): the tally, the gauges, and this process's CPU, memory and files."""
    made = CollectorRegistry()
    made.register(TallyCollector(tally, gauges))
    ProcessCollector(registry=made)
    return made


def exposition(of: CollectorRegistry) -> bytes:
    """The text format 0.0.4."""
    return generate_latest(of)
