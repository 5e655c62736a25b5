"""What a tariff folder may say about prices, in both layouts, and the way back: export and import are the identity."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from tests.configdb.support import NOW, TUTORIAL, open_database, open_tenant, plain_sql

from tollhouse.configdb import database as module
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.exporting import ExportError, export_folder
from tollhouse.configdb.importing import import_folder, pending_tasks
from tollhouse.configdb.rows import ImportRow, Plans, RateRow, TimingRow
from tollhouse.configdb.sanity import slot_findings, timing_finding, uncovered_days
from tollhouse.configdb.tariff_files import read_folder
from tollhouse.configdb.tariff_values import read_slots
from tollhouse.values.commands import Service
from tollhouse.values.uses import Timing

BASE = {
    "Destinations.csv": "DE,49\n",
    "Rates.csv": "R,0.4,0.2,60s,60s,0s\n",
    "DestinationRates.csv": "DR,DE,R,*up,4,0,\n",
    "RatingPlans.csv": "RP,DR,*any,10\n",
    "RatingProfiles.csv": "example.org,call,*any,2014-01-14T00:00:00Z,RP,\n",
}
RC8 = "*out,example.org,call,*any,2014-01-14T00:00:00Z,RP,,\n"
TABLES = {
    "tariff_destinations": "tag, prefix",
    "tariff_timings": "tag, years, months, month_days, week_days, time",
    "tariff_rates": "tag, connect_fee, rate, rate_unit, rate_increment, slot_start",
    "tariff_destination_rates": "tag, destination, rate, rounding, decimals, max_cost, max_cost_strategy",
    "tariff_rating_plans": "tag, destination_rate, timing, weight",
    "tariff_rating_profiles": "tenant, category, subject, activation, rating_plan, fallback",
}


def folder(directory: Path, name: str = "plan", **files: str) -> Path:
    """BASE with these files (by their names without `.csv`) in place of its own."""
    made = directory / name
    made.mkdir()
    for file, text in {**BASE, **{f"{key}.csv": text for key, text in files.items()}}.items():
        (made / file).write_text(text)
    return made


def held(database: ConfigDatabase, plan: str) -> dict[str, set[tuple[object, ...]]]:
    return {
        table: set(plain_sql(database, f"SELECT {columns} FROM {table} WHERE plan = '{plan}'"))
        for table, columns in TABLES.items()
    }


def plans(database: ConfigDatabase) -> Plans:
    found = database.rows().plans
    assert found is not None
    return found


def test_the_two_layouts_are_the_same_rows(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    for name, profiles in (("new", BASE["RatingProfiles.csv"]), ("old", RC8)):
        (tmp_path / name).mkdir()
        made = folder(tmp_path / name, RatingProfiles=profiles)
        report = import_folder(database, made, NOW)
        assert (report.problems, report.notes) == ((), ())
        assert report.added == (5 if name == "new" else 0)
    database.close()


def test_the_first_line_decides_the_layout(tmp_path: Path) -> None:
    made = folder(tmp_path, RatingProfiles=RC8 + BASE["RatingProfiles.csv"])
    (problem,) = read_folder(made).problems
    assert (problem.file, problem.line) == ("RatingProfiles.csv", 2)
    assert problem.text.startswith("6 columns, 8 are expected: Direction,Tenant,")


def test_a_direction_is_out_and_statistics_are_noted(tmp_path: Path) -> None:
    wrong = RC8.replace("*out", "*in").replace(",RP,,", ",RP,,Q1")
    read = read_folder(folder(tmp_path, RatingProfiles=wrong))
    assert [(one.line, one.column) for one in read.problems] == [(1, "Direction")]
    assert [(one.line, one.column) for one in read.notes] == [(1, "CdrStatQueueIds")]


def test_actions_of_the_older_layout(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    money = {"ActionPlans": "PK,TOP,*asap,10\n", "AccountActions": "example.org,1001,PK,,,\n"}
    action = "TOP,*topup,,,,*monetary,*out,,*any,,,+24h,,2.5,10,,,10\n"
    made = folder(tmp_path, Actions=action, **money)
    assert import_folder(database, made, NOW).tasks_new == 1
    (task,) = pending_tasks(database)
    assert task.expiry == NOW + 86_400_000_000
    again = import_folder(database, made, NOW + 1_000_000)  # the same money, however late it is
    assert (again.tasks_new, again.tasks_waiting) == (0, 1)
    database.close()


def test_pricing_is_a_row_that_is_audited_and_stays_until_another_is_named(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    made = folder(tmp_path)
    import_folder(database, made, NOW)
    assert plans(database).imports == ()
    start = database.revision()
    import_folder(database, made, NOW, pricing="cgrates", price_decimals=4)
    assert plans(database).imports == (ImportRow("plan", "cgrates", 4),)
    assert database.revision() == start + 1
    changed = database.rows_since(database.rows().database, start)
    assert changed.plans is not None
    import_folder(database, made, NOW, pricing="cgrates", price_decimals=4)
    assert database.revision() == start + 1
    assert import_folder(database, made, NOW).pricing == "cgrates"
    assert database.revision() == start + 1
    assert import_folder(database, made, NOW, pricing="exact").pricing == "exact"
    assert plans(database).imports == ()
    database.close()


def test_a_database_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'config.sqlite'}")
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "history"))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO units (name, decimals) VALUES ('EUR', 6)")
        connection.exec_driver_sql("INSERT INTO tenants VALUES ('example.org', 'EUR', 'UTC')")
    engine.dispose()
    database = open_database(tmp_path)
    (tenant,) = database.parties().tenants
    assert (tenant.name, tenant.subject_prefixes) == ("example.org", 0)
    start = database.revision()
    plain_sql(database, "UPDATE tenants SET subject_prefixes = 1")
    assert database.parties().tenants[0].subject_prefixes == 1
    assert database.revision() == start + 1
    database.close()


def test_manual_weights_are_turned_round(tmp_path: Path) -> None:
    text = "RP,DR,*any,10\nRP2,DR,*any,20\nRP3,DR,*any,25.5\n"
    rows = read_folder(folder(tmp_path, RatingPlans=text), NOW, manual_weights=True).rating_plans
    assert [row.weight for _, row in rows] == ["25.5", "15.5", "10"]  # 10 + 25.5 - weight


def test_decimals_beyond_twelve_are_twelve(tmp_path: Path) -> None:
    (row,) = read_folder(folder(tmp_path, DestinationRates="DR,DE,R,*up,20,0,\n")).destination_rates
    assert row[1].decimals == 12


def test_the_fee_of_the_first_line_lies_with_the_earliest_slot(tmp_path: Path) -> None:
    text = "R,0.4,0.1,60s,1s,90s\nR,0.9,0.2,60s,60s,30s\n"
    rows = [row for _, row in read_folder(folder(tmp_path, Rates=text)).rates]
    assert [(row.slot_start, row.connect_fee) for row in rows] == [("90s", "0"), ("30s", "0.4")]
    slots = read_slots(rows, Service.VOICE)
    # Both loads without the option: the first slot reaches back to 0, and a boundary may lie within a step.
    assert [(slot.start, slot.fee) for slot in slots] == [(0, 4), (90_000_000, 0)]


def test_sanity_explains_and_keeps_all_out(tmp_path: Path) -> None:
    made = folder(
        tmp_path,
        Rates="R,0,0.1,60s,60s,30s\nR,0,0.1,60s,1s,45s\n",
        Timings="WD,,,,1;2;3;4;5,00:00:00\nODD,2026,,,1,00:00:00\n",
        RatingPlans="RP,DR,WD,10\n",
    )
    assert read_folder(made).problems == ()
    found = [(one.file, one.line, one.column) for one in read_folder(made, sanity=True).problems]
    assert found == [
        ("Timings.csv", 2, "WeekDays"),
        ("Rates.csv", 1, "GroupIntervalStart"),
        ("Rates.csv", 2, "GroupIntervalStart"),
        ("RatingPlans.csv", 1, "TimingTag"),
    ]
    assert "Saturday, Sunday" in read_folder(made, sanity=True).problems[-1].text


def test_the_checks_by_themselves() -> None:
    def slots(*starts: str) -> list[int]:
        return [
            one.row for one in slot_findings([RateRow("p", "R", "0", "1", "60s", "30s", start) for start in starts])
        ]

    # Requirement cgrates, case fn-010: 15 s within a step of 30 s; 60 s after 0 s is two whole steps.
    assert slots("0s", "15s") == [1]
    assert slots("60s", "0s") == []
    assert timing_finding(TimingRow("p", "T", "2015", "", "", "1", "00:00:00"))
    assert not timing_finding(TimingRow("p", "T", "2015", "", "", "", "00:00:00"))
    assert uncovered_days([Timing(week_days=(1, 2, 3, 4, 5)), Timing(week_days=(6,), start=3600)]) == (6, 7)
    assert uncovered_days([Timing()]) == ()
    assert uncovered_days([Timing(months=(1,))]) == (1, 2, 3, 4, 5, 6, 7)


def test_the_tutorial_there_and_back(tmp_path: Path) -> None:
    there_and_back(tmp_path, TUTORIAL)


def test_the_tutorial_there_and_back_in_the_older_layout(tmp_path: Path) -> None:
    there_and_back(tmp_path, TUTORIAL, "rc8")
    heading, *lines = (tmp_path / "out" / "again" / "RatingProfiles.csv").read_text().splitlines()
    columns = "Direction,Tenant,Category,Subject,ActivationTime,RatingPlanTag,FallbackSubjects,CdrStatQueueIds"
    assert heading == f"#{columns}"
    assert lines
    assert all(line.startswith("*out,example.org,") and line.endswith(",") for line in lines)


def there_and_back(directory: Path, source: Path, layout: str = "v010") -> None:
    """Its rows, from a second database that read what the first one wrote, are the same."""
    (directory / "one").mkdir()
    (directory / "two").mkdir()
    one, two = open_tenant(directory / "one"), open_tenant(directory / "two")
    report = import_folder(one, source, NOW)
    assert report.problems == ()
    written = directory / "out" / "again"
    assert sum(export_folder(one, report.plan, written, layout).files.values()) == report.added
    assert import_folder(two, written, NOW).problems == ()
    assert held(two, "again") == held(one, report.plan)
    one.close()
    two.close()


@pytest.mark.parametrize("layout", ["v010", "rc8"])
@pytest.mark.parametrize("seed", range(20))
def test_random_plans_there_and_back(tmp_path: Path, seed: int, layout: str) -> None:
    chance = random.Random(seed)
    tags = [f'{chance.choice(["a,b", "ü ß", "日本", "x;y", "tag"])} "{number}"' for number in range(6)]

    def quoted(*cells: str) -> str:
        return ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells) + "\n"

    made = folder(
        tmp_path,
        Destinations="".join(quoted(tag, str(chance.randrange(10**6))) for tag in tags),
        Timings="".join(quoted(tag, "", "", "", chance.choice(["", "1;2"]), "08:00:00") for tag in tags),
        Rates="".join(
            quoted(tag, f"{chance.randrange(9)}.5", f"0.{chance.randrange(1, 999):03d}", "60s", "1s", start)
            for tag in tags
            for start in chance.sample(["0s", "1m", "90s", "2h"], chance.randrange(1, 5))
        ),
        DestinationRates="".join(quoted(tag, tag, chance.choice(tags), "*middle", "20", "0", "") for tag in tags),
        RatingPlans="".join(
            quoted(tag, tag, chance.choice([tag, "*any"]), str(number)) for number, tag in enumerate(tags)
        ),
        RatingProfiles="".join(
            quoted("example.org", "call", tag, chance.choice(["*now", "", "+1h", "14.01.2014"]), tag, "")
            for tag in tags
        ),
    )
    there_and_back(tmp_path, made, layout)


def test_an_export_writes_into_no_folder_that_holds_a_tariff(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    made = folder(tmp_path)
    import_folder(database, made, NOW)
    with pytest.raises(ExportError, match="already"):
        export_folder(database, "plan", made)
    with pytest.raises(ExportError, match="no import 'none'"):
        export_folder(database, "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    database.close()


def test_very_many_rows_are_one_row_of_the_audit_and_readers_read_all(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    made = folder(tmp_path, Destinations="".join(f"DE,{number}\n" for number in range(100_000, 150_000)))
    start = database.revision()
    assert import_folder(database, made, NOW).problems == ()
    query = f"SELECT after FROM audit WHERE table_name = 'tariff_destinations' AND revision > {start}"
    assert plain_sql(database, query) == [('{"plan":"plan","rows":50000}',)]
    rows = database.rows_since(database.rows().database, start)
    assert rows.destinations is not None
    assert len(rows.destinations) == 50_000
    assert rows.destination_prefixes is None
    # Afterwards each row is recorded again.
    end = database.revision()
    plain_sql(database, "DELETE FROM tariff_destinations WHERE prefix = '100000'")
    assert database.rows_since(rows.database, end).destination_prefixes == frozenset({("plan", "100000")})
    database.close()


def test_an_import_tells_how_far_it_is(tmp_path: Path) -> None:
    """25,003 lines: a heading, 24,999 new prefixes, a blank line, and two at the end of which one is known already."""
    prefixes = "#Tag,Prefix\n" + "".join(f"DE,{number}\n" for number in range(100_000, 124_999)) + "\nDE,49\nDE,1\n"
    database = open_tenant(tmp_path)
    told: list[tuple[str, int, int]] = []
    made = folder(tmp_path)
    assert import_folder(database, made, NOW).problems == ()
    (made / "Destinations.csv").write_text(prefixes)
    report = import_folder(database, made, NOW, progress=lambda *call: told.append(call))
    assert (report.problems, report.added) == ((), 25_000)
    assert told == [
        ("reading Destinations.csv", 0, 25_003),
        ("reading Destinations.csv", 10_000, 25_003),
        ("reading Destinations.csv", 20_000, 25_003),
        ("reading Destinations.csv", 25_003, 25_003),
        ("reading Rates.csv", 0, 1),
        ("reading Rates.csv", 1, 1),
        ("reading DestinationRates.csv", 0, 1),
        ("reading DestinationRates.csv", 1, 1),
        ("reading RatingPlans.csv", 0, 1),
        ("reading RatingPlans.csv", 1, 1),
        ("reading RatingProfiles.csv", 0, 1),
        ("reading RatingProfiles.csv", 1, 1),
        ("checking", 0, 25_005),
        ("checking", 25_005, 25_005),
        ("writing tariff_destinations", 0, 25_001),
        ("writing tariff_destinations", 0, 25_000),
        ("writing tariff_destinations", 10_000, 25_000),
        ("writing tariff_destinations", 20_000, 25_000),
        ("writing tariff_destinations", 25_000, 25_000),
        ("writing tariff_timings", 0, 0),
        ("writing tariff_timings", 0, 0),
        ("writing tariff_rates", 0, 1),
        ("writing tariff_rates", 0, 0),
        ("writing tariff_destination_rates", 0, 1),
        ("writing tariff_destination_rates", 0, 0),
        ("writing tariff_rating_plans", 0, 1),
        ("writing tariff_rating_plans", 0, 0),
        ("writing tariff_rating_profiles", 0, 1),
        ("writing tariff_rating_profiles", 0, 0),
        ("writing shared_groups", 0, 0),
        ("writing shared_groups", 0, 0),
    ]
    database.close()


def test_reading_ends_at_its_total_where_a_file_is_cut_off(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = folder(tmp_path, Destinations='DE,49\nDE,1\nDE,"44\n')
    assert read_folder(made, progress=lambda *call: told.append(call)).problems
    assert told[:2] == [("reading Destinations.csv", 0, 3), ("reading Destinations.csv", 2, 2)]


def test_a_tag_that_is_too_long_is_told_of_each_line_that_has_it(tmp_path: Path) -> None:
    """At most 128 octets, of which ü has two and 日 three."""
    long, fits = "ü" * 65, "日" * 42
    lines = f"{fits},49\n{long},1\n{long},2\n{fits},3\n"
    made = folder(tmp_path, Destinations=lines, DestinationRates=f"DR,{fits},R,*up,4,0,\nDR,{long},R,*up,4,0,\n")
    assert [(one.file, one.line, one.column, one.text) for one in read_folder(made).problems] == [
        ("Destinations.csv", 2, "Tag", "is longer than 128 octets"),
        ("Destinations.csv", 3, "Tag", "is longer than 128 octets"),
        ("DestinationRates.csv", 2, "DestinationsTag", "is longer than 128 octets"),
    ]
