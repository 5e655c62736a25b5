"""The tariffs' rows, or what of them changed: a prefix, a price or a rate of a million leaves the others unread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

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
MANY: Final = 10 * FEW
"""Where what changed concerns more prefixes, or more destinations, all are read."""
_WHOLE: Final = (
    *("units", "tenants", "tariff_imports", "tariff_timings", "tariff_rating_plans", "tariff_rating_profiles"),
)
"""Tables of which a change concerns every destination."""
_PIECES: Final = ("tariff_destinations", "tariff_destination_rates", "tariff_rates")

T = TypeVar("T", bound=msgspec.Struct)
Row: TypeAlias = tuple[Any, ...]


class TariffReading:
    """`changed`: how many rows of each table did after the revision, as the audit says.

    A prefix's row in the snapshot names its destinations, each with the sheet of what it costs. So it is read anew
    with any of its destinations that is priced by other rates, and with it what all its destinations are priced by.
    """

    def __init__(self, connection: Connection, changed: Mapping[str, int], revision: int) -> None:
        self._connection = connection
        self._revision = revision
        self._some = {table for table in _PIECES if changed.get(table)}
        self._many = {table for table in _PIECES if changed.get(table, 0) > FEW}
        self._whole = bool(changed.keys() & set(_WHOLE))
        self.destinations: tuple[DestinationRow, ...] | None = None
        """The rows of `prefixes`; None: there are none to be read."""
        self.prefixes: frozenset[tuple[str, str]] | None = None
        """(plan, prefix) of what is to be written anew, prefix `*any` for the destination of this name; None: all."""
        if self._many & {"tariff_destinations", "tariff_destination_rates"}:
            self.destinations = all_rows(connection, schema.DESTINATIONS, DestinationRow)
        else:
            self._read_some()

    def _read_some(self) -> None:
        own = self._touched("tariff_destinations", "plan", "prefix")
        priced = self._touched("tariff_destination_rates", "plan", "destination")
        table = schema.DESTINATIONS.c
        by_tag = select(table.plan, table.prefix).limit(MANY + 1)
        for found in self._in_parts(by_tag, (table.plan, table.tag), priced):
            own.add((found[0], found[1]))
            if len(own) > MANY:
                self.destinations = all_rows(self._connection, schema.DESTINATIONS, DestinationRow)
                return
        anywhere = {(plan, tag) for plan, tag in priced if tag == ANY}
        self.prefixes = frozenset({one for one in own if one[1] != ANY} | anywhere)
        if own or anywhere:
            rows = self._in_parts(fields(schema.DESTINATIONS, DestinationRow), (table.plan, table.prefix), own)
            self.destinations = tuple([DestinationRow(*row) for row in rows])

    def plans(self) -> Plans | None:
        """What a change of plans, prices or prefixes concerns; None where there was none."""
        if self._whole or self._many or (self.prefixes is None and self.destinations is not None):
            return self._plans(None)
        if not self._some:
            return None
        touched = self._touched("tariff_destinations", "plan", "tag")
        touched |= self._touched("tariff_destination_rates", "plan", "destination")
        touched |= {(row.plan, row.tag) for row in self.destinations or ()}
        rates = self._touched("tariff_rates", "plan", "tag")
        priced = schema.DESTINATION_RATES.c
        if rates:
            query = select(priced.plan, priced.destination).where(tuple_(priced.plan, priced.rate).in_(rates))
            touched |= {(plan, tag) for plan, tag in self._connection.execute(query.distinct().limit(MANY + 1))}
        return self._plans(None if len(touched) > MANY else frozenset(touched))

    def _plans(self, only: frozenset[tuple[str, str]] | None) -> Plans:
        """All of the plans, or of the prices just those of some destinations."""
        destinations, priced = schema.DESTINATIONS.c, schema.DESTINATION_RATES.c
        there = exists().where(destinations.plan == priced.plan, destinations.tag == priced.destination)
        lost = select(priced.plan, priced.destination).where(priced.destination != ANY, ~there).distinct()
        of_destination, of_rate = (priced.plan, priced.destination), (schema.RATES.c.plan, schema.RATES.c.tag)
        read = self._in_parts(fields(schema.DESTINATION_RATES, DestinationRateRow), of_destination, only)
        prices = tuple([DestinationRateRow(*row) for row in read])
        named = None if only is None else {(row.plan, row.rate) for row in prices}
        uses = schema.RATING_PLANS.c
        held = exists().where(priced.plan == uses.plan, priced.tag == uses.destination_rate)
        return Plans(
            unknown=_pairs(self._in_parts(lost, of_destination, only)),
            priced=_pairs(cells(self._connection, select(uses.plan, uses.destination_rate).where(held).distinct())),
            only=only,
            timings=all_rows(self._connection, schema.TIMINGS, TimingRow),
            rates=tuple([RateRow(*row) for row in self._in_parts(fields(schema.RATES, RateRow), of_rate, named)]),
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

    def _in_parts(
        self,
        query: Select[Any],
        columns: tuple[Any, Any],
        pairs: Collection[tuple[str, str]] | None,
    ) -> Iterator[Row]:
        """The query's rows, where there are pairs those whose two columns are one of them: an import's at a time, for
        an index serves a list of one column, and so many as a statement can have values."""
        if pairs is None:
            yield from cells(self._connection, query)
            return
        asked: dict[str, list[str]] = {}
        for plan, name in sorted(pairs):
            asked.setdefault(plan, []).append(name)
        for plan, names in asked.items():
            for place in range(0, len(names), FEW):
                some = columns[1].in_(names[place : place + FEW])
                yield from cells(self._connection, query.where(columns[0] == plan, some))


def _pairs(rows: Iterable[Row]) -> frozenset[tuple[str, str]]:
    return frozenset([(row[0], row[1]) for row in rows])


def fields(table: Table, kind: type[T]) -> Select[tuple[object, ...]]:
    """The table's columns that the struct has."""
    return select(*(table.c[field] for field in kind.__struct_fields__))


def structs(connection: Connection, query: Select[tuple[object, ...]], kind: type[T]) -> tuple[T, ...]:
    """The query's rows, each as such a struct."""
    return tuple([kind(*row) for row in cells(connection, query)])


def cells(connection: Connection, query: Select[Any]) -> Sequence[Row]:
    """The query's rows; they come by the driver's own cursor, at half the price, and so do its errors (`told`)."""
    cursor = connection.execute(query).cursor
    try:
        return cursor.fetchall() if cursor is not None else ()
    except sqlite3.Error as trouble:
        tables = ", ".join(sorted({str(one) for one in query.get_final_froms()}))
        raise sqlite3.DatabaseError(f"table {tables}: {told(trouble)}") from None


def told(trouble: Exception) -> str:
    """What the driver says, without the text of a row, which may be a secret: `Could not decode to UTF-8 column ..`."""
    return str(trouble).partition(" with text")[0]


def all_rows(connection: Connection, table: Table, kind: type[T]) -> tuple[T, ...]:
    """The whole table."""
    return structs(connection, fields(table, kind), kind)
