"""Wallets that are made as they were elsewhere: with balances, a state of life and an expiry, in one record."""

from __future__ import annotations

import pytest
from tests.engine.rig import BEGIN, EUR, Rig, authorize, granted, refusal
from tests.snapshot_dict import demo_snapshot

from tollhouse.snapshot.products import Product, Promotion
from tollhouse.values.commands import CreateWallet
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.outcomes import WalletView
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import Posting

LINES = (Line("cash", 2 * EUR), Line("bonus", 3 * EUR, Validity(ExpiryPolicy.ABSOLUTE, date=BEGIN + DAY)))


def rig_of_gold() -> Rig:
    """Product gold gives 5 euros of bonus at the first use, and is dormant after 10 days of disuse."""
    snapshot = demo_snapshot()
    snapshot.products["demo", "gold"] = Product("gold", dormant=10 * DAY, promotions=(Promotion("bonus", 5 * EUR, 0),))
    return Rig(snapshot=snapshot)


def brought(state: str = "active", *, product: str = "gold", expiry: int = 0) -> CreateWallet:
    return CreateWallet(
        "import", "1001", "k", "EUR", product=product, tenant="demo", lines=LINES, state=state, expiry=expiry
    )


def test_all_balances_are_one_record() -> None:
    rig = rig_of_gold()
    view = rig.ask(brought(expiry=BEGIN + 30 * DAY))
    assert isinstance(view, WalletView)
    assert (view.state, view.balance, view.expiry) == ("active", 5 * EUR, BEGIN + 30 * DAY)
    (record,) = rig.records()
    assert (record.kind, record.postings) == ("open", (Posting(1, 2 * EUR, "issue"), Posting(2, 3 * EUR, "issue")))
    rig.proved()


def test_one_in_use_gets_nothing_for_a_first_use_and_disuse_counts_from_now() -> None:
    rig = rig_of_gold()
    rig.ask(brought())
    granted(rig.ask(authorize(ask=60 * SECOND)))
    assert rig.wallet().balance == 5 * EUR
    rig.sweep(60)
    rig.sweep(10 * 86_400 - 61)
    assert rig.wallet().state == "active"
    rig.sweep(1)
    assert rig.wallet().state == "dormant"
    rig.proved()


def test_one_not_used_yet_gets_what_its_product_says_at_its_first_use() -> None:
    rig = rig_of_gold()
    rig.ask(brought("preuse"))
    assert rig.wallet().state == "preuse"
    granted(rig.ask(authorize(ask=60 * SECOND)))
    assert (rig.wallet().state, rig.wallet().balance) == ("active", 10 * EUR)
    rig.proved()


@pytest.mark.parametrize("state", ["suspended", "frozen", "dormant"])
def test_other_states_are_kept(state: str) -> None:
    rig = rig_of_gold()
    rig.ask(brought(state))
    assert rig.wallet().state == state


@pytest.mark.parametrize(
    "wrong",
    [
        brought("terminated"),
        brought("quarantined"),
        brought("gone"),
        brought("preuse", product=""),
        brought(expiry=BEGIN),
        brought(expiry=-1),
        brought(expiry=2**62),
    ],
)
def test_what_cannot_be_the_beginning_of_a_wallet(wrong: CreateWallet) -> None:
    rig = rig_of_gold()
    assert refusal(rig.ask(wrong)) is Refusal.INVALID
    assert rig.engine.book.wallet("1001") is None
