"""An import's rating rows and shared groups back into a folder of CSV files, which imports as the same rows."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import SQLAlchemyError

from tollhouse.configdb import schema
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.shared_groups import exported_groups
from tollhouse.configdb.tariff_reader import COLUMNS, RC8
from tollhouse.configdb.tariff_values import duration

_FILES: Final = (
    ("Destinations.csv", schema.DESTINATIONS, "tag prefix"),
    ("Timings.csv", schema.TIMINGS, "tag years months month_days week_days time"),
    ("Rates.csv", schema.RATES, "tag connect_fee rate rate_unit rate_increment slot_start"),
    (
        "DestinationRates.csv",
        schema.DESTINATION_RATES,
        "tag destination rate rounding decimals max_cost max_cost_strategy",
    ),
    ("RatingPlans.csv", schema.RATING_PLANS, "tag destination_rate timing weight"),
    ("RatingProfiles.csv", schema.RATING_PROFILES, "tenant category subject activation rating_plan fallback"),
)


V010: Final = "v010"
LAYOUTS: Final = (V010, "rc8")
"""CGRateS v0.10 and 0.9.1~rc8, in which RatingProfiles has a direction first and statistics queues last."""


class ExportError(Exception):
    """Nothing was written; the text says why."""


class ExportReport(msgspec.Struct, frozen=True):
    """What was written: rows by file, and how the import prices its calls, which no file says."""

    plan: str
    files: dict[str, int]
    pricing: str = "exact"
    price_decimals: int = 5


def export_folder(database: ConfigDatabase, plan: str, path: Path, layout: str = V010) -> ExportReport:
    """Write the rows of the import `plan` into the folder, which is made where it is missing.

    `layout`: one of LAYOUTS.
    ExportError where there is no such import, where the folder holds a file of that name already, or can't be written.
    Files appear only when all of them are written.
    """
    try:
        with database.engine.connect() as connection, connection.begin():
            tables = {file: _rows(connection, table, columns, plan) for file, table, columns in _FILES}
            tables["SharedGroups.csv"] = exported_groups(connection, plan)
            imports = schema.IMPORTS.c
            query = select(imports.pricing, imports.price_decimals).where(imports.plan == plan)
            priced = connection.execute(query).first()
    except SQLAlchemyError as trouble:
        raise ExportError(f"config database {database.path}: {trouble}") from None
    tables = {file: rows for file, rows in tables.items() if rows}
    if not tables:
        raise ExportError(f"there is no import {plan!r} that has rows")
    try:
        _write(path, tables, layout)
    except OSError as trouble:
        raise ExportError(f"{trouble.filename}: {trouble.strerror}") from None
    counts = {file: len(rows) for file, rows in tables.items()}
    return ExportReport(plan, counts, *priced) if priced else ExportReport(plan, counts)


def _rows(connection: Connection, table: Table, columns: str, plan: str) -> list[tuple[object, ...]]:
    query = select(*(table.c[name] for name in columns.split())).where(table.c.plan == plan).order_by(table.c.id)
    rows = [tuple(row) for row in connection.execute(query)]
    if comment := next((str(row[0]) for row in rows if str(row[0]).startswith("#")), ""):
        raise ExportError(f"{comment!r} would be read as a comment")
    return _earliest_first(rows) if table is schema.RATES else rows


def _earliest_first(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """The connect fee that counts is that of a rate's first line, and it lies with the earliest slot."""
    tags = {tag: place for place, tag in enumerate(dict.fromkeys(row[0] for row in rows))}
    return sorted(rows, key=lambda row: (tags[row[0]], duration(str(row[-1]))))


def _write(path: Path, tables: dict[str, list[tuple[object, ...]]], layout: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    taken = [file for file in COLUMNS if os.path.lexists(path / file)]
    if taken:
        raise ExportError(f"{path} holds {', '.join(taken)} already: name an empty folder")
    written = []
    try:
        for file, rows in tables.items():
            made = path / f".{file}.part"
            if os.path.lexists(made):
                raise ExportError(f"{made} is in the way")
            written.append(made)
            if layout != V010 and file == "RatingProfiles.csv":
                _write_file(made, (("*out", *row, "") for row in rows), RC8[file])
            else:
                _write_file(made, rows, COLUMNS[file])
        for file in tables:
            (path / f".{file}.part").rename(path / file)
    finally:
        for made in written:
            made.unlink(missing_ok=True)


def _write_file(path: Path, rows: Iterable[tuple[object, ...]], columns: str) -> None:
    with path.open("x", encoding="utf-8", newline="") as text:
        text.write(f"#{columns}\n")
        csv.writer(text, lineterminator="\n").writerows(rows)
        text.flush()
        os.fsync(text.fileno())
