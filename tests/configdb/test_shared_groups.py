"""SharedGroups.csv: into rows by tenant, into the snapshot, and out again; and money that is given to groups."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.configdb.support import NOW, TENANT, TUTORIAL, compiled, edit, open_tenant, plain_sql, tutorial

from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.exporting import export_folder
from tollhouse.configdb.importing import ImportReport, import_folder, pending_tasks
from tollhouse.configdb.rows import SharedGroupRow, TenantRow
from tollhouse.snapshot.groups import Strategy

ROWS = "SELECT plan, tenant, name, wallet, strategy, rating_subject FROM shared_groups ORDER BY tenant, name, wallet"


def groups(directory: Path, text: str, name: str = "groups") -> Path:
    """A folder of this file alone."""
    made = directory / name
    made.mkdir()
    (made / "SharedGroups.csv").write_text(text)
    return made


def problems(report: ImportReport) -> list[str]:
    return [str(one) for one in report.problems]


def two_tenants(directory: Path) -> ConfigDatabase:
    database = open_tenant(directory)
    with database.change("test") as change:
        change.add_tenant(TenantRow("two", "EUR"))
    return database


def test_a_group_is_the_only_tenant_s_and_comes_into_force(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    made = groups(tmp_path, "#Id,Account,Strategy,RatingSubject\nG,*any,*lowest,\nG,1001,*highest,\nH,1001,,one\n")
    report = import_folder(database, made)
    assert (problems(report), report.added) == ([], 3)
    (note,) = report.notes
    assert str(note).startswith("SharedGroups.csv:4: RatingSubject: the rating subject one prices nothing")
    assert plain_sql(database, ROWS) == [
        ("groups", TENANT, "G", "*any", "*lowest", ""),
        ("groups", TENANT, "G", "1001", "*highest", ""),
        ("groups", TENANT, "H", "1001", "*mine_random", "one"),
    ]
    with compiled(database, tmp_path) as snapshot:
        assert snapshot.cache.problems == ()
        found = [snapshot.reader.strategy(TENANT, group, wallet) for group in "GHI" for wallet in ("1001", "1002")]
        default = Strategy.MINE_RANDOM
        assert found == [Strategy.HIGHEST, Strategy.LOWEST, default, default, default, default]
        assert snapshot.reader.strategy("two", "G", "1001") is default
        assert snapshot.sql("UPDATE shared_groups SET strategy = '*mine_lowest' WHERE wallet = '*any'")
        assert snapshot.reader.strategy(TENANT, "G", "1002") is Strategy.MINE_LOWEST
        assert snapshot.sql("DELETE FROM shared_groups WHERE name = 'G'")
        assert snapshot.reader.strategy(TENANT, "G", "1001") is default


def test_a_group_is_of_all_tenants_that_the_folder_names_and_an_account_of_its_own(tmp_path: Path) -> None:
    """What is before the colon is a tenant only where one is called so. Out and in again, the rows are the same."""
    database = two_tenants(tmp_path)
    made = groups(tmp_path, "G,*any,*random,\nG,two:1001,*lowest,\nG,a:b,*highest,\n")
    (made / "AccountActions.csv").write_text(f"{TENANT},1001,,,,\ntwo,1002,,,,\n")
    assert problems(import_folder(database, made)) == []
    rows = [
        ("groups", TENANT, "G", "*any", "*random", ""),
        ("groups", TENANT, "G", "a:b", "*highest", ""),
        ("groups", "two", "G", "*any", "*random", ""),
        ("groups", "two", "G", "1001", "*lowest", ""),
        ("groups", "two", "G", "a:b", "*highest", ""),
    ]
    assert plain_sql(database, ROWS) == rows
    before = database.revision()
    assert import_folder(database, made).added == 0
    assert database.revision() == before
    out = tmp_path / "out" / "groups"
    assert export_folder(database, "groups", out, "rc8").files == {"SharedGroups.csv": 5}
    (out / "AccountActions.csv").write_text((made / "AccountActions.csv").read_text())
    assert problems(import_folder(database, out)) == []
    assert plain_sql(database, ROWS) == rows
    assert database.revision() == before
    database.close()


def test_tenants_with_other_strategies_go_out_and_come_in_again(tmp_path: Path) -> None:
    database = two_tenants(tmp_path)
    made = groups(tmp_path, f"G,{TENANT}:*any,*lowest,\nG,two:*any,*highest,\n")
    assert problems(import_folder(database, made)) == []
    rows = [("groups", TENANT, "G", "*any", "*lowest", ""), ("groups", "two", "G", "*any", "*highest", "")]
    assert plain_sql(database, ROWS) == rows
    out = tmp_path / "out" / "groups"
    export_folder(database, "groups", out, "rc8")
    assert problems(import_folder(database, out)) == []
    assert plain_sql(database, ROWS) == rows
    database.close()


def test_a_line_that_is_gone_is_gone(tmp_path: Path) -> None:
    database = open_tenant(tmp_path)
    made = groups(tmp_path, "G,*any,*lowest,\nH,*any,*lowest,\n")
    import_folder(database, made)
    (made / "SharedGroups.csv").write_text("H,*any,*lowest,\n")
    report = import_folder(database, made)
    assert (report.added, report.removed, report.counts["shared_groups"]) == (0, 1, 1)
    database.close()


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("G,*any,*middle,", "Strategy: '*middle' is not one of *lowest, *highest, *random, *mine_lowest,"),
        (",*any,*lowest,", "Tag: is empty"),
        ("G,,*lowest,", "Account: is empty"),
        ("G,*any,*lowest", "RatingSubject: 3 columns, 4 are expected: Tag,Account,Strategy,RatingSubject"),
        ("G,1,*lowest,", f"Account: line 1 has this account in this group of {TENANT} already"),
        (f"G,{TENANT}:1,*lowest,", f"Account: line 1 has this account in this group of {TENANT} already"),
        ("hand,1,*lowest,", f"Account: the configuration has this account in this group of {TENANT} already"),
        ("other,1,*lowest,", f"Account: the import 'other' has this account in this group of {TENANT} already"),
    ],
)
def test_what_is_wrong_with_a_line(tmp_path: Path, line: str, wrong: str) -> None:
    database = open_tenant(tmp_path)
    with database.change("test") as change:
        change.add_sold(SharedGroupRow("", TENANT, "hand", "1", "*lowest"))
    assert problems(import_folder(database, groups(tmp_path, "other,1,*lowest,\n", "other"))) == []
    before = plain_sql(database, ROWS)
    (found,) = problems(import_folder(database, groups(tmp_path, f"G,1,*highest,\n{line}\n")))
    assert found.startswith(f"SharedGroups.csv:2: {wrong}")
    assert plain_sql(database, ROWS) == before
    database.close()


def test_whose_group_it_is_must_be_known(tmp_path: Path) -> None:
    database = two_tenants(tmp_path)
    assert problems(import_folder(database, groups(tmp_path, "G,*any,*lowest,\nG,two:1,*lowest,\n"))) == [
        "SharedGroups.csv:1: Account: no file of the folder names a tenant, and there is not one only:"
        " say TENANT:ACCOUNT"
    ]
    database.close()


def test_what_plain_sql_leaves_behind_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    with compiled(open_tenant(tmp_path), tmp_path) as snapshot:
        row = "(tenant, name, wallet, strategy) VALUES ('none', 'G', '1', '*lowest')"
        assert not snapshot.sql(f"INSERT INTO shared_groups {row}")
        assert snapshot.problems() == [("shared_groups", "none G 1", "tenant")]


def test_money_that_is_given_to_a_group(tmp_path: Path) -> None:
    """The gift of the tutorial goes to two groups; money without groups is the same task as before."""
    database = open_tenant(tmp_path)
    import_folder(database, TUTORIAL)
    plain = {one.request_id for one in pending_tasks(database)}
    made = tutorial(tmp_path)
    edit(made, "Actions.csv", lambda text: text.replace(b",bonus,*monetary,,,,,", b",bonus,*monetary,,,,G;H,"))
    assert problems(import_folder(database, made, NOW)) == []
    tasks = pending_tasks(database)
    assert [one.groups for one in tasks] == [(), ("G", "H"), (), ("G", "H"), ("G", "H")]
    assert [one.request_id in plain for one in tasks] == [True, False, True, False, False]
    edit(made, "Actions.csv", lambda text: text.replace(b",G;H,", b",G;G,"))
    assert all("is no list of different groups" in one for one in problems(import_folder(database, made, NOW)))
    database.close()
