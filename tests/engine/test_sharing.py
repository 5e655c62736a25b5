"""Shared groups: a wallet pays from what others share with it, never from what is their own."""

from __future__ import annotations

import pytest
from tests.engine.rig import EUR, NAS, Rig, granted, refusal, settled, stop
from tests.snapshot_dict import demo_snapshot

from tollhouse.snapshot.accounts import BalanceType
from tollhouse.values.commands import Authorize, Caller, Charge, CreateWallet, Recharge, Service
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use

FAMILY = Use(groups=("family",))


@pytest.fixture
def rig() -> Rig:
    """1001 shares 1 EUR with the group and has nothing else; 1002 shares 10 EUR and keeps 10 for itself; 1003 shares
    5 EUR in another group. 331.. costs a cent a second."""
    snapshot = demo_snapshot()
    snapshot.balance_types["shared"] = BalanceType("shared", "EUR", 5)
    rig = Rig(snapshot=snapshot)
    for name, opening in (("1001", 0), ("1002", 10), ("1003", 0)):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", opening * EUR))
    share(rig, "1001", 1)
    share(rig, "1002", 10)
    share(rig, "1003", 5, Use(groups=("friends",)))
    return rig


def share(rig: Rig, wallet: str, euros: int, use: Use = FAMILY) -> None:
    rig.ask(Recharge("api", wallet, f"share-{wallet}", Amount(euros * EUR, "EUR"), "shared", use=use))


def shared(rig: Rig, wallet: str) -> int:
    return sum(bucket.value for bucket in rig.wallet(wallet).buckets if bucket.balance_type == "shared")


def call(seconds: int, name: str = "1001", call: str = "c1") -> Authorize:
    caller = Caller(NAS, name=name)
    return Authorize(caller, f"a-{call}", (call,), Service.VOICE, "33123", ask=seconds * SECOND, begin=True)


def test_another_s_shared_money_pays_and_its_own_does_not(rig: Rig) -> None:
    """1 EUR of its own and 10 of 1002's are 1100 s; the 10 that 1002 keeps are nobody else's."""
    found = granted(rig.ask(call(1200)))
    assert (found.granted, found.final) == (1100 * SECOND, True)
    assert (shared(rig, "1001"), shared(rig, "1002"), rig.wallet("1002").balance) == (11 * EUR, 0, 10 * EUR)
    assert settled(rig.ask(stop("c1", 250))).cost == 2_500_000
    assert shared(rig, "1001") + shared(rig, "1002") == 8_500_000
    rig.proved()


def test_only_what_is_needed_moves(rig: Rig) -> None:
    """250 s are 2.50, of which 1 is there."""
    granted(rig.ask(call(250)))
    assert (shared(rig, "1001"), shared(rig, "1002")) == (2_500_000, 8_500_000)
    assert [record.kind for record in rig.records("1002")][-1] == "transfer"
    rig.proved()


def test_what_was_lent_and_not_used_is_lent_back(rig: Rig) -> None:
    granted(rig.ask(call(1100)))
    rig.ask(stop("c1", 0))
    assert granted(rig.ask(call(2100, "1002", "c2"))).granted == 2100 * SECOND
    rig.proved()


def test_what_a_session_holds_is_lent_to_nobody(rig: Rig) -> None:
    """1002 holds 15 of its 20; of the 5 left none is shared money, for that pays first."""
    granted(rig.ask(call(1500, "1002", "c2")))
    assert granted(rig.ask(call(1000))).granted == 100 * SECOND
    rig.proved()


def test_a_session_that_goes_on_and_a_one_shot_borrow_too(rig: Rig) -> None:
    granted(rig.ask(call(100)))
    more = rig.ask(Authorize(Caller(NAS, name="1001"), "more", ("c1",), Service.VOICE, "33123", ask=200 * SECOND))
    assert granted(more).granted == 200 * SECOND
    rig.ask(stop("c1", 0))
    sent = rig.ask(Charge(Caller("api", wallet="1001"), "sms", None, Service.MESSAGE, "331", 100))
    assert not hasattr(sent, "refusal")
    assert shared(rig, "1001") + shared(rig, "1002") == 11 * EUR - 100 * 50_000
    rig.proved()


def test_it_is_the_same_after_a_restart(rig: Rig) -> None:
    rig.restart()
    assert granted(rig.ask(call(1100))).granted == 1100 * SECOND
    rig.proved()


def test_another_group_lends_nothing(rig: Rig) -> None:
    """1003 has 5 EUR in a group of its own."""
    found = granted(rig.ask(call(2000, "1003", "c3")))
    assert (found.granted, shared(rig, "1002")) == (500 * SECOND, 10 * EUR)
    assert refusal(rig.ask(call(2000, "1003", "c4"))) is Refusal.NO_FUNDS
    rig.proved()
