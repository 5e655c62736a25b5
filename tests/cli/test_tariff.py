"""`tollhouse tariff import`: every problem at once with its place, and money that is given once."""

from __future__ import annotations

import io
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from tests.cli.terminal import Desk, demo_desk

from tollhouse.cli.bar import Progress, drawn, watched
from tollhouse.cli.errors import LostError

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


def test_money_that_a_group_shares(desk: Desk, tmp_path: Path) -> None:
    """It lies in a bucket of the group, and the group's strategy is loaded with it."""
    shared = GIFT["Actions.csv"].replace(",,,,,*unlimited", ",,,,family,*unlimited")
    accounts = "demo,tariff4,PACKAGE,,,\n"
    files = {
        **GIFT,
        "Actions.csv": shared,
        "AccountActions.csv": accounts,
        "SharedGroups.csv": "family,*any,*lowest,\n",
    }
    said = desk("tariff", "import", str(folder(tmp_path, files, "family")), "--json")
    assert said.json["counts"]["shared_groups"] == 1
    buckets = desk("wallet", "get", "tariff4", "--json").json["buckets"]
    assert [(one["value"], one["use"]) for one in buckets] == [("2.5", {"groups": ["family"]}), ("0", None)]


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


def test_an_export_imports_as_the_same_rows(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "tariff"
    said = desk("tariff", "export", str(out), "--plan", "tariff", "--json")
    assert (said.status, said.json["written"]) == (0, True)
    look = desk("tariff", "import", str(out), "--dry-run", "--json")
    assert (look.status, look.json["added"], look.json["removed"]) == (0, 0, 0)
    again = desk("tariff", "export", str(out), "--plan", "tariff")
    assert again.status == 1
    assert again.err.splitlines()[-1] == "tollhouse: nothing was written, problems: 1"


def test_price_decimals_need_pricing(desk: Desk, tmp_path: Path) -> None:
    said = desk("tariff", "import", str(tmp_path), "--price-decimals", "4")
    assert said.status != 0
    assert "price_decimals" in said.err


def test_an_export_in_the_older_layout(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "tariff"
    assert desk("tariff", "export", str(out), "--plan", "tariff", "--layout", "rc8").status == 0
    assert (out / "RatingProfiles.csv").read_text().splitlines()[1].startswith("*out,demo,")
    look = desk("tariff", "import", str(out), "--dry-run", "--json")
    assert (look.status, look.json["added"], look.json["removed"]) == (0, 0, 0)


def test_the_bar() -> None:
    assert drawn(Progress("reading Rates.csv", 250_000, 1_000_000), 99) == (
        "[###         ]  25 %  reading Rates.csv  250,000 of 1,000,000"
    )
    assert drawn(Progress("checking", 0, 7), 99) == "[            ]   0 %  checking  0 of 7"
    assert drawn(Progress("checking", 9, 7), 99) == "[############] 100 %  checking  7 of 7"
    assert drawn(Progress("checking", 7, 7), 18) == "[############] 100"
    assert drawn(Progress("writing tariff_timings", 0, 0), 99) == "writing tariff_timings"
    assert len(drawn(Progress("writing tariff_destination_rates", 1_000_000, 1_000_000), 99)) == 78
    assert drawn(Progress(), 99) == ""


class Answers:
    """A link with these answers in turn, None for a lost one; `asked` is set when the last was given."""

    def __init__(self, *answers: bytes | None) -> None:
        self.asked = Event()
        self._left = list(answers)

    def ask(self, body: bytes, patience: int) -> bytes:
        assert b'"tariff.progress"' in body
        answer = self._left.pop(0) if self._left else told("null", 0, 0)
        if not self._left:
            self.asked.set()
        if answer is None:
            raise LostError("gone")
        return answer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(phase: str, done: int, total: int) -> bytes:
    name = phase if phase == "null" else f'"{phase}"'
    return f'{{"jsonrpc": "2.0", "id": 1, "result": {{"phase": {name}, "done": {done}, "total": {total}}}}}'.encode()


def watch(out: io.StringIO) -> str:
    link = Answers(told("one", 0, 4), None, b"<html>", told("one", 0, 4), told("b", 1, 2), told("null", 0, 0))
    with watched(link, out, every=0.001):
        assert link.asked.wait(60)
    return out.getvalue()


FIRST = "[            ]   0 %  one  0 of 4"
SECOND = "[######      ]  50 %  b  1 of 2"


def test_a_terminal_has_one_line_that_is_gone_at_the_end() -> None:
    assert watch(Terminal()) == f"\r{FIRST}\r{SECOND}  \r{' ' * len(SECOND)}\r"


def test_anything_else_has_a_line_for_each_that_differs() -> None:
    assert watch(io.StringIO()) == f"{FIRST}\n{SECOND}\n"


def test_progress_of_a_running_appliance(desk: Desk, tmp_path: Path) -> None:
    """300,000 prefixes take longer than the half second after which the first question is asked."""
    many = folder(tmp_path, {"Destinations.csv": "".join(f"D,{n}\n" for n in range(10**6, 1_300_000))}, "many")
    said = desk("tariff", "import", str(many), "--dry-run", "--progress", "--json")
    assert (said.status, said.json["counts"]["destinations"]) == (0, 300_000)
    lines = said.err.splitlines()
    assert lines
    assert all(line.rpartition(" %  ")[2].split()[0] in ("reading", "checking", "writing") for line in lines)
    assert any(line.endswith(" of 300,000") for line in lines)
    assert desk("tariff", "progress", "--json").json == {"phase": None, "done": None, "total": None}
    assert desk("tariff", "import", str(many), "--dry-run", "--json").err == ""
