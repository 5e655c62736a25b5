"""`tollhouse wallet import`: problems with their places, the table of totals, and a crash in the middle."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.cli.terminal import Desk, Said, demo_desk
from tests.processes import RpcError

HEADING = "wallet,account,ani,balance_type,amount,expiry\n"


def file(directory: Path, text: str, name: str = "subscribers.csv") -> str:
    path = directory / name
    path.write_text(text)
    return str(path)


def test_all_problems_at_once(desk: Desk, tmp_path: Path) -> None:
    wrong = file(tmp_path, f'{HEADING}x1,,,gold,1,\nx2,,,cash,"1,5",\n1001,,,cash,1,\n', "wrong.csv")
    said = desk("wallet", "import", wrong)
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines() == [
        "wrong.csv:2: balance_type: 'gold' is given, expected a balance type that is configured",
        "wrong.csv:3: amount: '1,5' is given, expected a decimal number with at most 6 decimals",
        "tollhouse: nothing was loaded, problems: 2",
    ]
    there = desk("wallet", "import", file(tmp_path, f"{HEADING}1001,,,cash,1,\n", "there.csv"))
    assert there.err.splitlines()[0] == (
        "there.csv:2: wallet: '1001' is given, expected a new wallet: there is one of this name that was not brought"
        " over so"
    )
    assert desk("wallet", "import", str(tmp_path / "nowhere.csv")).err.startswith("nowhere.csv: ")


def test_a_dry_run_then_the_load_then_again(desk: Desk, tmp_path: Path) -> None:
    """10.50 + 2 and 0.25: 12.75 in all."""
    path = file(tmp_path, f"{HEADING}m1,m1,4930771,cash,10.50,\nm1,,,bonus,2,2099-01-31T00:00:00Z\nm2,m2,,cash,0.25,\n")
    totals = file(tmp_path, "balance_type,amount\ncash,10.75\nbonus,2\n", "totals.csv")
    look = desk("wallet", "import", path, "--dry-run", "--totals", totals)
    assert (look.status, look.err) == (0, "")
    assert look.out.splitlines()[1].split(None, 1) == ["loaded", "no, a dry run"]
    assert desk("wallet", "get", "m1").status == 1
    for known in (0, 2):
        said = desk("wallet", "import", path, "--totals", totals)
        assert (said.status, said.err) == (0, "")
        rows = [line.split() for line in said.out.splitlines()]
        assert ["new", "wallets", str(2 - known)] in rows
        assert ["brought", "over", "before", str(known)] in rows
        assert rows[-3:] == [
            ["balance_type", "unit", "before", "after", "difference"],
            ["bonus", "EUR", "2", "2", "0"],
            ["cash", "EUR", "10.75", "10.75", "0"],
        ]
    assert desk("wallet", "get", "m1").values()["balance"] == "12.5"
    as_json = desk("wallet", "import", path, "--json").json
    assert (as_json["wallets_known"], as_json["accounts_known"], as_json["balanced"]) == (2, 2, True)
    assert desk("audit").status == 0


def test_totals_that_differ_are_status_1_and_nothing_is_loaded(desk: Desk, tmp_path: Path) -> None:
    path = file(tmp_path, f"{HEADING}n1,,,cash,1,\n")
    totals = file(tmp_path, "balance_type,amount\ncash,2\n", "totals.csv")
    said = desk("wallet", "import", path, "--totals", totals)
    assert said.status == 1
    assert said.err.splitlines()[0] == (
        "totals.csv: amount: '2' is given, expected 1 of cash, which the subscribers' file comes to"
    )
    assert desk("wallet", "get", "n1").status == 1


def test_killed_in_the_middle_and_run_again(tmp_path: Path) -> None:
    """4,000 wallets of half a euro. The process is killed as soon as the 200th is there, while the others follow."""
    text = HEADING + "".join(f"k{number:04d},k{number:04d},,cash,0.5,\n" for number in range(4000))
    path = file(tmp_path, text)
    with demo_desk(tmp_path) as desk:
        first: list[Said] = []
        asking = threading.Thread(target=lambda: first.append(desk("wallet", "import", path)))
        asking.start()
        while not first and not is_there(desk, "k0199"):
            pass
        desk.process.kill()
        asking.join()
        assert first[0].status in (0, 3)
    with demo_desk(tmp_path) as desk:
        said = desk("wallet", "import", path)
        assert (said.status, said.err) == (0, "")
        assert said.out.splitlines()[-1].split() == ["cash", "EUR", "2000", "2000", "0"]
        audit = desk("audit")
        assert (audit.status, audit.out) == (0, "4003 wallets, 4003 records, all balanced\n")


def is_there(desk: Desk, wallet: str) -> bool:
    try:
        return bool(desk.process.rpc("wallet.get", wallet=wallet))
    except RpcError:
        return False
