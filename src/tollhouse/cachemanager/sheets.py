"""Destinations by what they are priced by: those that the same destination rates price share a sheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from tollhouse.cachemanager.faults import Faults
from tollhouse.configdb.rows import DestinationRateRow, DestinationRow
from tollhouse.configdb.tariff_values import ANY
from tollhouse.configdb.tariff_values import prefix as checked_prefix
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import Edit

_PACK = msgspec.msgpack.Encoder().encode
_Content: TypeAlias = tuple[str, str, str, str, int, str, str]
"""A destination rate without its destination."""


class Sheet(msgspec.Struct, frozen=True, gc=False):
    """Destination rates of an import that price one destination or many, `destination` among them."""

    plan: str
    destination: str
    rows: tuple[DestinationRateRow, ...]


class Sheets(msgspec.Struct, frozen=True):
    """`names`: of each (import, destination) its sheet; `held`: the sheets by their names."""

    names: dict[tuple[str, str], bytes]
    held: dict[bytes, Sheet]


def sheets(rows: Iterable[DestinationRateRow]) -> Sheets:
    """The sheets of all the destinations that the rows name; of each there are all rows."""
    alone: dict[_Content, tuple[DestinationRateRow, ...]] = {}
    priced: dict[tuple[str, str], tuple[DestinationRateRow, ...]] = {}
    for row in rows:
        content = _content(row)
        like = alone.get(content)
        if like is None:
            like = alone[content] = (row,)
        key = row.plan, row.destination
        held = priced.get(key)
        priced[key] = like if held is None else held + like
    names: dict[tuple[_Content, ...], bytes] = {}
    found = Sheets({}, {})
    for (plan, destination), mine in priced.items():
        contents = tuple(sorted({_content(row) for row in mine})) if len(mine) > 1 else (_content(mine[0]),)
        name = names.get(contents)
        if name is None:
            name = names[contents] = tables.sheet_name(_PACK(contents))
            found.held[name] = Sheet(plan, destination, tuple([alone[content][0] for content in contents]))
        found.names[plan, destination] = name
    return found


def _content(row: DestinationRateRow) -> _Content:
    return row.plan, row.tag, row.rate, row.rounding, row.decimals, row.max_cost, row.max_cost_strategy


def compile_destinations(
    rows: Iterable[DestinationRow], some: frozenset[tuple[str, str]] | None, priced: Sheets, faults: Faults
) -> Edit:
    """At an import's prefix the destinations that it belongs to, each with its sheet; all of them, or just some."""
    found: dict[bytes, list[tuple[str, bytes]]] = {}
    heads: dict[str, bytes] = {}
    for row in rows:
        try:
            checked_prefix(row.prefix)
        except ValueError as trouble:
            faults.add("tariff_destinations", f"{row.plan} {row.tag}", "prefix", str(trouble))
            continue
        if row.plan not in heads:
            heads[row.plan] = tables.text_key(tables.DESTINATION, row.plan, "")
        sheet = priced.names.get((row.plan, row.tag), tables.UNPRICED)
        found.setdefault(heads[row.plan] + row.prefix.encode(), []).append((row.tag, sheet))
    packed = {key: _PACK(sorted(destinations)) for key, destinations in found.items()}
    for (plan, destination), sheet in priced.names.items():
        if destination == ANY:
            packed[_row(plan, ANY)] = _PACK([(ANY, sheet)])
    if some is None:
        return Edit(tables.DESTINATION, packed, True)
    return Edit(tables.DESTINATION, {key: packed.get(key) for key in [_row(*one) for one in some]}, False)


def _row(plan: str, prefix: str) -> bytes:
    return tables.anywhere_key(plan) if prefix == ANY else tables.text_key(tables.DESTINATION, plan, prefix)
