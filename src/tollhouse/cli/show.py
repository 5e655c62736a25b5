"""Results as text for people: an object as names and values, a list of objects as a table. The names are the API's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tollhouse.values.money import DECIMAL

Json = Mapping[str, object]
_GAP: Final = "  "
_AMOUNT: Final = {"amount", "unit"}


def shown(result: Json) -> Iterator[str]:
    """An object, a line each: first what has one value, then what has many."""
    single = {name: value for name, value in result.items() if not _many(value)}
    width = max(map(len, single), default=0)
    for name, value in single.items():
        yield f"{name:{width}}{_GAP}{cell(value)}".rstrip()
    for name, value in result.items():
        if isinstance(value, list) and value:
            yield name
            yield from (_GAP + line for line in _listed(value))
        elif isinstance(value, dict) and value:
            yield name
            yield from (_GAP + line for line in shown(value))


def explained(result: Json) -> Iterator[str]:
    """An explained price, to be read aloud: what was looked at, the sum, and how it is rounded."""
    several = {"looked", "lines", "rounding", "refused"}
    yield from shown({name: value for name, value in result.items() if name not in several})
    looked, lines, refused = (result.get(name) for name in ("looked", "lines", "refused"))
    if isinstance(looked, list):
        yield "looked at"
        yield from (_GAP + cell(text) for text in looked)
    if isinstance(refused, dict):
        yield f"refused: {cell(refused.get('refusal'))}: {cell(refused.get('detail'))}"
        return
    yield "sum"
    if isinstance(lines, list):
        yield from (_GAP + cell(line.get("text")) for line in lines if isinstance(line, dict))
    yield _GAP + cell(result.get("rounding"))


def _many(value: object) -> bool:
    return isinstance(value, list | dict) and bool(value)


def _listed(values: Sequence[object]) -> Iterator[str]:
    objects = [value for value in values if isinstance(value, dict)]
    if len(objects) < len(values):
        yield from map(cell, values)
    else:
        yield from table(objects, list(dict.fromkeys(name for one in objects for name in one)))


def table(rows: Sequence[Json], columns: Sequence[str]) -> Iterator[str]:
    """A heading and a line a row. Columns of numbers stand right; a dot in a column's name goes into an object."""
    titles = [column.rpartition(".")[2] for column in columns]
    cells = [[cell(_at(row, column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    right = [_numbers([line[at] for line in cells]) for at in range(len(columns))]
    for line in (titles, *cells):
        padded = [
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, right, strict=True)
        ]
        yield _GAP.join(padded).rstrip()


def _at(row: Json, column: str) -> object:
    name, _, inner = column.partition(".")
    value = row.get(name)
    return _at(value, inner) if inner and isinstance(value, dict) else None if inner else value


def _numbers(cells: Sequence[str]) -> bool:
    return any(text != "-" for text in cells) and all(text == "-" or DECIMAL.fullmatch(text) for text in cells)


def cell(value: object) -> str:
    """One value on one line; what a terminal would act on is shown as a question mark."""
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return _phrase(value)
    return "".join(character if character.isprintable() else "?" for character in str(value))


def _phrase(value: Json | Sequence[object]) -> str:
    """What has parts, on one line: `destinations DST_UK, !DST_331; blocker yes`, or an amount, `-60 second`."""
    if not isinstance(value, Mapping):
        return ", ".join(map(_part, value))
    if set(value) == _AMOUNT:
        return f"{cell(value['amount'])} {cell(value['unit'])}"
    return "; ".join(f"{cell(name)} {cell(one)}" for name, one in value.items())


def _part(value: object) -> str:
    return f"({cell(value)})" if isinstance(value, dict) and set(value) != _AMOUNT else cell(value)
