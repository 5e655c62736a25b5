"""What products are charged for: named events with their prices, and discounts by the week and on holidays. Pure."""

from __future__ import annotations

from typing import Final

from tollhouse.cachemanager.faults import Faults
from tollhouse.configdb.rows import NamedEventRow, Parties, ProductDiscountRow, Products
from tollhouse.configdb.tariff_values import choices, clock, scaled, week_days
from tollhouse.snapshot.products import DAY_SECONDS, EVENT_SCALE, EventPrice, NamedEvent, RatingDiscount
from tollhouse.values.commands import Service
from tollhouse.values.money import INT64_MAX, parse_amount
from tollhouse.values.uses import Timing

ALL: Final = ""
"""Stands for every product."""
_MONEY: Final = "money"
_MIDNIGHT: Final = "24:00:00"
_WHOLE: Final = 100 * 100


class Catalogue:
    """Of one set of rows; what is wrong is added to `faults`."""

    def __init__(self, products: Products, parties: Parties, faults: Faults) -> None:
        self._rows = products
        self._faults = faults
        self._units = {unit.name: unit for unit in parties.units}
        self._tenants = {tenant.name for tenant in parties.tenants}
        self._products = {(row.tenant, row.name) for row in products.products}

    def events(self) -> dict[tuple[str, str, str], NamedEvent]:
        """(tenant, class, name) to the event with all its prices."""
        found: dict[tuple[str, str, str], list[EventPrice]] = {}
        for row in self._rows.named_events:
            where = f"{row.tenant} {row.event_class} {row.name}"
            self._owner("named_events", where, row.tenant, row.product)
            price = self._price(row, where)
            if price is not None:
                found.setdefault((row.tenant, row.event_class, row.name), []).append(price)
        return {
            key: NamedEvent(key[1], key[2], tuple(sorted(prices, key=lambda one: (one.product, one.unit))))
            for key, prices in found.items()
        }

    def _price(self, row: NamedEventRow, where: str) -> EventPrice | None:
        unit = self._units.get(row.unit)
        if unit is None:
            self._faults.add("named_events", where, "unit", f"there is no unit {row.unit}")
            return None
        if unit.kind == _MONEY:
            price = self._faults.read("named_events", where, "price", scaled, row.price, EVENT_SCALE)
        else:
            price = self._faults.read("named_events", where, "price", _steps, row.price, unit.decimals)
        return None if price is None else EventPrice(row.product, row.unit, price, unit.kind == _MONEY)

    def discounts(self) -> dict[tuple[str, str], tuple[RatingDiscount, ...]]:
        """(tenant, product) to its own discounts, then those of every product of the tenant."""
        found: dict[tuple[str, str], list[RatingDiscount]] = {}
        for row in sorted(self._rows.product_discounts, key=lambda row: row.position):
            where = f"{row.tenant} {row.product} {row.position}"
            self._owner("product_discounts", where, row.tenant, row.product)
            found.setdefault((row.tenant, row.product), []).append(self._discount(row, where))
        return {
            (tenant, product): (*found.get((tenant, product), ()), *found.get((tenant, ALL), ()))
            for tenant, product in self._products
        }

    def _discount(self, row: ProductDiscountRow, where: str) -> RatingDiscount:
        def listed(column: str, low: int, high: int) -> tuple[int, ...]:
            text = getattr(row, column)
            return self._faults.read("product_discounts", where, column, choices, text, low, high) or ()

        if row.service:
            self._faults.read("product_discounts", where, "service", Service, row.service)
        start = self._faults.read("product_discounts", where, "starts", _time, row.starts) or 0
        until = self._faults.read("product_discounts", where, "ends", _end, row.ends) or 0
        later = f"{row.ends} is not after {row.starts} (over midnight it is two rows)"
        self._faults.need(start < until, "product_discounts", where, "ends", later)
        days = self._faults.read("product_discounts", where, "week_days", week_days, row.week_days) or ()
        timing = Timing(listed("years", 1970, 9997), listed("months", 1, 12), listed("month_days", 1, 31), days, start)
        share = self._faults.read("product_discounts", where, "percent", _share, row.percent) or 0
        return RatingDiscount(timing, share, until, row.service)

    def _owner(self, table: str, where: str, tenant: str, product: str) -> None:
        self._faults.need(tenant in self._tenants, table, where, "tenant", f"there is no tenant {tenant}")
        known = product == ALL or (tenant, product) in self._products
        self._faults.need(known, table, where, "product", f"{tenant} has no product {product}")


def _steps(text: str, decimals: int) -> int:
    """At least one step of the unit: a unit is never asked for nothing."""
    steps = parse_amount(text, decimals)
    if not 0 < steps <= INT64_MAX:
        raise ValueError(f"{text!r} is not above zero")
    return steps


def _share(text: str) -> int:
    share = parse_amount(text, 2)
    if not 0 < share <= _WHOLE:
        raise ValueError(f"{text!r} is not above 0 up to 100 percent")
    return share


def _end(text: str) -> int:
    return DAY_SECONDS if text == _MIDNIGHT else _time(text)


def _time(text: str) -> int:
    if ";" in text:
        raise ValueError(f"{text!r} is no time of day (such as 08:00:00)")
    return clock(text)
