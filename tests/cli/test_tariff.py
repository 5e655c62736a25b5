"""`tollhouse tariff import`: every problem at once with its place, and money that is given once."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.terminal import Desk, demo_desk

DEMO = Path(__file__).resolve().parents[2] / "etc" / "demo" / "tariff"
GIFT = {
    "Actions.csv": "GIFT,*topup,,,,*monetary,,,,,*unlimited,,2.5,10,,,10\n",
    "ActionPlans.csv": "PACKAGE,GIFT,*asap,10\n",
    "AccountActions.csv": "demo,tariff1,PACKAGE,,,\ndemo,tariff2,PACKAGE,,,\n",
    "Filters.csv": "#another table of CGRateS\n",
}
DAMAGE = {
    "Rates.csv": ("RT_MESSAGE,0,0.05,1,1,0", "RT_MESSAGE,0,five cents,1,1,0"),
    "RatingProfiles.csv": ("demo,sms,", "nobody,sms,"),
    "DestinationRates.csv": ("RT_20CNT", "RT_UNKNOWN"),
}


def folder(directory: Path, files: dict[str, str], name: str) -> Path:
    made = directory / name
    made.mkdir()
    for file, text in files.items():
        (made / file).write_text(text)
    return made


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """The demo's folder with one mistake in each of three files."""
    copy = Path(shutil.copytree(DEMO, tmp_path / "tariff"))
    for file, (right, wrong) in DAMAGE.items():
        text = (copy / file).read_text()
        assert right in text
        (copy / file).write_text(text.replace(right, wrong, 1))
    return copy


def place(folder: Path, file: str) -> str:
    """The line of the mistake, counted from 1."""
    lines = (folder / file).read_text().splitlines()
    return f"{file}:{next(n for n, line in enumerate(lines, 1) if DAMAGE[file][1] in line)}: "


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_all_problems_at_once_with_file_line_and_column(desk: Desk, damaged: Path, dry: tuple[str, ...]) -> None:
    before = desk("system", "status").values()["generation"]
    said = desk("tariff", "import", str(damaged), *dry)
    assert (said.status, said.out) == (1, "")
    *problems, last = said.err.splitlines()
    assert last == f"tollhouse: nothing was loaded, problems: {len(problems)}"
    for file, column in (("Rates.csv", "Rate"), ("RatingProfiles.csv", "Tenant"), ("DestinationRates.csv", "RatesTag")):
        assert any(one.startswith(f"{place(damaged, file)}{column}: ") for one in problems), said.err
    assert desk("system", "status").values()["generation"] == before


def test_problems_as_json(desk: Desk, damaged: Path) -> None:
    said = desk("tariff", "import", str(damaged), "--json")
    assert said.status == 1
    assert said.json["loaded"] is False
    assert {one["file"] for one in said.json["problems"]} == set(DAMAGE)
    assert all(one["line"] and one["column"] for one in said.json["problems"])


def test_a_folder_that_is_none(desk: Desk, tmp_path: Path) -> None:
    said = desk("tariff", "import", str(tmp_path / "nowhere"))
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines()[0] == f"{tmp_path / 'nowhere'}: is no folder"


def test_money_is_given_once_and_a_second_import_says_so(desk: Desk, tmp_path: Path) -> None:
    gift = folder(tmp_path, GIFT, "gift")
    look = desk("tariff", "import", str(gift), "--dry-run")
    assert look.status == 0
    assert look.values()["loaded"] == "no, a dry run"
    assert look.out.splitlines()[-1] == "top-ups to do: 2, already done: 0"
    assert desk("wallet", "get", "tariff1").status == 1
    first = desk("tariff", "import", str(gift))
    assert (first.status, first.err) == (0, "")
    assert first.out.splitlines()[-4:] == [
        "top-ups",
        "  wallet   amount  outcome",
        "  tariff1     2.5  done",
        "  tariff2     2.5  done",
    ]
    assert first.out.splitlines()[-5].split() == ["not", "loaded", "yet", "Filters.csv"]
    assert desk("wallet", "get", "tariff1").values()["balance"] == "2.5"
    second = desk("tariff", "import", str(gift))
    assert second.status == 0
    assert second.out.splitlines()[-2:] == ["  tariff1     2.5  already done", "  tariff2     2.5  already done"]
    assert desk("wallet", "get", "tariff1").values()["balance"] == "2.5"
    as_json = desk("tariff", "import", str(gift), "--json").json
    assert [one["wallet"] for one in as_json["already_done"]] == ["tariff1", "tariff2"]
    assert as_json["tasks"] == []


def test_money_that_cannot_be_given_is_said(tmp_path: Path) -> None:
    """A wallet holds at most 2^63 - 1 millionths, 9223372036854.775807: 2.5 more are too many.

    On a demo of its own, because each later import tries it again.
    """
    files = {**GIFT, "AccountActions.csv": "demo,full,PACKAGE,,,\n"}
    with demo_desk(tmp_path) as desk:
        assert desk("wallet", "create", "full", "--opening", "9223372036854").status == 0
        said = desk("tariff", "import", str(folder(tmp_path, files, "to-full")))
    assert said.status == 1
    assert said.out.splitlines()[-1] == "  full       2.5  amount_out_of_range"
    assert "top-ups that were not done: 1" in said.err


def test_a_relative_path_counts_from_here(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {**GIFT, "AccountActions.csv": "demo,here,PACKAGE,,,\n"}
    folder(tmp_path, files, "relative")
    monkeypatch.chdir(tmp_path)
    assert desk("tariff", "import", "relative", "--dry-run").status == 0
    assert desk("tariff", "import", "./nowhere", "--dry-run").err.startswith(f"{tmp_path / 'nowhere'}: ")


def test_a_configuration_that_is_broken_elsewhere_is_said(desk: Desk, tmp_path: Path) -> None:
    """Another row that cannot be used keeps the import out of force; it is mended afterwards."""
    files = {**GIFT, "AccountActions.csv": "demo,late,PACKAGE,,,\n"}
    database = desk.process.directory / "demo" / "config.sqlite"
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        zone = connection.execute("SELECT zone FROM tenants WHERE name = 'demo'").fetchone()[0]
        connection.execute("UPDATE tenants SET zone = 'Mars/Base' WHERE name = 'demo'")
        connection.commit()
        try:
            said = desk("tariff", "import", str(folder(tmp_path, files, "late")))
        finally:
            connection.execute("UPDATE tenants SET zone = ? WHERE name = 'demo'", (zone,))
            connection.commit()
    assert said.status == 1
    assert "loaded, and not in force" in said.err
