"""wallet.trace and record.export: their parameters, and what is wrong with them."""

from __future__ import annotations

import pytest
from tests.console.desks import NOW, ListReading, ScriptedCharging, ask, desk, request, wallet

AT = desk(ScriptedCharging(), ListReading((wallet("a"),)))


def test_a_trace_is_asked_for_a_wallet_and_a_time() -> None:
    answer = ask(AT, request("wallet.trace", {"wallet": "a", "at": "2027-01-15T08:00:00Z", "limit": 7, "after": "1"}))
    assert answer["result"]["entries"] == [{"sequence": 7, "at": NOW}]


def test_a_trace_of_no_wallet_is_a_refusal() -> None:
    answer = ask(AT, request("wallet.trace", {"wallet": "b"}))
    assert (answer["error"]["code"], answer["error"]["message"]) == (-32000, "unknown_wallet: b")


def test_an_export_is_asked_for_a_wallet_and_two_times() -> None:
    params = {"wallet": "a", "since": "2027-01-15T08:00:00Z", "until": "2027-01-15T08:00:01+00:00", "after": "3 a"}
    answer = ask(AT, request("record.export", params))
    assert answer["result"] == {"heading": "wallet\n", "text": f"a {NOW} {NOW + 1_000_000} 100\n", "next": "3 a"}
    assert ask(AT, request("record.export"))["result"] == {"heading": "wallet\n", "text": " 0 0 100\n", "next": None}


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("wallet.trace", {"wallet": "a", "after": "x"}, "after"),
        ("wallet.trace", {"wallet": "a", "at": "yesterday"}, "at"),
        ("record.export", {"after": "no token"}, "after"),
        ("record.export", {"since": "yesterday"}, "since"),
        ("record.export", {"until": "0001-01-01T00:00:00Z"}, "until"),
    ],
)
def test_what_is_wrong_is_named(method: str, params: dict[str, object], named: str) -> None:
    error = ask(AT, request(method, params))["error"]
    assert error["code"] == -32602
    assert error["message"].startswith(f"{named}: ")


@pytest.mark.parametrize("method", ["wallet.trace", "record.export"])
def test_a_batch_asks_for_four_of_them(method: str) -> None:
    """They read pages, and calls wait meanwhile."""
    one = request(method, {"wallet": "a"})
    assert ask(AT, [one] * 5)["error"]["code"] == -32600
    assert len(ask(AT, [one] * 4)) == 4
