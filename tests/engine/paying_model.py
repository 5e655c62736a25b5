"""How a session is paid for, the slow way: one increment at a time, in fractions.

Written from the requirement (cgrates 3.2 to 3.4, oracle_vws 5) and sharing nothing with the product but its plain data:
buckets, intervals, slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor

from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.instants import DAY, SECOND, Instant
from tollhouse.values.uses import Timing, Use
from tollhouse.wallet.state import Bucket, Wallet

MAIN = 1
CREDIT = 0
NO_USE = Use()


@dataclass(frozen=True)
class Tariff:
    """What a subject pays: intervals that each begin at a time of day; one of them begins at midnight."""

    name: str
    intervals: tuple[Interval, ...]

    def at(self, began: Instant, age: int) -> tuple[Interval, Slot]:
        """What charges the increment that begins at this age: the heaviest interval, then the latest begun; the slot
        follows the age of the session, not of the payment."""
        clock = (began + age) % DAY
        active = [one for one in self.intervals if one.timing.start * SECOND <= clock]
        interval = max(active, key=lambda one: (one.weight, one.timing.start))
        return interval, [slot for slot in interval.slots if slot.start <= age][-1]


@dataclass(frozen=True)
class Call:
    """What is paid for. `known`: the prefixes of the number, the longest first, with their destinations."""

    service: str
    category: str
    known: tuple[tuple[str, tuple[str, ...]], ...]
    began: Instant
    tariff: Tariff
    subjects: Mapping[str, Tariff]
    decimals: int
    cascade: tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """Who pays: units of a bucket, money of others, or both. `free`: the usage of one increment that costs nothing."""

    units: int
    per: int
    free: int
    tariff: Tariff
    money: tuple[int, ...]
    blocker: bool = False
    timings: tuple[Timing, ...] = ()
    alone: bool = False
    owed: bool = False


@dataclass(frozen=True)
class Paid:
    """One increment. `run`: the usage that units of the bucket have paid in one go up to its end, `taken` how many."""

    begin: int
    end: int
    way: Way
    moves: tuple[tuple[int, int], ...]
    total: Fraction
    rule: Interval | None
    run: int
    taken: int


class Payment:
    """A wallet pays for a call: increments are appended by `grant`, dropped by `use`; `overrun` makes debts."""

    def __init__(self, wallet: Wallet, call: Call, now: Instant) -> None:
        self.wallet = wallet
        self.call = call
        self.now = now
        self.values = {bucket.id: bucket.value - bucket.held for bucket in wallet.buckets}
        self.paid: list[Paid] = []
        self.overtaken = False
        """Whether a way went on though one before it could have paid by then."""

    @property
    def at(self) -> int:
        """Up to which age all is paid."""
        return self.paid[-1].end if self.paid else 0

    def left(self, place: int) -> int:
        """What is free of a bucket; of the credit limit."""
        if place == CREDIT:
            return max(self.wallet.credit_limit + min(self.values[MAIN], 0), 0) if self.wallet.credit_limit else 0
        bucket = self.bucket(place)
        usable = bucket.start <= self.now and (not bucket.expiry or self.now < bucket.expiry)
        return max(self.values[place], 0) if usable else 0

    def bucket(self, place: int) -> Bucket:
        """The bucket of this id."""
        return next(bucket for bucket in self.wallet.buckets if bucket.id == place)

    def moved(self, usage: int) -> dict[int, int]:
        """What the increments that are begun before this age took from each bucket."""
        sums: dict[int, int] = {}
        for one in self.paid:
            for place, amount in one.moves if one.begin < usage else ():
                sums[place] = sums.get(place, 0) + amount
        return {place: amount for place, amount in sums.items() if amount}

    def due(self, since: int, until: int) -> tuple[int, int]:
        """What the increments begun from one age up to another took of units and of money."""
        units = money = 0
        for one in self.paid:
            if since <= one.begin < until:
                units += sum(amount for place, amount in one.moves if place == one.way.units)
                money += sum(amount for place, amount in one.moves if place != one.way.units)
        return units, money

    def use(self, usage: int) -> None:
        """No more was used than this: what increments that have not begun took goes back."""
        while self.paid and self.paid[-1].begin >= usage:
            for place, amount in self.paid.pop().moves:
                self.values[place] += amount

    def grant(self, target: int, debt: bool = False) -> int:
        """Pay on until this age, and say how far it went. Whoever pays goes on until he cannot, then the first pays
        that can; a blocker ends it. `debt`: it took place, so what units cost beside themselves may be owed."""
        ways = self.ways()
        current: Way | None = None
        while self.at < target:
            if current is not None:
                self.overtaken |= any(self._could(one, debt) for one in ways[: ways.index(current)])
                if self._go_on(current, debt):
                    continue
                if current.blocker:
                    break
            current = self._first(ways, debt)
            if current is None:
                break
        return self.at

    def change(self, place: int, amount: int) -> None:
        """So much comes into a bucket, or others take it."""
        self.values[place] += amount

    def owe(self, usage: int) -> None:
        """It was used: what is not paid yet is paid by who can, and then owed."""
        self.grant(usage, debt=True)
        self._overrun(usage)

    def _overrun(self, usage: int) -> None:
        """It was used, and nothing pays for it: free money that pays for everything, then a debt."""
        tail = Way(0, 1, 0, self.call.tariff, (*self._general(), CREDIT), owed=True)
        while self.at < usage:
            paid = self._next(tail, True)
            assert paid is not None
            self._take(paid)

    def ways(self) -> list[Way]:
        """Who may pay, in order: the cascade, then the precision of the destination, the weight, the soonest expiry,
        the id; the credit limit is last."""
        last = self.paid[-1].way if self.paid else None
        going = () if last is None or last.owed else (last.units,) if last.units else last.money
        cascade = self.call.cascade
        ranked = []
        for bucket in self.wallet.buckets:
            exact = self._precision(bucket)
            if exact is None or not self._may_pay(bucket, bucket.id in going):
                continue
            place = cascade.index(bucket.balance_type) if cascade else bucket.order
            ranked.append((place, -exact, -bucket.weight, bucket.expiry or 2**63, bucket.id, bucket))
        found: list[Way] = []
        for *_, bucket in sorted(ranked, key=lambda one: one[:-1]):
            self._add(found, bucket)
        credit = self.wallet.credit_limit and (not cascade or self.bucket(MAIN).balance_type in cascade)
        self._join(found, Way(0, 1, 0, self.call.tariff, (MAIN, CREDIT) if credit else ()))
        return found

    def _add(self, found: list[Way], bucket: Bucket) -> None:
        use = bucket.use or NO_USE
        tariff = self.call.subjects.get(use.subject, self.call.tariff)
        if bucket.service:
            per = dict(use.factors).get(self.call.service, bucket.step)
            free = free_increment(use.subject, self.call.service)
            money = () if free else (*self._general(), CREDIT)
            found.append(Way(bucket.id, per, free, tariff, money, use.blocker, use.timings))
        else:
            way = Way(0, 1, 0, tariff, (bucket.id,), use.blocker, use.timings, alone=bucket.use is not None)
            self._join(found, way)

    @staticmethod
    def _join(found: list[Way], way: Way) -> None:
        """Money that pays for everything may pay parts of an increment with what stands next to it."""
        last = found[-1] if found else None
        if last is not None and not (last.units or last.alone or way.alone):
            found[-1] = Way(0, 1, 0, way.tariff, tuple(dict.fromkeys((*last.money, *way.money))))
        else:
            found.append(way)

    def _general(self) -> list[int]:
        return [bucket.id for bucket in self.wallet.buckets if not bucket.service and bucket.use is None]

    def _may_pay(self, bucket: Bucket, going: bool) -> bool:
        use = bucket.use or NO_USE
        usable = bucket.start <= self.now and (not bucket.expiry or self.now < bucket.expiry)
        return (
            usable
            and not use.disabled
            and (self.values[bucket.id] > 0 or use.blocker or going)
            and bucket.service in ("", "generic", self.call.service)
            and (not use.categories or self.call.category in use.categories)
            and (not self.call.cascade or bucket.balance_type in self.call.cascade)
        )

    def _precision(self, bucket: Bucket) -> int | None:
        named = (bucket.use or NO_USE).destinations
        if not named:
            return 0
        included = {name for name in named if name[0] != "!"}
        excluded = {name[1:] for name in named if name[0] == "!"}
        for prefix, tags in self.call.known:
            if excluded & set(tags):
                return None
            if included & set(tags) or not included:
                return len(prefix)
        return None if included else 0

    def _active(self, way: Way) -> bool:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.call.began + self.at)
        clock = at.hour * 3600 + at.minute * 60 + at.second
        return not way.timings or any(
            one.start <= clock and (not one.week_days or at.isoweekday() in one.week_days) for one in way.timings
        )

    def _could(self, way: Way, debt: bool) -> bool:
        """Whether it would pay, join others, or stop everything, if it were asked now."""
        left = not way.units and any(self.left(place) for place in way.money)
        return self._active(way) and (way.blocker or left or self._next(way, debt and bool(way.units)) is not None)

    def _first(self, ways: Sequence[Way], debt: bool) -> Way | None:
        for way in ways:
            if not self._active(way):
                continue
            if self._go_on(way, debt):
                return way
            if way.blocker:
                return None
        return None

    def _go_on(self, way: Way, debt: bool) -> bool:
        paid = self._next(way, debt and bool(way.units))
        if paid is not None:
            self._take(paid)
        return paid is not None

    def _take(self, paid: Paid) -> None:
        for place, amount in paid.moves:
            self.values[place] -= amount
        self.paid.append(paid)

    def _next(self, way: Way, debt: bool) -> Paid | None:
        """The next increment paid in this way, all of it; `debt`: money may be lacking."""
        before = self.paid[-1] if self.paid else None
        total, rule = (before.total, before.rule) if before is not None else (Fraction(0), None)
        steps = rounded(total, rule, self.call.decimals)
        if way.free:
            length = way.free
        else:
            interval, slot = way.tariff.at(self.call.began, self.at)
            length = slot.increment
            total += Fraction(slot.price, 10**slot.scale) * slot.increment / slot.unit
            if before is None:
                total += Fraction(interval.slots[0].fee, 10 ** interval.slots[0].scale)
            rule = interval if rule is None or interval.decimals > rule.decimals else rule
        run, taken = length, 0
        if before is not None and (before.way.units, before.way.free) == (way.units, way.free):
            run, taken = before.run + length, before.taken
        units = ceil(Fraction(run, way.per)) - taken if way.units else 0
        if units > (self.left(way.units) if way.units else 0):
            return None
        moves = self._money(way, rounded(total, rule, self.call.decimals) - steps, debt)
        if moves is None:
            return None
        both = ((way.units, units), *moves) if units else moves
        return Paid(self.at, self.at + length, way, both, total, rule, run, taken + units)

    def _money(self, way: Way, amount: int, debt: bool) -> tuple[tuple[int, int], ...] | None:
        """From which buckets, in their order."""
        assert amount >= 0, "tariffs of one rounding never make a call cheaper by its going on"
        moves: dict[int, int] = {}
        for place in way.money:
            part = min(amount, self.left(place))
            if part:
                owner = place or MAIN
                moves[owner] = moves.get(owner, 0) + part
                amount -= part
        if amount and not debt:
            return None
        if amount:
            moves[MAIN] = moves.get(MAIN, 0) + amount
        return tuple(moves.items())


def free_increment(subject: str, service: str) -> int:
    """`*zero10s`: ten seconds cost nothing; 0: it is a subject with a price. Nothing said: a second, or one unit."""
    seconds = {"": 1, "*zero1s": 1, "*zero10s": 10, "*zero1m": 60}
    return seconds.get(subject, 0) * (SECOND if service == "voice" else 1)


def rounded(total: Fraction, rule: Interval | None, decimals: int) -> int:
    """The session's money, rounded once, in steps of the unit."""
    if rule is None:
        return 0
    places = min(rule.decimals, decimals)
    whole = total * 10**places
    by_name = {Rounding.UP: ceil(whole), Rounding.DOWN: floor(whole), Rounding.MIDDLE: floor(whole + Fraction(1, 2))}
    return int(by_name[rule.rounding] * 10 ** (decimals - places))
