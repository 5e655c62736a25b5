"""Why a call is charged by this plan, prefix and interval: every candidate that `resolve` looks at, with its reason.

The walk is that of `price.resolve` (requirement cgrates 2.1), with `calendar.in_force` deciding each instant.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import msgspec

from tollhouse.rating.calendar import in_force, instant_of, local_day, matches
from tollhouse.rating.price import ANYONE, FALLBACK_DEPTH, Query
from tollhouse.snapshot.lookups import Snapshot
from tollhouse.snapshot.tariff import Activation, Interval, Profile
from tollhouse.values.commands import Service
from tollhouse.values.instants import Instant


class Kind(enum.StrEnum):
    """What a candidate is."""

    SUBJECT = "subject"
    ACTIVATION = "activation"
    PREFIX = "prefix"
    INTERVAL = "interval"
    PLAN = "plan"


class Reason(enum.StrEnum):
    """Why it was taken or passed over."""

    TAKEN = "taken"
    NO_PROFILE = "no_profile"
    LEAVES_GAPS = "leaves_gaps"
    TOO_LATE = "too_late"
    REPLACED = "replaced"
    NONE_YET = "none_yet"
    NOT_IN_PLAN = "not_in_plan"
    NOTHING_ACTIVE = "nothing_active"
    NO_PRICE = "no_price"
    LONGER_TAKEN = "longer_taken"
    WRONG_DAY = "wrong_day"
    NOT_BEGUN = "not_begun"
    LIGHTER = "lighter"
    EARLIER = "earlier"
    LISTED_LATER = "listed_later"


class Look(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A candidate. `at`: the instant that it was looked at for, of an activation its own. `depth`: fallbacks deep.

    `interval` of an interval, `over` the one that was taken instead of it.
    """

    kind: Kind
    name: str
    reason: Reason
    at: Instant
    depth: int = 0
    interval: Interval | None = None
    over: Interval | None = None


class Found(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What charges from `at` on; no `plan` or not `priced`: nothing does."""

    at: Instant
    plan: str
    prefix: str
    priced: bool


_Told: TypeAlias = tuple[list[Found], list[Look]]
_UNPRICED: Final = ""


def search(
    snapshot: Snapshot,
    tenant: str,
    category: str,
    service: Service,
    subject: str,
    called: str,
    start: Instant,
    longest: int,
) -> tuple[tuple[Found, ...], tuple[Look, ...]]:
    """What `resolve` with the same arguments finds, an entry a part, and all that it looks at, in order."""
    looks: list[Look] = []
    for name in dict.fromkeys((subject, ANYONE)):
        profile = snapshot.profile(tenant, category, service, name)
        reason = Reason.NO_PROFILE if profile is None else Reason.TAKEN
        looks.append(Look(Kind.SUBJECT, _told(name, profile), reason, start))
        if profile is not None:
            query = Query(snapshot, tenant, category, service, called, profile.zone)
            until = start + longest if service is Service.VOICE else start
            found, more = _walk(query, profile, start, until, FALLBACK_DEPTH)
            return tuple(found), (*looks, *more)
    return (), tuple(looks)


def _walk(query: Query, profile: Profile, since: Instant, until: Instant, depth: int) -> _Told:
    found: list[Found] = []
    looks: list[Look] = []
    entries, passed = _activations(profile, since, until, FALLBACK_DEPTH - depth)
    looks += passed
    for index, activation in enumerate(entries):
        begin = max(activation.at, since)
        reason = Reason.TAKEN if activation.plan else Reason.NONE_YET
        looks.append(Look(Kind.ACTIVATION, activation.plan, reason, activation.at, FALLBACK_DEPTH - depth))
        part, more = _plan(query, activation.plan, begin, FALLBACK_DEPTH - depth)
        looks += more
        if part.priced or not depth:
            found.append(part)
            continue
        end = entries[index + 1].at - 1 if index + 1 < len(entries) else until
        instead, more = _fallback(query, activation.fallback, begin, end, depth - 1)
        looks += more
        found += instead or [part]
    return found, looks


def _activations(profile: Profile, since: Instant, until: Instant, depth: int) -> tuple[list[Activation], list[Look]]:
    """Those in force between the two instants, and the others with their reason."""
    past = [one for one in profile.activations if one.at <= since]
    during = [one for one in profile.activations if since < one.at <= until]
    looks = [Look(Kind.ACTIVATION, one.plan, Reason.REPLACED, one.at, depth) for one in past[:-1]]
    looks += [
        Look(Kind.ACTIVATION, one.plan, Reason.TOO_LATE, one.at, depth) for one in profile.activations if one.at > until
    ]
    return [past[-1] if past else Activation(since, "", (ANYONE,)), *during], looks


def _told(subject: str, profile: Profile | None) -> str:
    """The subject, and whose profile it has where that is another's, who is matched by prefix."""
    other = "" if profile is None or profile.subject in ("", subject) else profile.subject
    return f"{subject} by the profile of {other}" if other else subject


def _fallback(query: Query, subjects: tuple[str, ...], since: Instant, until: Instant, depth: int) -> _Told:
    looks: list[Look] = []
    for subject in subjects:
        profile = query.snapshot.profile(query.tenant, query.category, query.service, subject)
        deep = FALLBACK_DEPTH - depth
        if profile is None:
            looks.append(Look(Kind.SUBJECT, subject, Reason.NO_PROFILE, since, deep))
            continue
        found, more = _walk(query, profile, since, until, depth)
        whole = all(part.priced for part in found)
        looks += [
            Look(Kind.SUBJECT, _told(subject, profile), Reason.TAKEN if whole else Reason.LEAVES_GAPS, since, deep),
            *more,
        ]
        if whole:
            return found, looks
    return [], looks


def _plan(query: Query, plan: str, at: Instant, depth: int) -> tuple[Found, list[Look]]:
    """The plan's longest prefix with an interval in force at the instant, and what was passed over for it."""
    looks: list[Look] = []
    if not plan:
        return Found(at, plan, _UNPRICED, False), looks
    rates = list(query.snapshot.rates(plan, query.called))
    for index, one in enumerate(rates):
        intervals = one.intervals
        if not intervals:
            looks.append(Look(Kind.PREFIX, one.prefix, Reason.NOT_IN_PLAN, at, depth))
            continue
        now, _ = in_force(intervals, query.zone, at)
        looks.append(Look(Kind.PREFIX, one.prefix, Reason.NOTHING_ACTIVE if now is None else Reason.TAKEN, at, depth))
        looks += _intervals(intervals, query.zone, at, now, depth)
        if now is not None:
            shorter = rates[index + 1 :]
            looks += [Look(Kind.PREFIX, other.prefix, Reason.LONGER_TAKEN, at, depth) for other in shorter]
            return Found(at, plan, one.prefix, True), looks
    looks.append(Look(Kind.PLAN, plan, Reason.NO_PRICE, at, depth))
    return Found(at, plan, _UNPRICED, False), looks


def _intervals(intervals: tuple[Interval, ...], zone: str, at: Instant, now: Interval | None, depth: int) -> list[Look]:
    seen = False
    looks: list[Look] = []
    for one in intervals:
        taken = one is now and not seen
        seen = seen or taken
        reason = Reason.TAKEN if taken else _passed_over(one, zone, at, now)
        looks.append(Look(Kind.INTERVAL, one.rate, reason, at, depth, one, None if taken else now))
    return looks


def _passed_over(interval: Interval, zone: str, at: Instant, now: Interval | None) -> Reason:
    day, _ = local_day(zone, at)
    if not matches(interval.timing, day):
        return Reason.WRONG_DAY
    if now is None or instant_of(zone, day, interval.timing.start) > at:
        return Reason.NOT_BEGUN
    if interval.weight < now.weight:
        return Reason.LIGHTER
    return Reason.EARLIER if interval.timing.start < now.timing.start else Reason.LISTED_LATER
