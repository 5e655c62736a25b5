"""Legs: one call charged to its customer and to a reseller, each by its own wallet and tariff, all of it or nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, NAS, Rig, granted, refusal, settled, start, stop, update
from tests.snapshot_dict import demo_snapshot, interval

from tollhouse.snapshot.accounts import Account
from tollhouse.snapshot.tariff import Activation, Profile, Slot
from tollhouse.values.commands import (
    Authorize,
    Caller,
    ChangeWallet,
    CreateWallet,
    Delta,
    Release,
    Service,
    Stop,
    Update,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.refusals import Refusal


@pytest.fixture
def rig() -> Rig:
    """1001's calls to 331 cost a cent a second; its reseller pays half a cent a second for them, the vendor a tenth."""
    snapshot = demo_snapshot()
    snapshot.accounts["1001"] = replace(snapshot.accounts["1001"], legs=("reseller", "vendor"))
    for name, tenths in (("reseller", 5), ("vendor", 1)):
        snapshot.accounts[name] = Account(name, "demo", "demo", name, name, "call", b"", "", True)
        price = interval(Slot(0, 0, tenths, 3, SECOND, SECOND))
        snapshot.plans[f"RP_{name}"] = {"331": (price,)}
        snapshot.profiles["demo", "call", Service.VOICE, name] = Profile((Activation(0, f"RP_{name}"),), "EUR", 6)
    rig = Rig(snapshot=snapshot)
    for name, euros in (("1001", 10), ("reseller", 3), ("vendor", 100)):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", euros * EUR))
    return rig


def call(ask: int | None = 60, key: str = "a") -> Authorize:
    wish = None if ask is None else ask * SECOND
    return Authorize(Caller(NAS, name="1001"), key, ("c1",), Service.VOICE, "33123", ask=wish)


def held(rig: Rig) -> list[int]:
    return [rig.wallet(name).held for name in ("1001", "reseller", "vendor")]


def balances(rig: Rig) -> list[int]:
    return [rig.wallet(name).balance for name in ("1001", "reseller", "vendor")]


def test_each_leg_holds_and_pays_by_its_own_tariff(rig: Rig) -> None:
    """60 s: 0.60, 0.30 and 0.06 held; 30 s of them: half of that paid."""
    assert granted(rig.ask(call())).granted == 60 * SECOND
    assert held(rig) == [600_000, 300_000, 60_000]
    rig.ask(start("c1"))
    rig.later(30)
    assert settled(rig.ask(stop("c1", 30))).cost == 300_000
    assert (held(rig), balances(rig)) == ([0, 0, 0], [9_700_000, 2_850_000, 99_970_000])
    rig.proved()


def test_the_grant_is_the_least_of_all_and_nobody_holds_more(rig: Rig) -> None:
    """The customer's 10 EUR are 1000 s, the reseller's 3 are 600: there the money ends."""
    found = granted(rig.ask(call(None)))
    assert (found.granted, found.final) == (600 * SECOND, True)
    assert held(rig) == [6 * EUR, 3 * EUR, 600_000]


def test_the_customer_may_be_the_poorest(rig: Rig) -> None:
    rig.ask(ChangeWallet("api", "reseller", "credit", credit_limit=100 * EUR))
    found = granted(rig.ask(call(None)))
    assert (found.granted, found.final) == (1000 * SECOND, True)
    assert held(rig) == [10 * EUR, 5 * EUR, EUR]


def test_a_leg_that_cannot_leaves_none(rig: Rig) -> None:
    rig.ask(ChangeWallet("api", "reseller", "off", state="suspended"))
    assert refusal(rig.ask(call())) is Refusal.WALLET_SUSPENDED
    assert held(rig) == [0, 0, 0]
    rig.proved()


def test_a_repeat_moves_nothing_and_is_answered_alike(rig: Rig) -> None:
    first = rig.ask(call(None))
    before = held(rig)
    assert rig.ask(call(None)) == first
    rig.ask(start("c1"))
    rig.later(5)
    ended = rig.ask(stop("c1", 5))
    after = balances(rig)
    assert (rig.ask(stop("c1", 5)), balances(rig)) == (ended, after)
    assert before == [6 * EUR, 3 * EUR, 600_000]
    rig.proved()


def test_an_interim_report_charges_every_leg(rig: Rig) -> None:
    rig.ask(call(120))
    rig.ask(start("c1"))
    rig.later(20)
    rig.ask(update("c1", 20))
    assert balances(rig) == [9_800_000, 2_900_000, 99_980_000]
    rig.proved()


def test_a_call_given_up_gives_every_leg_its_money_back(rig: Rig) -> None:
    rig.ask(call())
    rig.ask(Release(Caller(NAS, name="1001"), "cancel", ("c1",)))
    assert held(rig) == [0, 0, 0]
    rig.proved()


def test_silence_ends_every_leg(rig: Rig) -> None:
    rig.ask(call())
    while rig.sweep(3600):
        pass
    assert held(rig) == [0, 0, 0]
    rig.proved()


def test_a_stop_that_nobody_announced_charges_every_leg(rig: Rig) -> None:
    rig.ask(replace(stop("c9", 60), called="33123"))
    assert balances(rig) == [9_400_000, 2_700_000, 99_940_000]
    rig.proved()


def test_it_is_the_same_after_a_restart(rig: Rig) -> None:
    rig.ask(call())
    rig.ask(start("c1"))
    rig.restart()
    rig.later(60)
    rig.ask(stop("c1", 60))
    assert balances(rig) == [9_400_000, 2_700_000, 99_940_000]
    rig.proved()


def test_two_legs_on_one_wallet_are_refused(rig: Rig) -> None:
    rig.snapshot.accounts["vendor"] = replace(rig.snapshot.accounts["vendor"], wallet="reseller")
    assert refusal(rig.ask(call())) is Refusal.INVALID
    assert held(rig) == [0, 0, 0]


def more(seconds: int, ask: int, number: int = 1) -> Update:
    keys = ("c1",)
    return Update(Caller(NAS, name="1001"), f"u{number}", keys, Delta(seconds * SECOND), ask * SECOND, called="33123")


def test_a_report_is_charged_to_all_legs_though_one_has_no_money_for_more(rig: Rig) -> None:
    """600 s are all that the reseller's 3 EUR pay; they are used, and more is asked for: no. What was used is due from
    every leg: 6.00, 3.00, 0.60; the CCR-T counts from there."""
    granted(rig.ask(replace(call(600), begin=True)))
    rig.later(600)
    assert refusal(rig.ask(more(600, 60))) is Refusal.NO_FUNDS
    assert balances(rig) == [4 * EUR, 0, 99_400_000]
    rig.ask(Stop(Caller(NAS, name="1001"), "end", ("c1",), Delta(0), called="33123"))
    assert balances(rig) == [4 * EUR, 0, 99_400_000]


def test_a_report_is_charged_to_all_legs_though_the_customer_has_no_money_for_more(rig: Rig) -> None:
    """The same, where the main leg is the one."""
    rig.ask(ChangeWallet("api", "reseller", "credit", credit_limit=100 * EUR))
    granted(rig.ask(replace(call(1000), begin=True)))
    rig.later(1000)
    assert refusal(rig.ask(more(1000, 60))) is Refusal.NO_FUNDS
    rig.ask(Stop(Caller(NAS, name="1001"), "end", ("c1",), Delta(0), called="33123"))
    assert balances(rig) == [0, -2 * EUR, 99 * EUR]


def test_a_call_that_nobody_announced_goes_on_as_long_as_its_customer_pays(rig: Rig) -> None:
    """A Start alone: the customer holds 1000 s, the reseller 600. At 700 s the reseller's leg has been silent for 100 s
    and the sweep has come; the report of 700 s is charged to all, and the Stop, too."""
    rig.ask(replace(start("c7"), called="33123"))
    rig.later(700)
    rig.sweep()
    rig.ask(replace(update("c7", 700), called="33123"))
    assert balances(rig) == [3 * EUR, -500_000, 99_300_000]
