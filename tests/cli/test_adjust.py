"""`tollhouse wallet adjust` and the second operator's commands."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.terminal import Desk, data_of, demo_desk, tollhouse

THRESHOLD = "adjust.adjustment_needs_approval_above"


def fresh(desk: Desk, wallet: str) -> str:
    assert desk("wallet", "create", wallet, "--opening", "10").status == 0
    return wallet


def test_in_and_out_with_who_and_why(desk: Desk) -> None:
    wallet = fresh(desk, "adjust1")
    words = ("--operator", "anna", "--reason", "ticket 4711")
    said = desk("wallet", "adjust", wallet, "--amount", "-2.50", *words, "--request-id", "adj-1")
    assert said.status == 0
    values = said.values()
    assert (values["state"], values["amount"], values["balance"], values["record"]) == ("done", "-2.5", "7.5", "2")
    assert desk("wallet", "adjust", wallet, "--amount", "-2.50", *words, "--request-id", "adj-1").out == said.out
    assert desk("wallet", "adjust", wallet, "--amount", "1", *words).values()["balance"] == "8.5"
    rows = desk("record", "list", wallet, "--json").json["records"]
    assert [(row["kind"], row["note"]) for row in rows[1:]] == [("adjustment", "operator=anna reason=ticket 4711")] * 2
    assert desk("wallet", "adjust", wallet, "--amount", "-9", *words).status == 1


def test_operator_and_reason_are_needed(desk: Desk) -> None:
    wallet = fresh(desk, "adjust2")
    assert desk("wallet", "adjust", wallet, "--amount", "1", "--operator", "anna").status == 2
    assert desk("wallet", "adjust", wallet, "--amount", "1", "--reason", "x").status == 2
    assert desk("wallet", "adjust", wallet, "--amount", "1", "--operator", "", "--reason", "x").status == 1
    assert desk("wallet", "adjust", wallet, "--amount", "1", "--operator", "anna", "--reason", "").status == 1


def test_proposed_listed_approved_and_declined(desk: Desk) -> None:
    wallet = fresh(desk, "adjust3")
    for key in ("p-1", "p-2"):
        said = desk(
            *("wallet", "adjust", wallet, "--amount", "5", "--operator", "anna", "--reason", "gift", "--propose"),
            *("--request-id", key),
        )
        assert said.values()["state"] == "waiting"
    listed = desk("wallet", "adjustments")
    assert [line.split()[:6] for line in listed.out.splitlines()[1:]] == [
        ["p-1", wallet, "5", "EUR", "cash", "anna"],
        ["p-2", wallet, "5", "EUR", "cash", "anna"],
    ]
    assert "another operator" in desk("wallet", "approve", "p-1", "--operator", "anna").err
    assert desk("wallet", "approve", "p-1", "--operator", "berta").values()["balance"] == "15"
    assert desk("wallet", "decline", "p-2", "--operator", "berta").values()["state"] == "declined"
    assert desk("wallet", "adjustments", "--json").json == {"adjustments": [], "next": None}
    assert desk("wallet", "get", wallet).values()["balance"] == "15"
    assert desk("audit").status == 0


def test_above_the_tenant_s_threshold_it_waits_across_a_kill_and_on_disk(tmp_path: Path) -> None:
    with demo_desk(tmp_path) as desk:
        before = desk("system", "status").values()["generation"]
        with closing(sqlite3.connect(desk.process.directory / "demo" / "config.sqlite", timeout=10)) as connection:
            connection.execute("INSERT INTO parameters (tenant, name, value) VALUES ('demo', ?, '3')", (THRESHOLD,))
            connection.commit()
        while desk("system", "status").values()["generation"] == before:
            pass
        words = ("--operator", "anna", "--reason", "x")
        assert desk("wallet", "adjust", "1001", "--amount", "3", *words).values()["state"] == "done"
        said = desk("wallet", "adjust", "1001", "--amount", "-3.01", *words, "--request-id", "big")
        assert said.values()["state"] == "waiting"
        desk.process.kill()
        data = str(data_of(desk.process))
        asleep = tollhouse("wallet", "adjustments", "--data", data)
        assert [line.split()[:3] for line in asleep.out.splitlines()[1:]] == [["big", "1001", "-3.01"]]
    with demo_desk(tmp_path) as desk:
        assert desk("wallet", "get", "1001").values()["balance"] == "13"
        assert desk("wallet", "approve", "big", "--operator", "berta").values()["balance"] == "9.99"
        assert desk("audit").status == 0
