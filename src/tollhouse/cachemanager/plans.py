"""Tariffs to what rating reads: rating plans to intervals by sheet, rating profiles to activations.

A rating plan is compiled for each service that profiles use it for, since a bare number means nanoseconds of voice
but units of data: `import/TAG`, and for other services `import/TAG:data`, `import/TAG:message`.
"""

from __future__ import annotations

import msgspec

from tollhouse.cachemanager.faults import Faults
from tollhouse.cachemanager.sheets import Sheets
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
    subjects,
)
from tollhouse.snapshot.categories import service_of
from tollhouse.snapshot.tariff import EXACT, Activation, Interval, Profile, Slot
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import Edit
from tollhouse.values.commands import Service
from tollhouse.values.uses import Timing

_PACK = msgspec.msgpack.Encoder().encode


def plan_name(plan: str, tag: str, service: Service) -> str:
    """A rating plan as the snapshot names it."""
    return f"{plan}/{tag}" if service is Service.VOICE else f"{plan}/{tag}:{service}"


def compile_plans(plans: Plans, priced: Sheets, parties: Parties, faults: Faults) -> list[Edit]:
    """What every rating plan has for each sheet, and the profiles; where only some destinations were read, theirs."""
    edits = _Plans(plans, faults).edits(priced)
    return edits if plans.only is not None else [*edits, _profiles(plans, parties, faults)]


class _Use(msgspec.Struct, frozen=True, gc=False):
    """Destination rates in force at a timing, in a rating plan, for a service; `charged`: a profile leads here."""

    name: str
    timing: Timing
    weight: int
    service: Service
    where: str
    charged: bool


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
        self._sound: dict[tuple[str, str, Service], bool] = {}
        self._places = {row.plan: row.price_decimals for row in plans.imports if row.pricing == "cgrates"}

    def edits(self, priced: Sheets) -> list[Edit]:
        self._known()
        uses, owners = self._uses()
        found: dict[bytes, bytes] = {}
        for name, sheet in priced.held.items():
            made: dict[str, dict[bytes, Interval]] = {}
            for row in sheet.rows:
                for use in uses.get((sheet.plan, row.tag), ()):
                    interval = self._interval(row, use)
                    if interval is not None:
                        self._add(interval, made.setdefault(use.name, {}), use.where, sheet.destination)
            for plan, intervals in made.items():
                in_order = [one for _, one in sorted(intervals.items())]
                found[tables.sheet_key(plan, name)] = _PACK(in_order)
        if self._plans.only is None:
            return [
                Edit(tables.PLAN, {tables.text_key(tables.PLAN, name): one.encode() for name, one in owners}, True),
                Edit(tables.RATES, found, True),
            ]
        keys = [
            tables.sheet_key(plan, name)
            for plan, owner in owners
            for name, sheet in priced.held.items()
            if sheet.plan == owner
        ]
        return [Edit(tables.RATES, {key: found.get(key) for key in keys}, False)]

    def _uses(self) -> tuple[dict[tuple[str, str], list[_Use]], set[tuple[str, str]]]:
        """How destination rates are used, by (import, tag); and the rating plans in use, each with its import."""
        services: dict[tuple[str, str], set[Service]] = {}
        for profile in self._plans.rating_profiles:
            services.setdefault((profile.plan, profile.rating_plan), set()).add(service_of(profile.category))
        uses: dict[tuple[str, str], list[_Use]] = {}
        owners: set[tuple[str, str]] = set()
        named: dict[str, tuple[str, str]] = {}
        for row in self._plans.rating_plans:
            where = f"{row.plan} {row.tag}"
            timing = self._timing(row.plan, row.timing, where)
            weight = self._faults.read("tariff_rating_plans", where, "weight", scaled, row.weight, 6)
            missing = f"there are no destination rates {row.destination_rate}"
            there = (row.plan, row.destination_rate) in self._plans.priced
            self._faults.need(there, "tariff_rating_plans", where, "destination_rate", missing)
            if timing is None or weight is None:
                continue
            charged = services.get((row.plan, row.tag), set())
            for service in sorted(charged or Service):
                name = plan_name(row.plan, row.tag, service)
                if named.setdefault(name, (row.plan, row.tag)) != (row.plan, row.tag):
                    self._faults.add("tariff_rating_plans", where, "tag", f"another rating plan is named {name} too")
                use = _Use(name, timing, weight, service, where, bool(charged))
                owners.add((use.name, row.plan))
                uses.setdefault((row.plan, row.destination_rate), []).append(use)
        return uses, owners

    def _known(self) -> None:
        for row in self._plans.destination_rates if self._plans.unknown else ():
            if (row.plan, row.destination) in self._plans.unknown:
                where, missing = f"{row.plan} {row.tag}", f"there is no destination {row.destination}"
                self._faults.add("tariff_destination_rates", where, "destination", missing)

    def _add(self, interval: Interval, held: dict[bytes, Interval], where: str, destination: str) -> None:
        """One interval more. What is charged must not hang on the order of rows (`tariff_overlaps` tells an import)."""
        name = _PACK(interval)
        rank = (interval.weight, interval.timing.start)
        rivals = [other for one, other in held.items() if one != name]
        if any(rank == (other.weight, other.timing.start) and meet(interval.timing, other.timing) for other in rivals):
            text = "another price has the same weight and start at times that meet these"
            text = f"for {destination}, and whatever is priced like it, {text}"
            self._faults.add("tariff_rating_plans", where, "timing", text)
        held[name] = interval

    def _interval(self, row: DestinationRateRow, use: _Use) -> Interval | None:
        """What the row makes of its destination in this use.

        A plan that charges nobody yet is compiled too, to be compared with others: a rate that can be read as one of
        voice for voice, any other for the rest, and one that can't be read is no fault before it charges someone.
        """
        if not use.charged and not self._comparable(row, use.service):
            return None
        where = f"{row.plan} {row.tag}"
        max_cost = self._faults.read("tariff_destination_rates", where, "max_cost", scaled, row.max_cost, 9)
        slots = self._slots(row.plan, row.rate, use.service, where)
        if slots is None or max_cost is None:
            return None
        return Interval(
            timing=use.timing,
            weight=use.weight,
            slots=slots,
            rounding=ROUNDINGS[row.rounding],
            decimals=row.decimals,
            rate=row.rate,
            max_cost=max_cost,
            max_cost_strategy=row.max_cost_strategy,
            places=self._places.get(row.plan, EXACT),
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
        found = [
            self._faults.read("tariff_timings", where, column, read, getattr(row, column))
            for column, read in TIMING_COLUMNS.items()
        ]
        return None if None in found else read_timing(row)

    def _slots(self, plan: str, tag: str, service: Service, where: str) -> tuple[Slot, ...] | None:
        key = (plan, tag, service)
        if key not in self._read_rates:
            rows = self._rates.get((plan, tag))
            if rows is None:
                self._faults.add("tariff_destination_rates", where, "rate", f"there is no rate {tag}")
            self._read_rates[key] = self._read_slots(rows, service) if rows else None
        return self._read_rates[key]

    def _comparable(self, row: DestinationRateRow, service: Service) -> bool:
        of_voice = self._readable(row, Service.VOICE)
        return of_voice if service is Service.VOICE else not of_voice and self._readable(row, service)

    def _readable(self, row: DestinationRateRow, service: Service) -> bool:
        key = (row.plan, row.rate, service)
        if key not in self._sound:
            rows = self._rates.get(key[:2], [])
            self._sound[key] = bool(rows) and not slot_faults(rows, service)
        return self._sound[key]

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
            profile = Profile(activations, tenant.unit, decimals[tenant.unit], tenant.zone, subject)
            edits[tables.text_key(tables.PROFILE, name, service, category, subject)] = _PACK(profile)
    return Edit(tables.PROFILE, edits, True)


def _activations(rows: list[RatingProfileRow], service: Service) -> tuple[Activation, ...]:
    found: dict[int, Activation] = {}
    for row in rows:
        at = moment(row.activation)
        if at in found:
            raise ValueError(f"two activations at {row.activation}")
        found[at] = Activation(at, plan_name(row.plan, row.rating_plan, service), subjects(row.fallback))
    return tuple([found[at] for at in sorted(found)])
