"""What rating costs with a hundred prefixes in a plan and with a million: two shapes of a tariff, one table.

    tools/bench_rating.py [--prefixes N] [--runs N] [--directory DIR]

Shape a: destinations of 200 prefixes each. Shape b: every prefix is a destination with prices of its own choice. Both
have at most 2,000 rates, each of three slots (from 0, 60 s and 300 s on).

A look-up finds the longest prefix of a number and its intervals; the cost is that of a call of 400 s, from the number
to the sum. Every run of them has a process of its own that opens the snapshot anew and sees no number twice; runs at
both sizes take turns, and the table tells medians. A change is timed from the UPDATE until it is published.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import TenantRow, UnitRow
from tollhouse.engine.tally import Tally
from tollhouse.main.process import settle_collector
from tollhouse.rating.cost import cost
from tollhouse.rating.price import resolve
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, parse_instant
from tollhouse.values.outcomes import Refused

SEED: Final = 1
FEW: Final = 100
GROUP: Final = 200
"""Prefixes of a destination in shape a."""
RATES: Final = 2_000
NUMBERS: Final = 100_000
"""Looked up in one run: so many that reading each of the sheets for the first time is no part of what one takes."""
TENANT: Final = "example.org"
NOW: Final = parse_instant("2026-11-23T10:00:00Z")
CALL: Final = 400 * SECOND
LONGEST: Final = 86_400 * SECOND
SNAPSHOT: Final = "config.lmdb"

Measured = dict[str, float]
T = TypeVar("T")


class Case(NamedTuple):
    """A compiled tariff: where it lies, what its rating plan is called, its prefixes, what making it took."""

    directory: Path
    plan: str
    prefixes: Sequence[str]
    measured: Measured


def generate(folder: Path, shape: str, size: int) -> None:
    """A tariff folder of one rating plan."""
    folder.mkdir()
    prefixes = sorted(str(number) for number in random.Random(SEED).sample(range(10**6, 10**9), size))
    destinations = max(size // GROUP, 1) if shape == "a" else size
    rates = min(RATES, destinations)
    write(
        folder / "Destinations.csv",
        (f"DST_{place * destinations // size:07d},{prefix}" for place, prefix in enumerate(prefixes)),
    )
    write(folder / "Rates.csv", (line for rate in range(rates) for line in slots(rate)))
    priced = (f"DR,DST_{number:07d},RT_{number % rates},*up,4,0," for number in range(destinations))
    write(folder / "DestinationRates.csv", priced)
    write(folder / "RatingPlans.csv", ["RP,DR,*any,10"])
    write(folder / "RatingProfiles.csv", [f"{TENANT},call,*any,2014-01-14T00:00:00Z,RP,"])


def slots(rate: int) -> list[str]:
    """The lines of one rate: a fee, and a price that falls after a minute and after five."""
    return [
        f"RT_{rate},0.{rate % 90 + 10},0.{rate + 7000},60s,60s,0s",
        f"RT_{rate},0,0.{rate + 4000},60s,1s,60s",
        f"RT_{rate},0,0.{rate + 1000},60s,1s,300s",
    ]


def write(path: Path, lines: Iterable[str]) -> None:
    """A file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines))


def timed(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds that it took, and its result."""
    begin = time.perf_counter()
    result = act()
    return time.perf_counter() - begin, result


def build(directory: Path, shape: str, size: int, runs: int) -> Case:
    """Import the tariff, compile and publish it, change it as many times."""
    directory.mkdir()
    folder = directory / "tariff"
    generate(folder, shape, size)
    database = ConfigDatabase(directory / "config.sqlite", directory / "key")
    with database.change("bench") as change:
        change.add_unit(UnitRow("EUR", 6))
        change.add_tenant(TenantRow(TENANT, "EUR"))
    seconds, report = timed(lambda: import_folder(database, folder))
    assert not report.problems, report.problems[:3]
    measured = {"import s": seconds}
    file = SnapshotFile(directory / SNAPSHOT)
    cache = CacheManager(database, SnapshotWriter(file), Tally())
    measured["compile and publish s"] = timed(lambda: published(cache))[0]
    measured["config.lmdb MB"] = (directory / SNAPSHOT).stat().st_blocks * 512 / 1e6
    changes = {
        "one prefix changed s": "UPDATE tariff_destinations SET prefix = prefix || '7' WHERE id = {row}",
        "one price changed s": "UPDATE tariff_rates SET rate = rate || '7' WHERE id = {row}",
    }
    for name, statement in changes.items():
        times = [timed(partial(changed, database, cache, statement.format(row=row % 3 + 1)))[0] for row in range(runs)]
        measured[name] = statistics.median(times)
    cache.close()
    file.close()
    database.close()
    with closing(sqlite3.connect(database.path)) as connection:
        prefixes = [prefix for (prefix,) in connection.execute("SELECT prefix FROM tariff_destinations ORDER BY id")]
    return Case(directory, f"{report.plan}/RP", prefixes, measured)


def published(cache: CacheManager) -> None:
    """What was committed is in force."""
    done = cache.check(NOW)
    assert done, cache.problems[:3]


def changed(database: ConfigDatabase, cache: CacheManager, statement: str) -> None:
    """One statement of a connection that knows nothing of the product, until it is in force."""
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute(statement)
    published(cache)


def numbers(prefixes: Sequence[str], dice: random.Random) -> list[str]:
    """Different numbers, each a random prefix and five random digits."""
    found: dict[str, None] = {}
    while len(found) < NUMBERS:
        found[f"{dice.choice(prefixes)}{dice.randrange(10**5):05d}"] = None
    return list(found)


def look_up(path: Path, plan: str, called: Sequence[str]) -> Measured:
    """The first look-up of a process, and what the following ones take each."""
    snapshot = LmdbSnapshot(SnapshotFile(path))
    settle_collector()
    first, held = timed(lambda: next(iter(snapshot.rates(plan, called[0]))))
    assert held.intervals, called[0]
    begin = time.perf_counter()
    for number in called[1:]:
        next(iter(snapshot.rates(plan, number)))
    each = (time.perf_counter() - begin) / (len(called) - 1)
    return {"first look-up ms": first * 1e3, "look-up us": each * 1e6}


def price(path: Path, called: Sequence[str]) -> Measured:
    """What finding a call's price and summing it up takes."""
    snapshot = LmdbSnapshot(SnapshotFile(path))
    settle_collector()
    begin = time.perf_counter()
    for number in called:
        found = resolve(snapshot, TENANT, "call", Service.VOICE, "anyone", number, NOW, LONGEST)
        assert not isinstance(found, Refused)
        cost(found, NOW, CALL)
    each = (time.perf_counter() - begin) / len(called)
    return {"resolve and cost us": each * 1e6}


def alone(act: Callable[..., T], *arguments: Any) -> T:
    """Done in a new process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(act, *arguments).result()


def measure(cases: Sequence[Case], runs: int) -> list[Measured]:
    """Of each case everything, once; look-ups as medians of so many runs."""
    dice = random.Random(SEED)
    found: list[list[Measured]] = [[] for _ in cases]
    for _ in range(runs):
        for case, held in zip(cases, found, strict=True):
            path = case.directory / SNAPSHOT
            looked = alone(look_up, path, case.plan, numbers(case.prefixes, dice))
            held.append({**looked, **alone(price, path, numbers(case.prefixes, dice))})
    return [
        {**case.measured, **{name: statistics.median(run[name] for run in held) for name in held[0]}}
        for case, held in zip(cases, found, strict=True)
    ]


def machine() -> str:
    """What this was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return (
        f"{os.cpu_count()} cores, {', '.join(sorted(models)) or platform.machine()}, Python {platform.python_version()}"
    )


def table(prefixes: int, shapes: dict[str, list[Measured]]) -> str:
    """A line for each measure; of each shape the value at both sizes and how many times the one of few it is."""
    head = "".join(f"{f'{shape}: {FEW}':>12}{f'{shape}: {prefixes:,}':>14}{'ratio':>9}" for shape in shapes)
    lines = [f"{'prefixes':<24}{head}"]
    for name in next(iter(shapes.values()))[0]:
        cells = [(few[name], many[name]) for few, many in shapes.values()]
        lines.append(f"{name:<24}" + "".join(f"{few:>12.3f}{many:>14.3f}{many / few:>9.2f}" for few, many in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefixes", type=int, default=1_000_000, help="how many the large plan has (default 1000000)")
    parser.add_argument("--runs", type=int, default=5, help="of each measure but the import (default 5)")
    parser.add_argument("--directory", type=Path, help="on the disk to measure (default: a temporary directory)")
    wish = parser.parse_args()
    print(machine())
    shapes: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory(dir=wish.directory) as name:
        for shape in ("a", "b"):
            sizes = (FEW, wish.prefixes)
            cases = [alone(build, Path(name) / f"{shape}{size}", shape, size, wish.runs) for size in sizes]
            shapes[shape] = measure(cases, wish.runs)
    print(table(wish.prefixes, shapes))


if __name__ == "__main__":
    main()
