"""What wallets are sold as: balance types, cascades, products, batches and the tenants' rules. Pure; compiled whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from tollhouse.cachemanager.catalogue import Catalogue
from tollhouse.cachemanager.faults import Faults
from tollhouse.configdb.rows import BalanceTypeRow, Parties, ProductRow, Products, UnitRow
from tollhouse.configdb.rule_values import make_rules, read_rule, type_of
from tollhouse.configdb.tariff_values import moment
from tollhouse.snapshot.accounts import BalanceType, Category, LimitType, MaximumPolicy, Period
from tollhouse.snapshot.groups import Strategy
from tollhouse.snapshot.products import Batch, Cascade, Product, Promotion
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import Edit
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, Duration, Instant
from tollhouse.values.money import format_amount, parse_amount

MONEY: Final = "money"
SERVICES: Final = {
    MONEY: ("",),
    "time": (Service.VOICE,),
    "data": (Service.DATA,),
    "count": (Service.GENERIC, Service.MESSAGE, Service.MMS),
}
"""Whose usage units of each kind count: first what they count where their balance type names nothing."""
LONGEST: Final[Duration] = 36_525 * DAY
"""A hundred years."""
_UTC: Final = "UTC"
_FINEST: Final = 6
"""Decimals of a second: time is counted in microseconds."""
_PERIOD: Final = re.compile(r"([0-9]{1,9})([dhms])")
_LENGTHS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_PACK: Final = msgspec.msgpack.Encoder().encode
T = TypeVar("T")
K = TypeVar("K", bound=tuple[str, ...])


def compile_balance_types(parties: Parties, faults: Faults) -> Edit:
    """Each with whose usage it counts, as its unit's kind says."""
    units = {unit.name: unit for unit in parties.units}
    steps = {unit.name: faults.read("units", unit.name, "kind", step_of, unit) for unit in parties.units}
    found: dict[bytes, bytes | None] = {}
    for row in parties.balance_types:
        unit = units.get(row.unit)
        if unit is None:
            faults.add("balance_types", row.name, "unit", f"there is no unit {row.unit}")
            continue
        kind = _balance_type(row, unit, steps[unit.name] or 1, faults)
        found[tables.text_key(tables.BALANCE_TYPE, row.name)] = _PACK(kind)
    return Edit(tables.BALANCE_TYPE, found, True)


def step_of(unit: UnitRow) -> int:
    """How much of a service's usage the unit's smallest step is: microseconds of time, octets, or one. ValueError."""
    if unit.kind not in SERVICES:
        raise ValueError(f"{unit.kind!r} is not one of {', '.join(SERVICES)}")
    finest = _FINEST if unit.kind == "time" else 0
    if unit.kind != MONEY and unit.decimals > finest:
        raise ValueError(f"a unit of {unit.kind} has at most {finest} decimals, this one {unit.decimals}")
    return 1 if unit.kind == MONEY else int(10 ** (finest - unit.decimals))


def _balance_type(row: BalanceTypeRow, unit: UnitRow, step: int, faults: Faults) -> BalanceType:
    def read(column: str, function: type[T], text: str, default: T) -> T:
        return faults.read("balance_types", row.name, column, function, text) or default

    services = SERVICES.get(unit.kind, ("",))
    if row.service and row.service not in services:
        faults.add("balance_types", row.name, "service", f"units of {unit.kind} do not count {row.service}")
    minimum = faults.read("balance_types", row.name, "minimum", parse_amount, row.minimum, unit.decimals) or 0
    maximum = faults.read("balance_types", row.name, "maximum", parse_amount, row.maximum, unit.decimals) or 0
    fits = not maximum or maximum > minimum
    least = format_amount(minimum, unit.decimals)
    faults.need(fits, "balance_types", row.name, "maximum", f"{row.maximum} is not above the minimum, {least}")
    category = read("category", Category, row.category, Category.GENERAL)
    grants = row.discount == 0 or (category is Category.DISCOUNT and 0 < row.discount <= 100)
    faults.need(grants, "balance_types", row.name, "discount", "1 to 100 percent, and of category discount only")
    return BalanceType(
        name=row.name,
        unit=row.unit,
        order=row.cascade_order,
        service=str(row.service or services[0]),
        step=step,
        category=category,
        limit_type=read("limit_type", LimitType, row.limit_type, LimitType.DEBIT),
        minimum=minimum,
        maximum=maximum,
        maximum_policy=read("maximum_policy", MaximumPolicy, row.maximum_policy, MaximumPolicy.ALLOW),
        deletable=bool(row.deletable),
        discount=row.discount,
        period=read("period", Period, row.period, Period.EVER),
    )


def compile_products(products: Products, parties: Parties, faults: Faults) -> list[Edit]:
    """Cascades, products, batches, rules, shared groups and named events: all rows of their tables."""
    compiler = _Compiler(products, parties, faults)
    return [
        compiler.cascades(),
        compiler.products(),
        compiler.batches(),
        compiler.rules(),
        compiler.strategies(),
        compiler.events(),
    ]


class _Compiler:
    """Of one set of rows; what several of them refer to is looked up here."""

    def __init__(self, products: Products, parties: Parties, faults: Faults) -> None:
        self._rows = products
        self._faults = faults
        self._catalogue = Catalogue(products, parties, faults)
        self._tenants = {tenant.name for tenant in parties.tenants}
        self._zones = {tenant.name: tenant.zone for tenant in parties.tenants}
        decimals = {unit.name: unit.decimals for unit in parties.units}
        self._decimals = {kind.name: decimals.get(kind.unit, 0) for kind in parties.balance_types}
        """Balance type to the decimals of its unit."""
        self._cascades = {(row.tenant, row.name) for row in products.cascades}
        self._products = {(row.tenant, row.name) for row in products.products}

    def cascades(self) -> Edit:
        order: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for row in self._rows.cascades:
            where = f"{row.tenant} {row.name}"
            self._tenant("cascades", where, row.tenant)
            self._balance_type("cascades", where, row.balance_type)
            order.setdefault((row.tenant, row.name), []).append((row.position, row.balance_type))
        found = {key: Cascade(key[1], tuple([kind for _, kind in sorted(kinds)])) for key, kinds in order.items()}
        return _edit(tables.CASCADE, found)

    def products(self) -> Edit:
        promotions, lasts, cascades = self._promotions(), self._bucket_periods(), self._product_cascades()
        discounts = self._catalogue.discounts()
        found = {}
        for row in self._rows.products:
            key = row.tenant, row.name
            self._tenant("products", f"{row.tenant} {row.name}", row.tenant)
            found[key] = Product(
                name=row.name,
                initial=self._own_period(row, "initial"),
                preuse=self._own_period(row, "preuse"),
                dormant=self._own_period(row, "dormant"),
                terminated=self._own_period(row, "terminated"),
                removed=self._own_period(row, "removed"),
                max_sessions=row.max_sessions,
                promotions=tuple(promotions.get(key, ())),
                bucket_lasts=tuple(sorted(lasts.get(key, ()))),
                cascades=tuple(sorted(cascades.get(key, ()))),
                discounts=discounts[key],
                zone=self._zones.get(row.tenant, _UTC) if discounts[key] else _UTC,
            )
        return _edit(tables.PRODUCT, found)

    def batches(self) -> Edit:
        found = {}
        for row in self._rows.batches:
            where = f"{row.tenant} {row.name}"
            self._product("account_batches", where, row.tenant, row.product)
            expiry = self._faults.read("account_batches", where, "expiry", _expiry, row.expiry) or 0
            found[row.tenant, row.name] = Batch(row.name, row.product, bool(row.active), expiry)
        return _edit(tables.BATCH, found)

    def rules(self) -> Edit:
        """Of each tenant that sets a parameter."""
        values: dict[str, list[tuple[str, object]]] = {}
        for row in self._rows.parameters:
            where = f"{row.tenant} {row.name}"
            self._tenant("parameters", where, row.tenant)
            if self._faults.read("parameters", where, "name", type_of, row.name) is None:
                continue
            value = self._faults.read("parameters", where, "value", read_rule, row.name, row.value)
            if value is None:
                continue
            if row.name in ("event.cascade", "event.promotional_cascade"):
                self._cascade("parameters", where, "value", row.tenant, row.value)
            for kind in value if row.name == "wallet.hidden_balance_types" and isinstance(value, tuple) else ():
                self._balance_type("parameters", where, kind, "value")
            values.setdefault(row.tenant, []).append((row.name, value))
        return _edit(tables.RULES, {(tenant,): make_rules(own) for tenant, own in values.items()})

    def events(self) -> Edit:
        """Each with all its prices."""
        return _edit(tables.EVENT, self._catalogue.events())

    def strategies(self) -> Edit:
        """Of shared groups: each wallet's own, and everyone's."""
        found = {}
        for row in self._rows.shared_groups:
            where = f"{row.tenant} {row.name} {row.wallet}"
            self._tenant("shared_groups", where, row.tenant)
            strategy = self._faults.read("shared_groups", where, "strategy", Strategy, row.strategy)
            if strategy is not None:
                found[row.tenant, row.name, row.wallet] = strategy
        return _edit(tables.SHARING, found)

    def _promotions(self) -> dict[tuple[str, str], list[Promotion]]:
        found: dict[tuple[str, str], list[Promotion]] = {}
        table = "product_promotions"
        for row in sorted(self._rows.promotions, key=lambda row: (row.balance_type, row.lasts)):
            where = f"{row.tenant} {row.product} {row.balance_type}"
            self._product(table, where, row.tenant, row.product)
            self._balance_type(table, where, row.balance_type)
            decimals = self._decimals.get(row.balance_type, 0)
            amount = self._faults.read(table, where, "amount", _credit, row.amount, decimals) or 0
            lasts = self._faults.read(table, where, "lasts", period, row.lasts) or 0
            found.setdefault((row.tenant, row.product), []).append(Promotion(row.balance_type, amount, lasts))
        return found

    def _bucket_periods(self) -> dict[tuple[str, str], list[tuple[str, Duration]]]:
        found: dict[tuple[str, str], list[tuple[str, Duration]]] = {}
        table = "product_bucket_periods"
        for row in self._rows.bucket_periods:
            where = f"{row.tenant} {row.product} {row.balance_type}"
            self._product(table, where, row.tenant, row.product)
            self._balance_type(table, where, row.balance_type)
            lasts = self._faults.read(table, where, "lasts", period, row.lasts) or 0
            found.setdefault((row.tenant, row.product), []).append((row.balance_type, lasts))
        return found

    def _product_cascades(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        table = "product_cascades"
        for row in self._rows.product_cascades:
            where = f"{row.tenant} {row.product} {row.service}"
            self._product(table, where, row.tenant, row.product)
            self._faults.read(table, where, "service", Service, row.service)
            self._cascade(table, where, "cascade", row.tenant, row.cascade)
            found.setdefault((row.tenant, row.product), []).append((row.service, row.cascade))
        return found

    def _own_period(self, row: ProductRow, column: str) -> Duration:
        where = f"{row.tenant} {row.name}"
        return self._faults.read("products", where, column, period, getattr(row, column)) or 0

    def _tenant(self, table: str, where: str, tenant: str) -> None:
        self._faults.need(tenant in self._tenants, table, where, "tenant", f"there is no tenant {tenant}")

    def _product(self, table: str, where: str, tenant: str, product: str) -> None:
        known = (tenant, product) in self._products
        self._faults.need(known, table, where, "product", f"{tenant} has no product {product}")

    def _cascade(self, table: str, where: str, column: str, tenant: str, cascade: str) -> None:
        known = (tenant, cascade) in self._cascades
        self._faults.need(known, table, where, column, f"{tenant} has no cascade {cascade}")

    def _balance_type(self, table: str, where: str, kind: str, column: str = "balance_type") -> None:
        self._faults.need(kind in self._decimals, table, where, column, f"there is no balance type {kind}")


def period(text: str) -> Duration:
    """`90d`, `12h`, `30m`, `45s` in microseconds; `0`: none. At most a hundred years; ValueError."""
    match = _PERIOD.fullmatch(text)
    if text == "0":
        return 0
    if match is None or int(match[1]) * _LENGTHS[match[2]] > LONGEST:
        raise ValueError(f"{text[:40]!r} is no period up to a hundred years (such as 90d, 12h, or 0)")
    return int(match[1]) * _LENGTHS[match[2]]


def _credit(text: str, decimals: int) -> int:
    amount = parse_amount(text, decimals)
    if amount <= 0:
        raise ValueError(f"{text!r} is not above zero")
    return amount


def _expiry(text: str) -> Instant:
    expiry = moment(text) if text else 0
    if text and expiry <= 0:
        raise ValueError(f"{text!r} is not after 1970")
    return expiry


def _edit(table: bytes, found: Mapping[K, object]) -> Edit:
    return Edit(table, {tables.text_key(table, *key): _PACK(one) for key, one in found.items()}, True)
