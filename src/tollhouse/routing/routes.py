"""Which carriers take a call, cheapest first, and the number each of them wants to see. Pure."""

from __future__ import annotations

from tollhouse.snapshot.accounts import CarrierRate
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.values.outcomes import Route


def routes(snapshot: Snapshot, called: str) -> tuple[Route, ...]:
    """The carriers for the called number: by price, then priority, then name; empty where none takes it."""
    rates = sorted(snapshot.carriers(called), key=_rank)
    return tuple(Route(rate.carrier, rate.host, rate.add + called[rate.strip :], rate.price) for rate in rates)


def _rank(rate: CarrierRate) -> tuple[int, int, str]:
    return rate.price, rate.priority, rate.carrier
