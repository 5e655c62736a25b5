"""Random tariffs from CSV to price, against the second calculator, in both price modes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from tests.configdb.support import NOW, compiled, open_database
from tests.rating import calculator
from tests.rating.calculator import Activation, Choice, Priced, Rate, Step, Tariff, When

from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import TenantRow, UnitRow
from tollhouse.rating.cost import cost
from tollhouse.rating.price import Price, resolve
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, from_datetime

PLANS = 50
CALLS = 800
SUBJECTS = tuple(f"s{n}" for n in range(80))
PREFIXES = ("1", "12", "123", "124", "13", "2", "21", "3")
WEEK = (1, 2, 3, 4, 5, 6, 7)
METHODS = ("*up", "*down", "*middle")
EPOCH = datetime(2026, 5, 4, tzinfo=UTC)
"""A Monday. No clock in the zones below changes within a month of it."""


def any_when(dice: random.Random) -> When:
    dated = dice.random() < 0.15
    return When(
        years=dice.choice(((2026,), (2027,), ())) if dated else (),
        months=dice.choice(((5,), (6,), ())) if dated else (),
        month_days=tuple(sorted(dice.sample(range(1, 13), 6))) if dated else (),
        week_days=() if dated or dice.random() < 0.4 else tuple(sorted(dice.sample(WEEK, dice.randrange(1, 7)))),
        start=dice.choice((0, 0, 8 * 3600, 18 * 3600, 18 * 3600 + 47, 23 * 3600 + 59 * 60)),
    )


def any_rate(dice: random.Random) -> Rate:
    starts = [0, *sorted(dice.sample(range(1, 150), dice.choice((0, 0, 1, 2))))]
    steps = [
        Step(
            start,
            Fraction(dice.choice((0, 1, 2, 13, 50, 999, 12_345)), 10 ** dice.choice((0, 1, 2, 4))),
            dice.choice((1, 7, 30, 60)),
            dice.choice((1, 1, 6, 10, 45, 60)),
        )
        for start in starts
    ]
    return Rate(Fraction(dice.choice((0, 0, 3, 40, 12_345)), 1000), tuple(steps))


def any_tariff(dice: random.Random, zone: str) -> Tariff:
    destinations = {
        f"D{n}": tuple(sorted(dice.sample(PREFIXES, dice.randrange(1, 4)))) for n in range(dice.randrange(2, 6))
    }
    rates = {f"R{n}": any_rate(dice) for n in range(40)}
    plans = {f"P{n}": any_plan(dice, destinations, tuple(rates)) for n in range(PLANS)}
    profiles = {}
    for subject in ("*any", *SUBJECTS):
        times = sorted(dice.sample(range(-2000, 2000), dice.choice((1, 1, 2, 3))))
        fallback = tuple(dice.sample(("*any", *SUBJECTS[:9], "nobody"), dice.choice((0, 0, 1, 2))))
        profiles[subject] = tuple(
            Activation(EPOCH + timedelta(minutes=minutes), dice.choice(tuple(plans)), fallback) for minutes in times
        )
    return Tariff(zone, destinations, rates, plans, profiles)


def any_plan(
    dice: random.Random, destinations: dict[str, tuple[str, ...]], rates: tuple[str, ...]
) -> tuple[Choice, ...]:
    """Rows of equal weight begin at different times of day: between others nothing would decide."""
    choices: list[Choice] = []
    starts: list[int] = []
    for _ in range(dice.randrange(1, 5)):
        when = any_when(dice)
        weight = 10 + 5 * starts.count(when.start) + dice.choice((0, 0, 100 * len(starts)))
        starts.append(when.start)
        taken: set[str] = set()
        for tag in dice.sample(("*any", *destinations), dice.randrange(1, 1 + len(destinations))):
            prefixes = set(destinations.get(tag, ()))
            if prefixes & taken:
                continue
            taken |= prefixes
            cap = Fraction(dice.choice((1, 20, 3000)), 100) if dice.random() < 0.15 else Fraction(0)
            row = Priced(tag, dice.choice(rates), dice.choice(METHODS), dice.choice((0, 2, 3, 4, 4, 6)), cap)
            choices.append(Choice(when, weight, row))
    return tuple(choices)


def write(tariff: Tariff, folder: Path) -> None:
    """The tariff as a folder of CSV files, a destination rate and a timing for each choice."""
    folder.mkdir()
    files: dict[str, list[str]] = {
        "Destinations.csv": [f"{tag},{prefix}" for tag, prefixes in tariff.destinations.items() for prefix in prefixes],
        "Rates.csv": [
            f"{tag},{text(rate.fee)},{text(step.price)},{step.unit}s,{step.increment}s,{step.start}s"
            for tag, rate in tariff.rates.items()
            for step in rate.steps
        ],
        "Timings.csv": [],
        "DestinationRates.csv": [],
        "RatingPlans.csv": [],
        "RatingProfiles.csv": [
            f"t,call,{subject},{one.at:%Y-%m-%dT%H:%M:%SZ},{one.plan},{';'.join(one.fallback)}"
            for subject, activations in tariff.profiles.items()
            for one in activations
        ],
    }
    for plan, choices in tariff.plans.items():
        for number, choice in enumerate(choices):
            tag, when, row = f"{plan}_{number}", choice.when, choice.row
            lists = [";".join(map(str, one)) for one in (when.years, when.months, when.month_days, when.week_days)]
            clock = f"{when.start // 3600:02}:{when.start // 60 % 60:02}:{when.start % 60:02}"
            files["Timings.csv"].append(",".join((tag, *lists, clock)))
            cap = f"{text(row.free_above)},*free" if row.free_above else "0,"
            files["DestinationRates.csv"].append(
                f"{tag},{row.destination},{row.rate},{row.method},{row.decimals},{cap}"
            )
            files["RatingPlans.csv"].append(f"{plan},{tag},{tag},{choice.weight}")
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n")


def text(amount: Fraction) -> str:
    return f"{int(amount * 10**6) // 10**6}.{int(amount * 10**6) % 10**6:06}"


@pytest.mark.parametrize("places", [None, 5, 3], ids=["exact", "cgrates-5", "cgrates-3"])
@pytest.mark.parametrize("seed", range(8))
def test_from_a_folder_to_the_cost_of_a_call(tmp_path: Path, seed: int, places: int | None) -> None:
    dice = random.Random(f"{seed} {places}")
    zone = dice.choice(("UTC", "Europe/Berlin", "America/New_York"))
    tariff = any_tariff(dice, zone)
    write(tariff, tmp_path / "folder")
    database = open_database(tmp_path)
    with database.change("test") as change:
        change.add_unit(UnitRow("EUR", 6))
        change.add_tenant(TenantRow("t", "EUR", zone))
    if places is None:
        report = import_folder(database, tmp_path / "folder", NOW)
    else:
        report = import_folder(database, tmp_path / "folder", NOW, pricing="cgrates", price_decimals=places)
    assert report.problems == ()
    priced = 0
    with compiled(database, tmp_path) as now:
        assert now.cache.problems == ()
        for call in range(CALLS):
            subject = dice.choice((*SUBJECTS, "stranger"))
            called = dice.choice(("1239", "1244", "1300", "2100", "3", "99", "12"))
            # Around an activation, 18:00 or midnight of the zone, or anywhere within four days.
            start = EPOCH + timedelta(seconds=dice.randrange(-130_000, 200_000))
            usage = dice.choice((dice.randrange(1, 400), dice.randrange(1, 400), dice.randrange(400, 9000)))
            expected = calculator.cost(tariff, subject, called, start, usage, places)
            begin = from_datetime(start)
            price = resolve(now.reader, "t", "call", Service.VOICE, subject, called, begin, usage * SECOND)
            told = f"seed {seed} call {call}: {subject} {called} {start} {usage} {zone} {price}"
            whole = isinstance(price, Price) and not price.ends
            assert (cost(price, begin, usage * SECOND) if isinstance(price, Price) and whole else None) == expected, (
                told
            )
            priced += expected is not None
    assert priced > CALLS // 20, f"seed {seed}: {priced} of {CALLS} calls have a price: the seed shows too little"
