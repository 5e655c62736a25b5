"""Wallets by the command line: made, recharged line by line, moved, emptied into another, removed, and read."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.terminal import Desk, demo_desk, tollhouse

USE = {
    "destinations": ["DST_UK", "!DST_331"],
    "timings": [{"week_days": [6, 7], "time": "08:00:00"}],
    "blocker": True,
}


def rows(out: str, under: str) -> list[list[str]]:
    """The table below this name, a list of cells a line, its heading first; a cell has no two blanks together."""
    lines = out.splitlines()
    begin = lines.index(under) + 1
    found = []
    for line in lines[begin:]:
        if not line.startswith("  "):
            break
        found.append([text for text in line.split("  ") if text.strip()])
    return found


def test_a_wallet_s_buckets_are_read_at_a_glance(desk: Desk, tmp_path: Path) -> None:
    """5 for weekends to the UK, 1 for ever, from a file; cash after them."""
    assert desk("wallet", "create", "glance", "--opening", "10", "--max-sessions", "2").status == 0
    lines = tmp_path / "lines.json"
    lines.write_text(json.dumps([{"balance_type": "bonus", "amount": "1"}]))
    words = f"wallet recharge glance --balance-type bonus --amount 5 --expiry 2099-12-31T23:00:00Z --lines @{lines}"
    done = desk(*words.split(), "--weight", "10", "--use", json.dumps(USE))
    assert done.status == 0, done.err
    assert (done.values()["amount"], done.values()["balance"], done.values()["balance_unit"]) == ("6", "16", "EUR")
    said = desk("wallet", "get", "glance")
    values = said.values()
    assert (values["state"], values["max_sessions"], values["product"]) == ("active", "2", "-")
    heading, bonus, plain, cash = rows(said.out, "buckets")
    titles = "id balance_type unit service value held start expiry days_to_go weight use"
    assert " ".join(heading).split() == titles.split()
    assert [cell.strip() for cell in bonus[-2:]] == [
        "10",
        "destinations DST_UK, !DST_331; timings (week_days 6, 7; time 08:00:00); blocker yes",
    ]
    assert [row[1].strip() for row in (bonus, plain, cash)] == ["bonus", "bonus", "cash"]
    assert plain[-1].strip() == "-"


def test_a_policy_moves_a_date_and_an_extension_the_wallet_s(desk: Desk) -> None:
    assert desk("wallet", "create", "dated", "--balance-types", "bonus,cash").status == 0
    assert desk("wallet", "change", "dated", "--expiry", "2098-01-01T00:00:00Z").status == 0
    put = [
        "wallet",
        "recharge",
        "dated",
        "--balance-type",
        "bonus",
        "--amount",
        "1",
        "--expiry",
        "2099-01-01T00:00:00Z",
    ]
    assert desk(*put).status == 0
    extension = '{"policy": "extend_from_expiry", "period": "31d"}'
    kept = desk(
        *["wallet", "recharge", "dated", "--balance-type", "cash", "--policy", "keep", "--amount", "1"],
        "--extension",
        extension,
    )
    assert kept.values()["expiry"] == "2098-02-01T00:00:00Z"


def test_a_transfer_and_a_removal(desk: Desk) -> None:
    """10 less 4; what the other one gets is written off with it."""
    assert desk("wallet", "create", "giver", "--opening", "10").status == 0
    assert desk("wallet", "create", "getter").status == 0
    words = [
        "wallet",
        "transfer",
        "giver",
        "--to",
        "getter",
        "--amount",
        "4",
        "--note",
        "gift",
        "--request-id",
        "gift-1",
    ]
    given = desk(*words)
    assert (given.values()["amount"], given.values()["balance"]) == ("-4", "6")
    assert desk(*words).out == given.out
    refused = desk("wallet", "transfer", "giver", "--to", "getter", "--amount", "7")
    assert (refused.status, "insufficient_funds" in refused.err) == (1, True)
    assert desk("wallet", "remove", "getter", "--note", "left").values() == {"count": "1"}
    assert "unknown_wallet" in desk("wallet", "get", "getter").err
    last = desk("record", "list", "getter").out.splitlines()[-1].split()
    assert (last[2], last[3], last[4], last[-1]) == ("removal", "-4", "0", "left")


def test_frozen_and_back(desk: Desk) -> None:
    assert desk("wallet", "create", "froze", "--opening", "1").status == 0
    frozen = desk("wallet", "change", "froze", "--state", "frozen", "--note", "stolen card")
    assert frozen.values()["state"] == "frozen"
    assert "wallet_suspended" in desk("event", "charge", "froze", "--amount", "1").err
    assert desk("wallet", "change", "froze", "--state", "active").values()["state"] == "active"
    assert "stolen card" in desk("record", "list", "froze").out


def test_records_as_lines_of_tags(desk: Desk, tmp_path: Path) -> None:
    assert desk("wallet", "create", "tagged", "--opening", "10", "--request-id", "make-tagged").status == 0
    assert desk("event", "charge", "tagged", "--amount", "2.5").status == 0
    out = tmp_path / "records.edr"
    whole = desk("record", "export", "--wallet", "tagged", "--form", "text", "--limit", "1", "--out", str(out))
    assert (whole.status, whole.out) == (0, "")
    opening, charge = out.read_text().splitlines()
    assert opening.startswith("SEQUENCE_NUMBER=1|CDR_TYPE=2|RECORD_DATE=")
    assert opening.endswith("|BALANCE_TYPES=cash|BALANCES=0|COSTS=-10|UNITS=EUR")
    assert "|BALANCES=10|COSTS=2.5|UNITS=EUR|EVENT_COST=2.5" in charge


def test_tags_need_a_running_engine(tmp_path: Path) -> None:
    with demo_desk(tmp_path) as running:
        running.process.terminate()
        words = ("record", "export", "--url", "http://127.0.0.1:1", "--data", str(running.data))
        assert tollhouse(*words).status == 0
        said = tollhouse(*words, "--form", "text")
        assert (said.status, said.out) == (1, "")
        assert "unsupported: lines of tags are told by the providers' rules: no engine is running" in said.err
