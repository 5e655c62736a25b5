"""The slow payer of `paying_model` with what the living model has besides: discounts, and buckets that pay nothing.

Source: requirement oracle_vws 5.5 (nine rules, strictly left to right; a time balance of category discount is debited
by the usage that it discounts), cases 20-23; cgrates 3.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import msgspec
from tests.engine.paying_model import Call, Payment, Tariff, Way
from tests.model.living.rows import Bucket, Wallet

from tollhouse.snapshot.rules import ReservationRules

TEN = 10**12
"""Three shares of at most four digits make twelve places."""


@dataclass(frozen=True)
class Discounts:
    """`request`: hundredths of a percent; None: it named none. `grants`: by balance type percent, and for how much
    usage of which service one unit of it lasts (empty: it is not used up)."""

    rules: ReservationRules
    request: int | None
    grants: Mapping[str, tuple[int, str, int]] = field(default_factory=dict)

    def left(self, wallet: int = 0) -> Fraction:
        """What is left to pay of a price where the wallet grants so many percent."""
        formula = self.rules.discount_rule
        if formula == "override":
            formula = "r*w" if self.request is None else "s"
        shares = {"s": Fraction(self.request or 0, 10_000), "r": Fraction(0), "w": Fraction(wallet, 100)}
        found = shares[formula[0]]
        for sign, name in zip(formula[1::2], formula[2::2], strict=True):
            more = shares[name]
            found = min(found + more, Fraction(1)) if sign == "+" else found + (1 - found) * more
        return 1 - found

    @property
    def counts_wallet(self) -> bool:
        """Whether the wallet's discount has a part in it (R8: the request's own overrides it)."""
        return self.rules.discount_rule != "override" or self.request is None

    def units(self, service: str) -> Fraction:
        """What usage takes of a balance that counts it, as a part of itself."""
        rules = self.rules
        flag = {"voice": rules.discount_time, "data": rules.discount_data}.get(service, False)
        return self.left() if flag else Fraction(1)


class Bill(Payment):
    """A session's payment. A wallet's discounts come before the full price of each money, the largest first."""

    wallet: Wallet  # type: ignore[assignment]

    def __init__(self, wallet: Wallet, call: Call, now: int, discounts: Discounts) -> None:
        self._discounts = discounts
        left = discounts.left()
        self._list_price = call.tariff
        self._subjects = {name: tariff for name, tariff in call.subjects.items() if name}
        subjects = {name: discounted(tariff, left) for name, tariff in self._subjects.items()}
        super().__init__(wallet, replace(call, tariff=discounted(call.tariff, left), subjects=subjects), now)  # type: ignore[arg-type]

    def ways(self) -> list[Way]:
        """Each way that costs money, under each discount of the wallet, then without."""
        return [one for way in super().ways() for one in self._under_grants(way)]

    def _under_grants(self, way: Way) -> list[Way]:
        if way.units:
            part = self._discounts.units(self.call.service)
            return [replace(way, per=way.per / part if part else 2**62)]  # type: ignore[arg-type]
        applied = self._discounts.counts_wallet
        if not (applied or self._discounts.rules.discount_time_always_debited):
            return [way]
        found = []
        for bucket, percent, lasts in self._grants():
            tariff = discounted(self._undiscounted(way.tariff), self._discounts.left(percent if applied else 0))
            units, per = (bucket.id, bucket.step) if lasts else (0, 1)
            found.append(replace(way, tariff=tariff, units=units, per=per, blocker=False))
        return [*found, way]

    def _grants(self) -> list[tuple[Bucket, int, bool]]:
        """Which discounts the wallet has now, how large each is, and whether usage uses it up."""
        found = []
        for bucket in self.wallet.buckets:
            percent, service, _ = self._discounts.grants.get(bucket.balance_type, (0, "", 0))
            if bucket.idle and percent and self.left(bucket.id) > 0:
                found.append((bucket, percent, service in (self.call.service, "generic")))
        return sorted(found, key=lambda one: -one[1])

    def _undiscounted(self, tariff: Tariff) -> Tariff:
        name = tariff.name.partition("@")[0]
        return self._subjects.get(name, self._list_price)

    def _general(self) -> list[int]:
        return [one.id for one in self.wallet.buckets if not one.unit and one.use is None]

    def _may_pay(self, bucket: Bucket, going: bool) -> bool:  # type: ignore[override]
        """A bucket of a group counts though it is empty: who shares it may have some."""
        shares = bucket.use is not None and bool(bucket.use.groups)
        last = self.paid[-1].way if self.paid else None
        also = last is not None and not last.owed and bool(last.units) and bucket.id in last.money
        return not bucket.idle and super()._may_pay(bucket, going or shares or also)  # type: ignore[arg-type]


def discounted(tariff: Tariff, left: Fraction) -> Tariff:
    """The tariff with so much of each fee and price left."""
    if left == 1:
        return tariff
    part = left * TEN
    assert part.denominator == 1
    intervals = []
    for one in tariff.intervals:
        slots = [
            msgspec.structs.replace(
                slot, price=slot.price * part.numerator, fee=slot.fee * part.numerator, scale=slot.scale + 12
            )
            for slot in one.slots
        ]
        intervals.append(msgspec.structs.replace(one, slots=tuple(slots)))
    return Tariff(f"{tariff.name}@{left}", tuple(intervals))
