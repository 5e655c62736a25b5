"""Tariffs to what rating reads: rating plans to intervals by destination, rating profiles to activations.

A rating plan is compiled for each service that profiles use it for, since a bare number means nanoseconds of voice
but units of data: `import/TAG`, and for other services `import/TAG:data`, `import/TAG:message`.
"""

from __future__ import annotations

import msgspec

from tollhouse.cachemanager.faults import Faults
from tollhouse.configdb.rows import DestinationRateRow, Parties, Plans, RateRow, RatingProfileRow, TimingRow
from tollhouse.configdb.tariff_overlaps import meet
from tollhouse.configdb.tariff_values import (
    ANY,
    ROUNDINGS,
    TIMING_COLUMNS,
    moment,
    read_slots,
    read_timing,
    scaled,
    slot_faults,
)
from tollhouse.snapshot.categories import service_of
from tollhouse.snapshot.tariff import Activation, Interval, Profile, Slot, Timing
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import Edit
from tollhouse.values.commands import Service

_PACK = msgspec.msgpack.Encoder().encode


def destination_name(plan: str, tag: str) -> str:
    """A destination as the snapshot names it; `*any` is the empty name."""
    return "" if tag == ANY else f"{plan}/{tag}"


def plan_name(plan: str, tag: str, service: Service) -> str:
    """A rating plan as the snapshot names it."""
    return f"{plan}/{tag}" if service is Service.VOICE else f"{plan}/{tag}:{service}"


def compile_plans(plans: Plans, parties: Parties, faults: Faults) -> list[Edit]:
    """The intervals of every rating plan in use, and the profiles."""
    return [_Plans(plans, faults).edit(), _profiles(plans, parties, faults)]


class _Plans:
    """The intervals of the rating plans; what many refer to is read once."""

    def __init__(self, plans: Plans, faults: Faults) -> None:
        self._plans = plans
        self._faults = faults
        self._timings = {(row.plan, row.tag): row for row in plans.timings}
        self._read_timings: dict[tuple[str, str], Timing | None] = {}
        self._rates: dict[tuple[str, str], list[RateRow]] = {}
        for rate in plans.rates:
            self._rates.setdefault((rate.plan, rate.tag), []).append(rate)
        self._read_rates: dict[tuple[str, str, Service], tuple[Slot, ...] | None] = {}
        self._destination_rates: dict[tuple[str, str], list[DestinationRateRow]] = {}
        for priced in plans.destination_rates:
            self._destination_rates.setdefault((priced.plan, priced.tag), []).append(priced)

    def edit(self) -> Edit:
        services: dict[tuple[str, str], set[Service]] = {}
        for profile in self._plans.rating_profiles:
            services.setdefault((profile.plan, profile.rating_plan), set()).add(service_of(profile.category))
        found: dict[bytes, list[Interval]] = {}
        for row in self._plans.rating_plans:
            where = f"{row.plan} {row.tag}"
            timing = self._timing(row.plan, row.timing, where)
            weight = self._faults.read("tariff_rating_plans", where, "weight", scaled, row.weight, 6)
            priced = self._destination_rates.get((row.plan, row.destination_rate), [])
            missing = f"there are no destination rates {row.destination_rate}"
            self._faults.need(bool(priced), "tariff_rating_plans", where, "destination_rate", missing)
            if timing is None or weight is None:
                continue
            for service in sorted(services.get((row.plan, row.tag), ())):
                name = plan_name(row.plan, row.tag, service)
                for one in priced:
                    interval = self._interval(one, timing, weight, service)
                    if interval is not None:
                        key = tables.text_key(tables.RATES, name, destination_name(one.plan, one.destination))
                        held = found.setdefault(key, [])
                        if interval not in held:
                            self._decided(interval, held, where)
                            held.append(interval)
        return Edit(tables.RATES, {key: _PACK(intervals) for key, intervals in found.items()}, True)

    def _decided(self, one: Interval, others: list[Interval], where: str) -> None:
        """What is charged must not hang on the order of rows (`tariff_overlaps` tells an import the same)."""
        rank = (one.weight, one.timing.start)
        if any(rank == (other.weight, other.timing.start) and meet(one.timing, other.timing) for other in others):
            text = f"for {one.destination} another price has the same weight and start at times that meet these"
            self._faults.add("tariff_rating_plans", where, "timing", text)

    def _interval(self, row: DestinationRateRow, timing: Timing, weight: int, service: Service) -> Interval | None:
        where = f"{row.plan} {row.tag}"
        known = row.destination == ANY or (row.plan, row.destination) in self._plans.destinations
        missing = f"there is no destination {row.destination}"
        self._faults.need(known, "tariff_destination_rates", where, "destination", missing)
        max_cost = self._faults.read("tariff_destination_rates", where, "max_cost", scaled, row.max_cost, 9)
        slots = self._slots(row.plan, row.rate, service, where)
        if slots is None or max_cost is None or not known:
            return None
        return Interval(
            timing=timing,
            weight=weight,
            slots=slots,
            rounding=ROUNDINGS[row.rounding],
            decimals=row.decimals,
            destination=row.destination,
            rate=row.rate,
            max_cost=max_cost,
            max_cost_strategy=row.max_cost_strategy,
        )

    def _timing(self, plan: str, tag: str, where: str) -> Timing | None:
        if tag == ANY:
            return Timing()
        key = (plan, tag)
        if key not in self._read_timings:
            row = self._timings.get(key)
            if row is None:
                self._faults.add("tariff_rating_plans", where, "timing", f"there is no timing {tag}")
            read = None if row is None else self._read_timing(row)
            self._read_timings[key] = read
        return self._read_timings[key]

    def _read_timing(self, row: TimingRow) -> Timing | None:
        where = f"{row.plan} {row.tag}"
        before = len(self._faults.found)
        for column, read in TIMING_COLUMNS.items():
            self._faults.read("tariff_timings", where, column, read, getattr(row, column))
        return read_timing(row) if len(self._faults.found) == before else None

    def _slots(self, plan: str, tag: str, service: Service, where: str) -> tuple[Slot, ...] | None:
        key = (plan, tag, service)
        if key not in self._read_rates:
            rows = self._rates.get((plan, tag))
            if rows is None:
                self._faults.add("tariff_destination_rates", where, "rate", f"there is no rate {tag}")
            self._read_rates[key] = self._read_slots(rows, service) if rows else None
        return self._read_rates[key]

    def _read_slots(self, rows: list[RateRow], service: Service) -> tuple[Slot, ...] | None:
        try:
            return read_slots(rows, service)
        except ValueError:
            for fault in slot_faults(rows, service):
                where = f"{rows[0].plan} {rows[0].tag}"
                self._faults.add("tariff_rates", where, fault.field, f"{fault.text} (as {service})")
            return None


def _profiles(plans: Plans, parties: Parties, faults: Faults) -> Edit:
    tenants = {tenant.name: tenant for tenant in parties.tenants}
    decimals = {unit.name: unit.decimals for unit in parties.units}
    known = {(row.plan, row.tag) for row in plans.rating_plans}
    by_subject: dict[tuple[str, str, str], list[RatingProfileRow]] = {}
    for row in plans.rating_profiles:
        by_subject.setdefault((row.tenant, row.category, row.subject), []).append(row)
        where = f"{row.plan} {row.tenant} {row.category} {row.subject}"
        missing = f"there is no rating plan {row.rating_plan}"
        faults.need((row.plan, row.rating_plan) in known, "tariff_rating_profiles", where, "rating_plan", missing)
    edits: dict[bytes, bytes | None] = {}
    for (name, category, subject), rows in by_subject.items():
        where = f"{name} {category} {subject}"
        tenant = tenants.get(name)
        service = service_of(category)
        activations = faults.read("tariff_rating_profiles", where, "activation", _activations, rows, service)
        if tenant is None or tenant.unit not in decimals:
            faults.add("tariff_rating_profiles", where, "tenant", f"there is no tenant {name} with a unit")
        elif activations is not None:
            profile = Profile(activations, tenant.unit, decimals[tenant.unit], tenant.zone)
            edits[tables.text_key(tables.PROFILE, name, service, category, subject)] = _PACK(profile)
    return Edit(tables.PROFILE, edits, True)


def _activations(rows: list[RatingProfileRow], service: Service) -> tuple[Activation, ...]:
    found: dict[int, Activation] = {}
    for row in rows:
        at = moment(row.activation)
        if at in found:
            raise ValueError(f"two activations at {row.activation}")
        fallback = tuple(row.fallback.split(";")) if row.fallback else ()
        found[at] = Activation(at, plan_name(row.plan, row.rating_plan, service), fallback)
    return tuple([found[at] for at in sorted(found)])
