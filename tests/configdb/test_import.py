"""A tariff folder in CGRateS's v0.10 layout (requirement cgrates 11): loaded whole, priced exactly, loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.configdb.support import (
    TENANT,
    TUTORIAL,
    compiled,
    dump,
    edit,
    open_tenant,
    plain_sql,
    tutorial,
)

from tollhouse.configdb.importing import ImportReport, import_folder, pending_tasks, task_done
from tollhouse.rating.cost import cost
from tollhouse.rating.price import resolve
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, parse_instant
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import Refused


def test_all_files_are_loaded_and_the_others_named(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    report = import_folder(database, TUTORIAL)
    assert report.problems == ()
    assert report.counts == {
        "destinations": 5,
        "timings": 6,
        "rates": 6,
        "destination_rates": 6,
        "rating_plans": 7,
        "rating_profiles": 4,
        "shared_groups": 0,
    }
    assert (report.added, report.removed) == (34, 0)
    assert report.not_loaded == ("Chargers.csv",)
    assert [str(note) for note in report.notes] == [
        "AccountActions.csv:3: ActionTriggersTag: the triggers STANDARD_TRIGGERS are not loaded yet"
    ]
    # 1001: an opening and a gift; 1002: an opening and two gifts; 1004 has no plan.
    assert (report.tasks_new, report.tasks_waiting, report.tasks_done) == (5, 0, 0)
    database.close()


@pytest.mark.parametrize(
    ("category", "subject", "called", "begin", "usage", "expected"),
    [
        ("call", "1001", "1002", "2026-11-23T10:00:00Z", 20 * SECOND, "0.6"),  # 0.4 + 0.2
        ("call", "1001", "1002", "2026-11-23T10:00:00Z", 85 * SECOND, "0.6417"),  # 0.6 + 25 x 0.1/60 = 0.641666..
        ("call", "1001", "4420", "2026-11-23T10:00:00Z", 85 * SECOND, "0.6417"),
        ("call", "1001", "+4420", "2026-11-23T10:00:00Z", 85 * SECOND, "0.6417"),
        # The longer prefix: 0.8 + two times 30 s of 0.4/min, then three times 10 s of 0.2/min: 0.8 + 0.4 + 0.1
        ("call", "1001", "4479", "2026-11-23T10:00:00Z", 85 * SECOND, "1.3"),
        # Subject 1003 in Berlin (UTC+1): Monday 10:00 is day, 6:59 morning, 19:00 evening, Sunday the weekend.
        ("call", "1003", "1002", "2026-11-23T09:00:00Z", 20 * SECOND, "1"),  # 0.8 + 0.2
        ("call", "1003", "1002", "2026-11-23T05:59:00Z", 20 * SECOND, "0.6"),
        ("call", "1003", "1002", "2026-11-23T18:00:00Z", 20 * SECOND, "0.6"),
        ("call", "1003", "1002", "2026-11-22T09:00:00Z", 20 * SECOND, "0.6"),
        ("data", "1001", "", "2026-11-23T10:00:00Z", 640_113, "128.024"),  # 64,012 begun tens x 0.002
        ("sms", "1001", "1002", "2026-11-23T10:00:00Z", 3, "0.15"),
    ],
)
def test_costs(tmp_path: Path, category: str, subject: str, called: str, begin: str, usage: int, expected: str) -> None:
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    with compiled(database, tmp_path) as snapshot:
        assert snapshot.cache.problems == ()
        service = {"call": Service.VOICE, "data": Service.DATA, "sms": Service.MESSAGE}[category]
        at = parse_instant(begin)
        price = resolve(snapshot.reader, TENANT, category, service, subject, called, at, usage)
        assert not isinstance(price, Refused), price
        assert format_amount(cost(price, at, usage), 6) == expected


def test_the_money_of_the_folder_is_a_task_for_each_action_in_order_of_weight(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    tasks = pending_tasks(database)
    end = parse_instant("2030-01-01T00:00:00Z")
    assert [(one.wallet, one.amount, one.balance_type, one.reset, one.expiry, one.weight) for one in tasks] == [
        ("1001", "10", "cash", True, 0, 10),
        ("1001", "2.5", "bonus", False, end, 0),
        ("1002", "10", "cash", True, 0, 10),
        ("1002", "2.5", "bonus", False, end, 0),
        ("1002", "2.5", "bonus", False, end, 0),
    ]
    assert len({one.request_id for one in tasks}) == 5
    database.close()


def test_imported_again_nothing_moves_and_nothing_is_given_again(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    tasks = pending_tasks(database)
    for task in tasks[:2]:
        task_done(database, task.request_id)
    before = dump(database)
    report = import_folder(database, TUTORIAL)
    assert (report.added, report.removed) == (0, 0)
    assert (report.tasks_new, report.tasks_waiting, report.tasks_done) == (0, 3, 2)
    assert dump(database) == before
    assert pending_tasks(database) == tasks[2:]
    database.close()


def test_moved_and_commented_lines_are_the_same_money(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    folder = tutorial(tmp_path)
    import_folder(database, folder)
    tasks = {task.request_id for task in pending_tasks(database)}
    for file in ("Actions.csv", "ActionPlans.csv", "AccountActions.csv"):
        edit(folder, file, lambda text: b"# moved\n\n" + b"\n".join(reversed(text.splitlines())) + b"\n")
    edit(folder, "Actions.csv", lambda text: text.replace(b",2.5,", b",02.50,"))
    assert import_folder(database, folder).tasks_new == 0
    assert {task.request_id for task in pending_tasks(database)} == tasks
    database.close()


def test_another_amount_is_other_money_and_a_waiting_task_that_is_not_named_goes(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    folder = tutorial(tmp_path)
    import_folder(database, folder)
    task_done(database, pending_tasks(database)[0].request_id)
    edit(
        folder, "AccountActions.csv", lambda text: text.replace(b"example.org,1002,PACKAGE;SMALL", b"example.org,1002,")
    )
    edit(folder, "Actions.csv", lambda text: text.replace(b",2.5,", b",3,"))
    report = import_folder(database, folder)
    assert (report.tasks_new, report.tasks_waiting, report.tasks_done) == (1, 0, 1)
    assert [(task.wallet, task.amount) for task in pending_tasks(database)] == [("1001", "3")]
    database.close()


def test_an_import_owns_its_rows_and_changes_only_what_differs(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    folder = tutorial(tmp_path)
    import_folder(database, folder)
    before = {row[0]: row for row in plain_sql(database, "SELECT * FROM tariff_destinations")}
    edit(folder, "Destinations.csv", lambda text: text.replace(b"DST_1003,1003", b"DST_1003,1005"))
    report = import_folder(database, folder)
    assert (report.added, report.removed) == (1, 1)
    after = {row[0]: row for row in plain_sql(database, "SELECT * FROM tariff_destinations")}
    assert len(after.items() & before.items()) == 4
    database.close()


def test_a_profile_that_another_import_owns_is_refused(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    before = dump(database)
    folder = tutorial(tmp_path, "copy")
    # The same instant in another spelling.
    edit(folder, "RatingProfiles.csv", lambda text: text.replace(b"2014-01-14T00:00:00Z", b"2014-01-14T01:00:00+01:00"))
    report = import_folder(database, folder)
    assert [(one.file, one.line, one.column) for one in report.problems] == [
        ("RatingProfiles.csv", line, "ActivationTime") for line in (2, 3, 4, 5)
    ]
    assert dump(database) == before
    database.close()


def test_two_imports_stand_beside_each_other(tmp_path: Path) -> None:
    """Tags are an import's own: another folder may use the same ones for something else."""
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    folder = tutorial(tmp_path, "other")
    for file in ("Actions.csv", "ActionPlans.csv", "AccountActions.csv"):
        (folder / file).unlink()
    edit(folder, "RatingProfiles.csv", lambda _text: f"{TENANT},call,1009,2014-01-14T00:00:00Z,RP_FLAT,".encode())
    edit(folder, "Rates.csv", lambda text: text.replace(b"RT_20CNT,0.4,", b"RT_20CNT,0.9,"))
    assert import_folder(database, folder).problems == ()
    with compiled(database, tmp_path) as snapshot:
        at = parse_instant("2026-11-23T10:00:00Z")
        found = {}
        for subject in ("1001", "1009"):
            price = resolve(snapshot.reader, TENANT, "call", Service.VOICE, subject, "1002", at, SECOND)
            assert not isinstance(price, Refused)
            found[subject] = format_amount(cost(price, at, SECOND), 6)
    assert found == {"1001": "0.6", "1009": "1.1"}


def test_a_dry_run_reports_the_same_and_changes_nothing(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    before = dump(database)
    dry = import_folder(database, TUTORIAL, dry_run=True)
    assert dump(database) == before
    assert dry.dry_run
    wet = import_folder(database, TUTORIAL)
    names = [name for name in ImportReport.__struct_fields__ if name != "dry_run"]
    assert [getattr(dry, name) for name in names] == [getattr(wet, name) for name in names]
    task_done(database, pending_tasks(database)[0].request_id)
    before = dump(database)
    folder = tutorial(tmp_path)
    edit(folder, "Rates.csv", lambda text: text.replace(b"0.4,0.2", b"0.5,0.2"))
    edit(folder, "AccountActions.csv", lambda text: text.replace(b"1001", b"1007"))
    dry = import_folder(database, folder, dry_run=True)
    assert (dry.added, dry.removed, dry.tasks_new, dry.tasks_waiting) == (1, 1, 2, 3)
    assert dump(database) == before
    database.close()
