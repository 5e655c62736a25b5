"""What is wrong with a tariff folder is told with file, line and column, all at once, and nothing is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.configdb.support import dump, edit, open_tenant, tutorial

from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.tariff_reader import COLUMNS

Damage = Callable[[bytes], bytes]
Place = tuple[str, int, str]


def swap(old: str, new: str) -> Damage:
    return lambda text: text.replace(old.encode(), new.encode(), 1)


def add(line: str) -> Damage:
    return lambda text: text + line.encode() + b"\n"


def octets(old: str, new: bytes) -> Damage:
    return lambda text: text.replace(old.encode(), new, 1)


WRONG: list[tuple[str, str, Damage, list[tuple[int, str]], str]] = [
    # what it is, the file, the damage, the places (line, column), a part of the first text
    ("a column is missing", "Destinations.csv", swap("DST_1002,1002", "DST_1002"), [(2, "Prefix")], "1 columns"),
    ("a column too many", "Destinations.csv", swap("1002,1002", "1002,1002,x"), [(2, "column 3")], "3 columns, 2"),
    (
        "the columns of another version",
        "RatingProfiles.csv",
        swap("example", "*out,example"),
        [(2, "column 7")],
        "7 co",
    ),
    ("no tag", "Destinations.csv", swap("DST_1003,", ","), [(6, "Tag")], "is empty"),
    ("a tag too long", "Destinations.csv", add("X" * 129 + ",49"), [(7, "Tag")], "longer than 128 octets"),
    ("a prefix too long", "Destinations.csv", add("DST_1003," + "1" * 65), [(7, "Prefix")], "1 to 64 digits"),
    ("a prefix of letters", "Destinations.csv", swap(",447", ",44x"), [(5, "Prefix")], "'44x' is no prefix"),
    ("an empty prefix", "Destinations.csv", swap(",447", ","), [(5, "Prefix")], "'' is no prefix"),
    ("a prefix of digits not ASCII", "Destinations.csv", swap(",447", ",\u0664\u0664"), [(5, "Prefix")], "no prefix"),
    ("not UTF-8", "Destinations.csv", octets("DST_1003", b"DST_\xff"), [(6, "Tag")], "not UTF-8"),
    ("a control character", "Destinations.csv", octets("DST_1003", b"DST\x00"), [(6, "Tag")], "not printable"),
    ("a quote never closed", "Destinations.csv", swap("DST_1003", '"DST_1003'), [(6, "")], "no CSV from here on"),
    ("text after a quote", "Destinations.csv", swap("DST_1003", '"DST"_1003'), [(6, "")], "no CSV from here on"),
    ("a cell over two lines", "Destinations.csv", swap("DST_1003", '"DST\n1003"'), [(6, "Tag")], "not printable"),
    ("a timing twice", "Timings.csv", add("DAY,,,,1,12:00:00"), [(8, "Tag")], "already in line 4"),
    ("a time that is none", "Timings.csv", swap("08:00:00", "24:00:00"), [(4, "Time")], "no time of day"),
    ("a time without seconds", "Timings.csv", swap("08:00:00", "08:00"), [(4, "Time")], "no time of day"),
    ("a month that is none", "Timings.csv", add("X,,13,,,00:00:00"), [(8, "Months")], "between 1 and 12"),
    ("a day of the month that is none", "Timings.csv", add("X,,,0;1,,00:00:00"), [(8, "MonthDays")], "1 and 31"),
    ("a day of the week that is none", "Timings.csv", swap("6;7", "6;8"), [(6, "WeekDays")], "between 0 and 7"),
    ("a year that is none", "Timings.csv", add("X,26,,,,00:00:00"), [(8, "Years")], "between 1970 and 9999"),
    ("no number", "Rates.csv", swap("0.4,0.2", "0.4,o.2"), [(2, "Rate")], "not a decimal number"),
    ("no price", "Rates.csv", swap("0.4,0.2", "0.4,"), [(2, "Rate")], "not a decimal number"),
    ("a negative price", "Rates.csv", swap("0.4,0.2", "0.4,-0.2"), [(2, "Rate")], "zero or more"),
    ("a negative fee", "Rates.csv", swap("0.4,0.2", "-0.4,0.2"), [(2, "ConnectFee")], "zero or more"),
    ("an exponent", "Rates.csv", swap("0.4,0.2", "0.4,2e-1"), [(2, "Rate")], "not a decimal number"),
    ("a decimal comma", "Rates.csv", swap("0.4,0.2", '0.4,"0,2"'), [(2, "Rate")], "not a decimal number"),
    ("infinity", "Rates.csv", swap("0.4,0.2", "0.4,inf"), [(2, "Rate")], "not a decimal number"),
    ("beyond int64", "Rates.csv", swap("0.4,0.2", "0.4,9223372036854775808"), [(2, "Rate")], "not a decimal"),
    (
        "beyond int64 at the rate's scale",
        "Rates.csv",
        swap("0.4,0.2", "0.4,9" + "0" * 17 + ".25"),
        [(2, "Rate")],
        "large",
    ),
    ("too fine", "Rates.csv", swap("0.4,0.2", "0.4,0.0000000000001"), [(2, "Rate")], "not a decimal number"),
    ("no duration", "Rates.csv", swap("0.2,60s", "0.2,60x"), [(2, "RateUnit")], "no duration"),
    ("a negative duration", "Rates.csv", swap("0.2,60s", "0.2,-60s"), [(2, "RateUnit")], "no duration"),
    ("a duration too long", "Rates.csv", swap("0.2,60s", "0.2,9999999999h"), [(2, "RateUnit")], "too long"),
    ("nanoseconds of voice", "Rates.csv", swap("60s,60s,0s", "60s,60,0s"), [(2, "RateIncrement")], "write `60s`"),
    ("a step of zero for data", "Rates.csv", swap("10,10,0", "10,0,0"), [(8, "RateIncrement")], "only voice has"),
    ("a unit of zero for messages", "Rates.csv", swap("1,1,0", "0,1,0"), [(9, "RateUnit")], "only voice has"),
    ("a slot twice", "Rates.csv", swap("1s,60s", "1s,0s"), [(3, "GroupIntervalStart")], "at the same age"),
    ("an unknown rounding", "DestinationRates.csv", swap("*up", "*nearest"), [(2, "RoundingMethod")], "one of *up"),
    ("decimals beyond 20", "DestinationRates.csv", swap("*up,4", "*up,21"), [(2, "RoundingDecimals")], "0 to 20"),
    ("no decimals", "DestinationRates.csv", swap("*up,4", "*up,"), [(2, "RoundingDecimals")], "0 to 20"),
    ("a bad highest cost", "DestinationRates.csv", swap("4,0,", "4,x,"), [(2, "MaxCost")], "not a decimal number"),
    ("an unknown strategy", "DestinationRates.csv", swap("*free", "*stop"), [(7, "MaxCostStrategy")], "*disconnect"),
    (
        "an unknown destination",
        "DestinationRates.csv",
        add("DR_LOW,DST_X,RT_40CNT,*up,4,0,"),
        [(8, "DestinationsTag")],
        "X",
    ),
    ("an unknown rate", "DestinationRates.csv", add("DR_X,*any,RT_X,*up,4,0,"), [(8, "RatesTag")], "no rate 'RT_X'"),
    (
        "a price twice",
        "DestinationRates.csv",
        add("DR_LOW,DST_UK,RT_20CNT,*up,4,0,"),
        [(8, "DestinationsTag")],
        "line 3",
    ),
    (
        "two prices of one destination",
        "DestinationRates.csv",
        add("DR_LOW,DST_UK,RT_40CNT,*up,4,0,"),
        [(8, "DestinationsTag")],
        "another price for DST_UK at the same times is in line 3",
    ),
    ("an unknown priced tag", "RatingPlans.csv", swap("RP_FLAT,DR_LOW", "RP_FLAT,DR_X"), [(2, "DestRatesTag")], "DR_X"),
    ("an unknown timing", "RatingPlans.csv", swap("DR_HIGH,DAY", "DR_HIGH,NIGHT"), [(4, "TimingTag")], "'NIGHT'"),
    ("a rate as soon as possible", "RatingPlans.csv", add("RP_FLAT,DR_LOW,AT_ONCE,1"), [(9, "TimingTag")], "'AT_ONCE'"),
    ("a bad weight", "RatingPlans.csv", swap("DAY,10", "DAY,-10"), [(4, "Weight")], "zero or more"),
    (
        "timings that meet",
        "RatingPlans.csv",
        add("RP_RETAIL,DR_HIGH,WEEKEND,10"),
        [(9, "TimingTag")],
        "for DST_1002 line 6 has another price at times that meet these, with the same weight and start",
    ),
    ("timings that meet by *any", "RatingPlans.csv", add("RP_FLAT,DR_HIGH,*any,10.0"), [(9, "TimingTag")], "line 2"),
    ("an unknown rating plan", "RatingProfiles.csv", swap("RP_SMS", "RP_X"), [(5, "RatingPlanTag")], "'RP_X'"),
    ("no point in time", "RatingProfiles.csv", swap("1389657600", "tomorrow"), [(5, "ActivationTime")], "no point in"),
    ("an unknown zone", "RatingProfiles.csv", swap("00:00:00Z", "00:00:00 Mars"), [(2, "ActivationTime")], "no point"),
    (
        "a day that is none",
        "RatingProfiles.csv",
        swap("2014-01-14T", "2014-02-30T"),
        [(2, "ActivationTime")],
        "no point",
    ),
    (
        "an activation twice",
        "RatingProfiles.csv",
        add("example.org,sms,*any,2014-01-14T01:00:00+01:00,RP_SMS,"),
        [(6, "ActivationTime")],
        "already in line 5",
    ),
    (
        "an unknown tenant",
        "RatingProfiles.csv",
        swap("example.org,sms", "example.net,sms"),
        [(5, "Tenant")],
        "'example.n",
    ),
    ("an unknown action", "Actions.csv", swap("*topup_reset", "*gift"), [(2, "Action")], "not supported yet"),
    ("an action not supported yet", "Actions.csv", swap("*topup_reset", "*debit"), [(2, "Action")], "only *topup"),
    ("a balance not supported yet", "Actions.csv", swap("*monetary", "*voice"), [(2, "BalanceType")], "only *monetary"),
    ("a filter not supported yet", "Actions.csv", swap("reset,,,", "reset,,{},"), [(2, "Filter")], "not supported yet"),
    (
        "a restricted balance",
        "Actions.csv",
        swap("*any,,,", "DST_UK,,,"),
        [(2, "DestinationTags")],
        "not supported yet",
    ),
    ("a blocker", "Actions.csv", swap("false,false", "true,false"), [(2, "BalanceBlocker")], "not supported yet"),
    (
        "an expiry of no form",
        "Actions.csv",
        swap("*unlimited", "*hourly"),
        [(2, "ExpiryTime")],
        "counts from the time of the import",
    ),
    ("a formula", "Actions.csv", swap(",2.5,", ",{},"), [(3, "Units")], "formula is not supported yet"),
    ("nothing given", "Actions.csv", swap(",2.5,", ",0.0,"), [(3, "Units")], "more than zero"),
    ("money taken", "Actions.csv", swap(",2.5,", ",-2.5,"), [(3, "Units")], "zero or more"),
    ("money finer than its unit", "Actions.csv", swap(",2.5,", ",2.0000001,"), [(3, "Units")], "more than 6 decimals"),
    ("money beyond int64", "Actions.csv", swap(",2.5,", ",9223372036855,"), [(3, "Units")], "out of range"),
    (
        "a balance weight that is broken",
        "Actions.csv",
        swap("2.5,0", "2.5,0.5"),
        [(3, "BalanceWeight")],
        "whole number",
    ),
    ("an action twice", "Actions.csv", lambda text: text + text.splitlines(True)[2], [(4, "Tag")], "already in line 3"),
    (
        "an unknown action tag",
        "ActionPlans.csv",
        swap("PACKAGE,ACT_GIFT", "PACKAGE,ACT_X"),
        [(3, "ActionsTag")],
        "ACT_X",
    ),
    ("a time of a plan not supported yet", "ActionPlans.csv", swap("AT_ONCE", "DAY"), [(3, "TimingTag")], "only *asap"),
    ("a period not supported yet", "ActionPlans.csv", swap("AT_ONCE", "*monthly"), [(3, "TimingTag")], "only *asap"),
    ("an unknown time of a plan", "ActionPlans.csv", swap("AT_ONCE", "NEVER"), [(3, "TimingTag")], "no timing 'NEVER'"),
    ("a step twice", "ActionPlans.csv", add("SMALL,ACT_GIFT,*asap,1"), [(5, "ActionsTag")], "already in line 4"),
    ("an unknown plan", "AccountActions.csv", swap("E;SMALL", "E;LARGE"), [(3, "ActionPlanTags")], "'LARGE'"),
    ("a plan named twice", "AccountActions.csv", swap("E;SMALL", "E;PACKAGE"), [(3, "ActionPlanTags")], "named twice"),
    ("an account twice", "AccountActions.csv", add("example.org,1001,SMALL,,,"), [(5, "Account")], "already in line 2"),
    (
        "an account of no tenant",
        "AccountActions.csv",
        swap("example.org", "nobody"),
        [(2, "Tenant")],
        "no tenant 'nobody'",
    ),
    ("an account of no name", "AccountActions.csv", swap(",1001,", ",,"), [(2, "Account")], "is empty"),
    ("debt allowed", "AccountActions.csv", swap("false,false", "true,false"), [(3, "AllowNegative")], "not supported"),
    (
        "an account disabled",
        "AccountActions.csv",
        swap("false,false", "false,true"),
        [(3, "Disabled")],
        "not supported",
    ),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfigDatabase]:
    """One for all: nothing of what is wrong is loaded."""
    one = open_tenant(tmp_path_factory.mktemp("config"))
    yield one
    one.close()


def refused(database: ConfigDatabase, folder: Path) -> tuple[list[Place], list[str]]:
    """Where the problems are, and their texts; the database is as it was."""
    before = dump(database)
    report = import_folder(database, folder)
    assert dump(database) == before
    assert (report.added, report.tasks_new) == (0, 0)
    return [(one.file, one.line, one.column) for one in report.problems], [str(one) for one in report.problems]


@pytest.mark.parametrize(
    ("file", "damage", "places", "text"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_damage(
    database: ConfigDatabase, tmp_path: Path, file: str, damage: Damage, places: list[tuple[int, str]], text: str
) -> None:
    folder = tutorial(tmp_path)
    edit(folder, file, damage)
    found, texts = refused(database, folder)
    assert found == [(file, line, column) for line, column in places]
    assert text in texts[0]


MISSING = {
    "Destinations.csv": [("DestinationRates.csv", line, "DestinationsTag") for line in (2, 3, 4, 5)],
    "Timings.csv": [("RatingPlans.csv", line, "TimingTag") for line in (2, 3, 4, 5, 6)]
    + [("ActionPlans.csv", 3, "TimingTag")],
    "Rates.csv": [("DestinationRates.csv", line, "RatesTag") for line in (2, 3, 4, 5, 6, 7)],
    "DestinationRates.csv": [("RatingPlans.csv", line, "DestRatesTag") for line in (2, 3, 4, 5, 6, 7, 8)],
    "RatingPlans.csv": [("RatingProfiles.csv", line, "RatingPlanTag") for line in (2, 3, 4, 5)],
    "Actions.csv": [("ActionPlans.csv", line, "ActionsTag") for line in (2, 3, 4)],
    "ActionPlans.csv": [("AccountActions.csv", line, "ActionPlanTags") for line in (2, 3, 3)],
}
"""Without a file, every line that names something of it."""


@pytest.mark.parametrize("file", MISSING)
@pytest.mark.parametrize("how", ["missing", "empty", "only its header"])
def test_a_file_without_lines(database: ConfigDatabase, tmp_path: Path, file: str, how: str) -> None:
    folder = tutorial(tmp_path)
    if how == "missing":
        (folder / file).unlink()
    else:
        edit(folder, file, lambda text: b"" if how == "empty" else text.splitlines(keepends=True)[0])
    places, texts = refused(database, folder)
    order = list(COLUMNS)
    assert places == sorted(MISSING[file], key=lambda one: (order.index(one[0]), one[1]))
    assert all(text.endswith(f"in {file}") for text in texts)


def test_what_a_broken_file_hides_is_no_further_problem(database: ConfigDatabase, tmp_path: Path) -> None:
    folder = tutorial(tmp_path)
    edit(folder, "Destinations.csv", swap("DST_1002", '"DST_1002'))
    (folder / "Rates.csv").unlink()
    (folder / "Rates.csv").mkdir()
    assert refused(database, folder)[0] == [("Destinations.csv", 2, ""), ("Rates.csv", 0, "")]


def test_everything_is_told_at_once(database: ConfigDatabase, tmp_path: Path) -> None:
    """Lines wrong by themselves, what does not fit, and what the database does not know; by file and line."""
    folder = tutorial(tmp_path)
    edit(folder, "Destinations.csv", swap(",447", ",x"))
    edit(folder, "Timings.csv", swap("08:00:00", "8"))
    edit(folder, "Rates.csv", swap("RT_20CNT,0.4,0.2,60s,60s,0s", "RT_20CNT,x,y,z,,-"))
    edit(folder, "DestinationRates.csv", swap("DR_LOW,DST_1002,RT_20CNT,*up,4", "DR_LOW,DST_X,RT_20CNT,*upper,4"))
    edit(folder, "DestinationRates.csv", swap("DR_HIGH,DST_1002,RT_40CNT", "DR_HIGH,DST_Y,RT_Y"))
    edit(folder, "RatingProfiles.csv", swap("example.org,sms", "example.net,sms"))
    edit(folder, "Actions.csv", swap(",2.5,", ",2.5555555,"))
    edit(folder, "ActionPlans.csv", swap("AT_ONCE", "LATER"))
    assert refused(database, folder)[0] == [
        ("Destinations.csv", 5, "Prefix"),
        ("Timings.csv", 4, "Time"),
        *(("Rates.csv", 2, column) for column in ("RateUnit", "RateIncrement", "GroupIntervalStart")),
        *(("Rates.csv", 2, column) for column in ("ConnectFee", "Rate")),
        ("DestinationRates.csv", 2, "RoundingMethod"),
        ("DestinationRates.csv", 5, "DestinationsTag"),
        ("DestinationRates.csv", 5, "RatesTag"),
        ("RatingProfiles.csv", 5, "Tenant"),
        ("Actions.csv", 3, "Units"),
        ("ActionPlans.csv", 3, "TimingTag"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere", "is no folder"),
        ("empty", "holds none of Destinations.csv, Timings.csv"),
        ("x" * 65, "1 to 64 printable characters"),
        ("new\nline", "1 to 64 printable characters"),
    ],
)
def test_no_folder_of_a_tariff(database: ConfigDatabase, tmp_path: Path, name: str, text: str) -> None:
    folder = tmp_path / name
    if name == "empty":
        folder.mkdir()
        (folder / "Chargers.csv").write_text("")
    elif name != "nowhere":
        tutorial(tmp_path, name)
    places, texts = refused(database, folder)
    assert places == [(str(folder), 0, "")]
    assert text in texts[0]


HARMLESS: dict[str, tuple[str, Damage]] = {
    "a byte order mark": ("Rates.csv", lambda text: b"\xef\xbb\xbf" + text),
    "lines that end as on Windows": ("Rates.csv", lambda text: text.replace(b"\n", b"\r\n")),
    "quotes": ("Destinations.csv", swap("DST_1003,1003", '"DST_1003","1003"')),
    "spaces around cells": ("Destinations.csv", swap("DST_1003,1003", " DST_1003 ,\t1003 ")),
    "comments and blank lines": ("Destinations.csv", lambda text: b"#\n\n , \n" + text + b"\n# end,of,it\n\n"),
    "no end of the last line": ("Destinations.csv", lambda text: text.rstrip()),
    "numbers written otherwise": ("Rates.csv", swap("0.4,0.2,60s,60s,0s", "00.40,0.2000,1m,60000ms,0")),
    "the end of a timing": ("Timings.csv", swap("08:00:00", "08:00:00;19:00:00")),
    "a prefix twice": ("Destinations.csv", add("DST_1003,1003")),
    "Sunday as zero": ("Timings.csv", swap("6;7", "6;0")),
    "a line of a plan twice": ("RatingPlans.csv", add("RP_FLAT,DR_LOW,ALWAYS,10")),
    "the same price at a time that meets": ("RatingPlans.csv", add("RP_FLAT,DR_LOW,*any,10")),
    "another price at a heavier weight": ("RatingPlans.csv", add("RP_RETAIL,DR_HIGH,WEEKEND,20")),
    "another price from another hour on": ("RatingPlans.csv", add("RP_FLAT,DR_HIGH,DAY,10")),
    "a zero that stands for a second": ("Rates.csv", swap("60s,60s,0s", "60s,0,0s")),
    "a rate that nothing uses": ("Rates.csv", add("RT_SPARE,0,1,7,3,0")),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_no_damage(database: ConfigDatabase, tmp_path: Path, what: str) -> None:
    folder = tutorial(tmp_path)
    edit(folder, *HARMLESS[what])
    report = import_folder(database, folder, dry_run=True)
    assert report.problems == ()
    assert report.counts["destinations"] == 5


def test_the_table_has_more_than_forty_kinds() -> None:
    assert len({row[0] for row in WRONG}) == len(WRONG) > 40
