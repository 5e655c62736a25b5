"""Case 101: a wallet's reservations in pages, from the engine's store through the API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.console.desks import ScriptedCharging, ask, desk, request
from tests.engine.cases_rig import commit, initial, made, rig_of, world
from tests.engine.rig import Rig, granted

from tollhouse.main.reading import StoreReading
from tollhouse.snapshot.rules import Rules, WalletRules
from tollhouse.values.commands import RemoveWallet


def with_calls(rig: Rig, count: int) -> Rig:
    """1001 has so many calls of a minute open, 1002 another one; one of 1001 has ended."""
    made(rig, 100_000)
    made(rig, 100, name="1002")
    for number in range(count):
        granted(rig.ask(initial(f"c{number}", ask=60)))
    granted(rig.ask(initial("other", ask=60, name="1002")))
    rig.ask(initial("over", ask=60))
    rig.ask(commit("over", 5))
    return rig


def asked(rig: Rig, running: bool = True, **params: object) -> dict[str, Any]:
    """The page, as a client gets it; from the disk alone where nothing is running."""
    reading = StoreReading(rig.store, lambda: rig.clock, rig.snapshot if running else None)
    at = replace(desk(ScriptedCharging()), reading=reading)
    answer: dict[str, Any] = ask(at, request("wallet.reservations", {"wallet": "1001", **params}))
    return answer


def pages(rig: Rig, running: bool = True, **params: object) -> list[list[str]]:
    """The sessions of each page, from the first to the last."""
    found: list[list[str]] = []
    after = ""
    while True:
        result = asked(rig, running, after=after, **params)["result"]
        found.append([one["session"] for one in result["reservations"]])
        if result["next"] is None:
            return found
        after = result["next"]


def test_case_101_twelve_reservations_are_pages_of_5_5_and_2() -> None:
    """By default; every one of them once, and nothing of another wallet or of a session that has ended."""
    found = pages(with_calls(rig_of(world()), 12))
    assert [len(page) for page in found] == [5, 5, 2]
    assert len({one for page in found for one in page}) == 12


def test_case_101_as_many_as_the_provider_says_or_the_request() -> None:
    rig = with_calls(rig_of(world(Rules(wallet=WalletRules(reservations_per_page=4)))), 12)
    assert [len(page) for page in pages(rig)] == [4, 4, 4]
    assert [len(page) for page in pages(rig, limit=7)] == [7, 5]
    assert [len(page) for page in pages(rig, running=False)] == [5, 5, 2]


def test_case_101_each_tells_what_it_holds_of_which_bucket() -> None:
    """A call of a minute at 1 a second holds 60."""
    [one] = asked(with_calls(rig_of(world()), 1))["result"]["reservations"]
    assert (one["state"], one["destination"], one["held"]) == ("started", "4420", "60")
    assert one["holds"] == [{"bucket": 1, "balance_type": "cash", "unit": "LIT", "amount": "60"}]


def test_a_page_that_was_begun_goes_on_where_sessions_end_meanwhile() -> None:
    """Two of the first page and one of the next end: the next page begins behind the same place."""
    rig = with_calls(rig_of(world()), 7)
    first = asked(rig)["result"]
    for call in ("c0", "c1", "c6"):
        rig.ask(commit(call, 1))
    second = asked(rig, after=first["next"])["result"]
    assert (len(first["reservations"]), len(second["reservations"]), second["next"]) == (5, 1, None)


def test_of_no_wallet_and_of_one_that_is_gone() -> None:
    rig = rig_of(world())
    assert asked(rig)["error"]["data"]["refusal"] == "unknown_wallet"
    made(rig, 1)
    assert asked(rig)["result"] == {"reservations": [], "next": None}
    rig.ask(RemoveWallet("api", "1001", "gone"))
    assert asked(rig)["error"]["data"]["refusal"] == "unknown_wallet"
