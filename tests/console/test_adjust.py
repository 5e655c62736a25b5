"""wallet.adjust, approve, decline, adjustments and import: what becomes of their parameters, and of the answers."""

from __future__ import annotations

import pytest
from tests.console.desks import ListReading, ScriptedCharging, ask, desk, request, wallet

from tollhouse.values.commands import Adjust, Approve, Decline
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Adjustment

DONE = Adjustment(
    "a1", "1001", "done", "cash", 1, "EUR", 6, -2_500_000, "anna", "ticket", second="", record=4, balance=7_500_000
)
ASKED = {"wallet": "1001", "amount": "-2.50", "operator": "anna", "reason": "ticket", "request_id": "a1"}


def test_an_adjustment_is_asked_for_and_told() -> None:
    charging = ScriptedCharging(DONE)
    answer = ask(desk(charging, ListReading((wallet("1001"),))), request("wallet.adjust", ASKED))
    (asked,) = charging.asked
    assert isinstance(asked, Adjust)
    assert (asked.wallet, asked.key, asked.amount) == ("1001", "a1", Amount(-2_500_000, "EUR"))
    assert (asked.operator, asked.reason, asked.balance_type, asked.bucket) == ("anna", "ticket", "cash", 0)
    assert (asked.proposed, asked.deadline) == (False, charging.now() + 10 * SECOND)
    first = {"adjustment": "a1", "wallet": "1001", "state": "done", "balance_type": "cash", "bucket": 1}
    then = {"amount": "-2.5", "unit": "EUR", "operator": "anna", "reason": "ticket", "second": None, "until": None}
    assert answer["result"] == first | then | {"record": 4, "balance": "7.5"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"operator": ""},
        {"operator": "anna berta"},
        {"operator": "anna=x"},
        {"operator": "anna\n"},
        {"operator": "a" * 65},
        {"reason": ""},
        {"reason": "r" * 201},
        {"reason": "a\nb"},
        {"amount": 5},
        {"amount": "five"},
        {"bucket": -1},
        {"request_id": ""},
    ],
)
def test_what_is_of_the_wrong_form_is_not_asked_for(wrong: dict[str, object]) -> None:
    charging = ScriptedCharging()
    assert ask(desk(charging), request("wallet.adjust", {**ASKED, **wrong}))["error"]["code"] == -32602
    assert charging.asked == []


@pytest.mark.parametrize("missing", ["operator", "reason", "request_id", "wallet", "amount"])
def test_what_is_required(missing: str) -> None:
    params = {name: value for name, value in ASKED.items() if name != missing}
    assert ask(desk(ScriptedCharging()), request("wallet.adjust", params))["error"]["code"] == -32602


def test_the_second_operator_s_word() -> None:
    charging = ScriptedCharging(DONE, DONE)
    at = desk(charging)
    said = {"adjustment": "a1", "operator": "berta", "request_id": "r"}
    ask(at, request("wallet.approve", said))
    ask(at, request("wallet.decline", {**said, "reason": "no"}))
    yes, no = charging.asked
    assert isinstance(yes, Approve)
    assert (yes.adjustment, yes.operator, yes.key) == ("a1", "berta", "r")
    assert isinstance(no, Decline)
    assert (no.adjustment, no.operator, no.key, no.reason) == ("a1", "berta", "r", "no")


def test_what_waits_comes_in_pages() -> None:
    at = desk(ScriptedCharging())
    first = ask(at, request("wallet.adjustments", {"limit": 2}))["result"]
    assert ([one["adjustment"] for one in first["adjustments"]], first["next"]) == (["a1", "a2"], "a2")
    assert first["adjustments"][0]["until"] == "2027-01-22T08:00:00Z"
    rest = ask(at, request("wallet.adjustments", {"limit": 2, "after": "a2"}))["result"]
    assert ([one["adjustment"] for one in rest["adjustments"]], rest["next"]) == (["a3"], None)


@pytest.mark.parametrize("wrong", [{"path": "relative.csv"}, {"path": ""}, {"totals": "relative.csv"}, {"name": ""}])
def test_files_are_named_by_their_whole_path(wrong: dict[str, object]) -> None:
    answer = ask(desk(ScriptedCharging()), request("wallet.import", {"path": "/good.csv", **wrong}))
    assert answer["error"]["code"] == -32602


def test_an_import_is_handed_on() -> None:
    answer = ask(desk(ScriptedCharging()), request("wallet.import", {"path": "/bad", "dry_run": True}))
    assert (answer["result"]["loaded"], answer["result"]["dry_run"]) == (False, True)
