"""The tariffs' rows, or what of them changed: a prefix, a price or a rate of a million leaves the others unread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Select, Table, exists, select, tuple_

from tollhouse.configdb import schema
from tollhouse.configdb.rows import (
    DestinationRateRow,
    DestinationRow,
    ImportRow,
    Plans,
    RateRow,
    RatingPlanRow,
    RatingProfileRow,
    TimingRow,
)
from tollhouse.configdb.tariff_values import ANY

FEW: Final = 5_000
"""Up to so many changed rows are read one by one; beyond, their whole table is. SQLite takes 32,766 values at least."""
_WHOLE: Final = (
    *("units", "tenants", "tariff_imports", "tariff_timings", "tariff_rating_plans", "tariff_rating_profiles"),
)
"""Tables of which a change concerns every destination."""
_PIECES: Final = ("tariff_destinations", "tariff_destination_rates", "tariff_rates")

T = TypeVar("T", bound=msgspec.Struct)


class TariffReading:
    """`changed`: how many rows of each table did after the revision, as the audit says."""

    def __init__(self, connection: Connection, changed: Mapping[str, int], revision: int) -> None:
        self._connection = connection
        self._revision = revision
        self._some = {table for table in _PIECES if changed.get(table)}
        self._many = {table for table in _PIECES if changed.get(table, 0) > FEW}
        self._whole = bool(changed.keys() & set(_WHOLE))
        self.prefixes: frozenset[tuple[str, str]] | None = None
        """(plan, prefix) of the destinations' rows that changed; None: very many."""
        if "tariff_destinations" not in self._many:
            self.prefixes = frozenset(self._touched("tariff_destinations", "plan", "prefix"))

    def destinations(self) -> tuple[DestinationRow, ...] | None:
        """The rows of those prefixes; None where there are none."""
        query, table = fields(schema.DESTINATIONS, DestinationRow), schema.DESTINATIONS.c
        if self.prefixes is None:
            return structs(self._connection, query, DestinationRow)
        if not self.prefixes:
            return None
        some = tuple_(table.plan, table.prefix).in_(self.prefixes)
        return structs(self._connection, query.where(some), DestinationRow)

    def plans(self) -> Plans | None:
        """What a change of plans, prices or prefixes concerns; None where there was none."""
        if self._whole or self._many:
            return self._plans(None)
        if not self._some:
            return None
        touched = self._touched("tariff_destinations", "plan", "tag")
        touched |= self._touched("tariff_destination_rates", "plan", "destination")
        rates = self._touched("tariff_rates", "plan", "tag")
        priced = schema.DESTINATION_RATES.c
        if rates:
            query = select(priced.plan, priced.destination).where(tuple_(priced.plan, priced.rate).in_(rates))
            touched |= {(plan, tag) for plan, tag in self._connection.execute(query.distinct().limit(2 * FEW + 1))}
        return self._plans(None if len(touched) > 2 * FEW else frozenset(touched))

    def _plans(self, only: frozenset[tuple[str, str]] | None) -> Plans:
        """All of the plans, or of the prices just those of some destinations."""
        destinations, priced = schema.DESTINATIONS.c, schema.DESTINATION_RATES.c
        rows = fields(schema.DESTINATION_RATES, DestinationRateRow)
        there = exists().where(destinations.plan == priced.plan, destinations.tag == priced.destination)
        lost = select(priced.plan, priced.destination).where(priced.destination != ANY, ~there).distinct()
        if only is not None:
            some = tuple_(priced.plan, priced.destination).in_(only)
            rows, lost = rows.where(some), lost.where(some)
        prices = structs(self._connection, rows, DestinationRateRow)
        rates = fields(schema.RATES, RateRow)
        named = {(row.plan, row.rate) for row in prices}
        if only is not None and len(named) <= 2 * FEW:
            rates = rates.where(tuple_(schema.RATES.c.plan, schema.RATES.c.tag).in_(named))
        uses = schema.RATING_PLANS.c
        held = exists().where(priced.plan == uses.plan, priced.tag == uses.destination_rate)
        return Plans(
            unknown=self._pairs(lost),
            priced=self._pairs(select(uses.plan, uses.destination_rate).where(held).distinct()),
            only=only,
            timings=all_rows(self._connection, schema.TIMINGS, TimingRow),
            rates=structs(self._connection, rates, RateRow),
            destination_rates=prices,
            rating_plans=all_rows(self._connection, schema.RATING_PLANS, RatingPlanRow),
            rating_profiles=all_rows(self._connection, schema.RATING_PROFILES, RatingProfileRow),
            imports=all_rows(self._connection, schema.IMPORTS, ImportRow),
        )

    def _touched(self, table: str, one: str, other: str) -> set[tuple[str, str]]:
        """Two columns of the table's changed rows, as they were and as they became."""
        audit = schema.AUDIT.c
        query = select(audit.before, audit.after).where(audit.revision > self._revision, audit.table_name == table)
        found: set[tuple[str, str]] = set()
        for texts in self._connection.execute(query) if table in self._some else ():
            for row in [json.loads(text) for text in texts if text]:
                found.add((row[one], row[other]))
        return found

    def _pairs(self, query: Select[Any]) -> frozenset[tuple[str, str]]:
        return frozenset([(row[0], row[1]) for row in self._connection.execute(query)])


def fields(table: Table, kind: type[T]) -> Select[tuple[object, ...]]:
    """The table's columns that the struct has."""
    return select(*(table.c[field] for field in kind.__struct_fields__))


def structs(connection: Connection, query: Select[tuple[object, ...]], kind: type[T]) -> tuple[T, ...]:
    """The query's rows; they come by the driver's own cursor, at half the price."""
    cursor = connection.execute(query).cursor
    return tuple([kind(*row) for row in cursor.fetchall()]) if cursor is not None else ()


def all_rows(connection: Connection, table: Table, kind: type[T]) -> tuple[T, ...]:
    """The whole table."""
    return structs(connection, fields(table, kind), kind)
