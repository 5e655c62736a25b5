"""The price of one session: found once, self-contained, stored under its hash, able to rate any usage afterwards."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tollhouse.rating.calendar import in_force
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.snapshot.tariff import Activation, Interval, Profile
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Timing

ANYONE = "*any"
ANYTIME = Timing()
FALLBACK_DEPTH = 3


class Part(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one plan charges for one prefix from `at` on (0 for the first part: from the session's start).

    `intervals` are those of one `destination`, in the plan's order; empty only while a price is being put together.
    """

    at: Instant
    plan: str
    prefix: str
    intervals: tuple[Interval, ...]
    destination: str = ""


class Price(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All that rates a session. Equal plan, prefix and activation give equal prices, whenever the session starts.

    `parts` are sorted by time, at least one. `ends` > 0: no plan prices the destination from then on, so no more is
    granted beyond it; usage that comes all the same is charged by the last part. `units`: of a named event, which
    units pay for it, and how many steps of each.
    """

    service: Service
    unit: str
    decimals: int
    zone: str
    parts: tuple[Part, ...]
    ends: Instant = 0
    units: tuple[tuple[str, int], ...] = ()

    @property
    def plan(self) -> str:
        """The rating plan at the session's start."""
        return self.parts[0].plan

    @property
    def prefix(self) -> str:
        """The prefix of the called number that was priced at the session's start; empty: the plan's `*any`."""
        return self.parts[0].prefix


class Query(msgspec.Struct, frozen=True, gc=False):
    """What is being priced, the same for every profile and plan that is looked at."""

    snapshot: Snapshot
    tenant: str
    category: str
    service: Service
    called: str
    zone: str


def resolve(
    snapshot: Snapshot,
    tenant: str,
    category: str,
    service: Service,
    subject: str,
    called: str,
    start: Instant,
    longest: int,
) -> Price | Refused:
    """The price of a session that starts at `start` and lasts `longest` microseconds at most (voice).

    The exact subject's profile decides, else that of `*any` (requirement cgrates 2.1). A plan's longest prefix with an
    interval active at its beginning wins before any weight; then the plan's `*any`; then the activation's fallback
    subjects. Usage other than voice is never split by time: it takes the interval in force at its start.
    """
    profile = snapshot.profile(tenant, category, service, subject)
    if profile is None:
        profile = snapshot.profile(tenant, category, service, ANYONE)
    if profile is None:
        return Refused(Refusal.NO_RATE, f"no {service} tariff for subject {subject!r} in category {category!r}")
    return _price(Query(snapshot, tenant, category, service, called, profile.zone), profile, start, longest)


def resolve_plan(
    snapshot: Snapshot,
    plan: str,
    service: Service,
    called: str,
    start: Instant,
    longest: int,
    terms: Profile,
) -> Price | Refused:
    """The same as if a subject were charged by this one plan at all times, in the unit and zone of `terms`."""
    always = replace(terms, activations=(Activation(0, plan),))
    return _price(Query(snapshot, "", "", service, called, terms.zone), always, start, longest)


def _price(query: Query, profile: Profile, start: Instant, longest: int) -> Price | Refused:
    until = start + longest if query.service is Service.VOICE else start
    parts = _parts(query, profile, start, until, FALLBACK_DEPTH)
    priced = 0
    while priced < len(parts) and parts[priced].intervals:
        priced += 1
    if not priced:
        return Refused(Refusal.NO_RATE, f"no rate for {query.called!r}")
    ends = parts[priced].at if priced < len(parts) else 0
    first = parts[0]
    kept = (Part(0, first.plan, first.prefix, first.intervals, first.destination), *parts[1:priced])
    return Price(query.service, profile.unit, profile.decimals, profile.zone, kept, ends)


def _parts(query: Query, profile: Profile, since: Instant, until: Instant, depth: int) -> list[Part]:
    """One part (or, by fallback, several) for each activation of the profile in force between the two instants.

    A part without intervals says that nothing prices its time.
    """
    parts: list[Part] = []
    entries = _activations(profile, since, until)
    for index, activation in enumerate(entries):
        begin = max(activation.at, since)
        part = _part(query, activation.plan, begin)
        if part.intervals or not depth:
            parts.append(part)
        else:
            end = entries[index + 1].at - 1 if index + 1 < len(entries) else until
            parts.extend(_fallback(query, activation.fallback, begin, end, depth - 1) or [part])
    return parts


def _activations(profile: Profile, since: Instant, until: Instant) -> list[Activation]:
    """The activation in force at `since` and those that follow up to `until`; before the first one, a gap left to
    subject `*any`."""
    found = [activation for activation in profile.activations if activation.at <= until]
    past = 0
    while past < len(found) and found[past].at <= since:
        past += 1
    return found[past - 1 :] if past else [Activation(since, "", (ANYONE,)), *found]


def _fallback(query: Query, subjects: tuple[str, ...], since: Instant, until: Instant, depth: int) -> list[Part] | None:
    """The parts of the first subject whose profile prices the whole time."""
    for subject in subjects:
        profile = query.snapshot.profile(query.tenant, query.category, query.service, subject)
        if profile is not None:
            parts = _parts(query, profile, since, until, depth)
            if all(part.intervals for part in parts):
                return parts
    return None


def _part(query: Query, plan: str, at: Instant) -> Part:
    """The plan's longest prefix of the called number that has an interval active at the instant."""
    for rates in query.snapshot.rates(plan, query.called) if plan else ():
        if len(rates.destinations) == 1:
            destination, intervals = rates.destinations[0]
            if len(intervals) == 1 and intervals[0].timing == ANYTIME:
                return Part(at, plan, rates.prefix, intervals, destination)
        now, _ = in_force(rates.intervals, query.zone, at)
        if now is None:
            continue
        destination, intervals = next(one for one in rates.destinations if now in one[1])
        chosen = _rivals(intervals) if query.service is Service.VOICE else (replace(now, timing=ANYTIME),)
        return Part(at, plan, rates.prefix, chosen, destination)
    return Part(at, plan, "", ())


def _rivals(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """A destination's intervals without those that one in force at all times outweighs."""
    least = max((interval.weight for interval in intervals if interval.timing == ANYTIME), default=None)
    return intervals if least is None else tuple(interval for interval in intervals if interval.weight >= least)
