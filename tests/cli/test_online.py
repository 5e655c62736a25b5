"""Commands against a running engine: what they print, and how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.cli.terminal import Desk
from tests.processes import PATIENCE, TOLLHOUSE

ROOT = Path(__file__).resolve().parents[2]
CALLED = "4412345678"
NOON = "2026-11-24T12:00:00Z"


def fresh(desk: Desk, wallet: str, opening: str = "10.0000") -> str:
    """A prepaid wallet of the demo's tenant."""
    assert desk("wallet", "create", wallet, "--opening", opening, "--request-id", f"make-{wallet}").status == 0
    return wallet


def balance(desk: Desk, wallet: str) -> str:
    return desk("wallet", "get", wallet).values()["balance"]


def test_the_first_look(desk: Desk) -> None:
    """What is empty is said too: no problem and no peer are answers."""
    values = desk("system", "status").values()
    assert " ".join(values) == (
        "accepting time version generation uptime open_sessions free_bytes disk_low config_problems peers"
    )
    assert values["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (values["accepting"], values["disk_low"]) == ("yes", "no")
    assert (values["config_problems"], values["peers"]) == ("-", "-")
    assert int(values["free_bytes"]) > 0


def test_a_price_and_its_parts(desk: Desk) -> None:
    """0.4 + 0.2 for the first minute + 25 s of 0.1 a minute = 0.6 + 1/24 -> 0.6417, rounded up at 4 decimals."""
    said = desk(*f"rating cost --subject 1001 --destination {CALLED} --usage 85 --answer-time {NOON}".split())
    assert (said.status, said.err) == (0, "")
    values = said.values()
    assert (values["cost"], values["fee"], values["prefix"]) == ("0.6417", "0.4", "44")
    assert [line.split() for line in said.out.splitlines()[-3:]] == [
        ["start", "usage", "price", "cost"],
        ["0", "60", "0.2/60s", "0.2"],
        ["60", "25", "0.1/60s", "1/24"],
    ]


def test_a_call_from_authorisation_to_record(desk: Desk) -> None:
    wallet = fresh(desk, "caller")
    granted = desk(*f"session authorize --wallet {wallet} --destination {CALLED} --session-id c1".split())
    assert granted.status == 0
    assert granted.values()["granted"] == "5700"  # 10 = 0.4 + 0.2 + 94 min x 0.1
    session = granted.values()["session"]
    assert desk("session", "start", "c1").status == 0
    report = desk("session", "update", session, "--usage", "40", "--more", "none")
    assert (report.values()["granted"], report.values()["cost"]) == ("5660", "0.6")  # still 5700 in all
    stop = desk("session", "stop", session, "--usage", "85", "--cause", "hung up")
    assert (stop.values()["cost"], stop.values()["balance"]) == ("0.6417", "9.3583")
    assert balance(desk, wallet) == "9.3583"
    assert desk("session", "get", "c1").values()["state"] == "closed"
    heading, *rows = desk("record", "list", wallet).out.splitlines()
    titles = ["sequence", "at", "kind", "amount", "balance", "unit", "units", "called", "usage", "note"]
    assert heading.split() == titles
    assert [(row.split()[0], row.split()[4]) for row in rows] == [("1", "10"), ("2", "9.4"), ("3", "9.3583")]


def test_a_session_that_never_began_gives_all_back(desk: Desk) -> None:
    wallet = fresh(desk, "ringing")
    desk(*f"session authorize --wallet {wallet} --destination {CALLED} --session-id r1".split())
    assert desk("wallet", "get", wallet).values()["held"] == "10"
    assert desk("session", "release", "r1").values()["cost"] == "0"
    assert desk("wallet", "get", wallet).values()["held"] == "0"


def test_money_in_and_out(desk: Desk) -> None:
    """10 + 5.5 - 2.25 + 0.25 = 13.5, less one message of 0.05."""
    wallet = fresh(desk, "purse")
    assert desk("wallet", "recharge", wallet, "--amount", "5.50", "--note", "receipt 4711").status == 0
    assert desk("event", "charge", wallet, "--amount", "2.25").values()["amount"] == "-2.25"
    assert desk("event", "refund", wallet, "--amount", "0.25").values()["balance"] == "13.5"
    assert desk("event", "quote", "--subject", wallet, "--destination", CALLED, "--category", "sms").status == 0
    assert balance(desk, wallet) == "13.5"


def test_a_request_id_is_made_and_told_where_none_is_given(desk: Desk) -> None:
    wallet = fresh(desk, "once")
    first = desk("wallet", "recharge", wallet, "--amount", "1", "--json")
    name, _, made = first.err.strip().partition(": ")
    assert name == "request_id"
    assert len(made) == 36
    again = desk("wallet", "recharge", wallet, "--amount", "1", "--json", "--request-id", made)
    assert (again.out, again.err) == (first.out, "")
    assert balance(desk, wallet) == "11"
    other = desk("wallet", "recharge", wallet, "--amount", "2", "--request-id", made)
    assert (other.status, other.out) == (1, "")
    assert other.err.startswith("tollhouse: error -32000: conflict")


def test_json_is_what_the_api_says(desk: Desk) -> None:
    for words, method, params in (
        ("wallet get 1002", "wallet.get", {"wallet": "1002"}),
        ("wallet list", "wallet.list", {}),
        ("record list 1003", "record.list", {"wallet": "1003"}),
        ("session list", "session.list", {}),
    ):
        said = desk(*words.split(), "--json")
        assert (said.status, said.err) == (0, "")
        assert said.json == desk.process.rpc(method, **params)


def test_a_wallet_is_changed(desk: Desk) -> None:
    wallet = fresh(desk, "changing", "0")
    assert desk("wallet", "change", wallet, "--credit-limit", "5", "--state", "suspended").status == 0
    seen = desk("wallet", "get", wallet).values()
    assert (seen["state"], seen["credit_limit"]) == ("suspended", "5")
    refused = desk("event", "charge", wallet, "--amount", "1")
    assert (refused.status, refused.out) == (1, "")
    assert "error -32000: wallet_suspended" in refused.err
    assert desk("wallet", "change", wallet, "--state", "active", "--expiry", "2099-01-01T00:00:00Z").status == 0
    assert desk("wallet", "change", wallet, "--expiry", "").values()["expiry"] == "-"
    assert desk("wallet", "release", wallet).values()["state"] == "active"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("wallet get nobody", "tollhouse: error -32000: unknown_wallet: nobody\n"),
        ("session get nothing", "tollhouse: error -32000: unknown_session"),
        ("wallet list --limit 1001", "tollhouse: error -32602: Expected `int` <= 1000"),
        ("rating cost --subject 1001 --destination 99 --usage 1", "tollhouse: error -32000: no_rate"),
    ],
)
def test_a_refusal_is_status_1_with_its_code(desk: Desk, words: str, said: str) -> None:
    done = desk(*words.split())
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(said)


def test_a_list_goes_on_behind_its_page(desk: Desk) -> None:
    first = desk("wallet", "list", "--limit", "1")
    assert first.out.splitlines()[1].split()[0] == "1001"
    assert first.err == "there are more: --after 1001\n"
    second = desk("wallet", "list", "--limit", "1", "--after", "1001")
    assert second.out.splitlines()[1].split()[0] == "1002"


def test_status(desk: Desk) -> None:
    said = desk("system", "status")
    assert said.status == 0
    assert said.values()["accepting"] == "yes"


def test_the_audit_proves_every_wallet(desk: Desk) -> None:
    fresh(desk, "proved")
    said = desk("audit")
    assert (said.status, said.err) == (0, "")
    walked = desk("audit", "--json").json
    page = desk.process.rpc("system.audit")
    assert said.out == f"{page['wallets']} wallets, {page['records']} records, all balanced\n"
    assert walked == {"wallets": page["wallets"], "records": page["records"], "findings": []}
    assert walked["wallets"] >= 4


def test_an_engine_that_holds_the_directory_is_asked(desk: Desk) -> None:
    said = desk("wallet", "get", "1002", "--data", str(desk.data))
    assert (said.status, said.err) == (0, "")
    assert said.values()["balance"] == balance(desk, "1002")


def test_the_console_script_itself(desk: Desk) -> None:
    script = Path(sys.executable).with_name("tollhouse")
    environment = {"TOLLHOUSE_URL": desk.url}
    done = subprocess.run(
        [script, "wallet", "get", "1002"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split() == ["wallet", "1002"]
    wrong = subprocess.run(
        [script, "wallet", "get", "no"], env=environment, capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stdout) == (1, "")


def test_an_interrupted_command_says_nothing() -> None:
    """Ctrl-C while the engine thinks: 130 as a shell says it, and no trace."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = ["env", "--default-signal=INT", *TOLLHOUSE, "wallet", "get", "1001", "--url", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                connection, _ = silent.accept()
                with connection:
                    assert connection.recv(100).startswith(b"POST /jsonrpc")
                    process.send_signal(signal.SIGINT)
                    assert process.wait(PATIENCE) == 130
                    assert process.communicate() == (b"", b"")
            finally:
                process.kill()


@pytest.mark.parametrize("words", ["--help", "wallet --help", "wallet list --help"])
def test_a_reader_of_the_help_that_goes_away_is_no_fault(words: str) -> None:
    """The pipe has no reader when the help is written."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*TOLLHOUSE, *words.split()],
            stdout=writer,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_reader_that_goes_away_is_no_fault(desk: Desk) -> None:
    script = Path(sys.executable).with_name("tollhouse")
    command = f"{script} wallet list --url {desk.url} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.strip() in ("0", "141")
    assert done.stderr == ""
