"""Numbers at the end of int64, and beyond: refused by name, nothing moves, no wallet is quarantined."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, caller, granted, refusal, rig_with, settled, start, stop, update
from tests.snapshot_dict import demo_snapshot, interval, single_plan

from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.snapshot.tariff import Slot
from tollhouse.values.commands import (
    Caller,
    ChangeWallet,
    Charge,
    Command,
    CreateWallet,
    Delta,
    Inspect,
    Quote,
    Recharge,
    Refund,
    Service,
    Stop,
    Total,
    Update,
)
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import INT64_MAX, Amount
from tollhouse.values.outcomes import Posted, WalletView
from tollhouse.values.refusals import Refusal

API = Caller("api", wallet="1001")
HUGE = 1 << 70


def unharmed(rig: Rig) -> None:
    """No bug was caught, nobody is quarantined, all balances are proved."""
    assert rig.tally.counts.get(("engine_bugs", ""), 0) == 0
    assert rig.wallet().state == "active"
    rig.proved()


@pytest.mark.parametrize(
    "command",
    [
        Recharge("api", "1001", "k", Amount(INT64_MAX, "EUR")),
        Recharge("api", "1001", "k", Amount(INT64_MAX, "EUR"), "bonus"),
        Recharge("api", "1001", "k", Amount(HUGE, "EUR")),
        Refund(API, "k", Amount(INT64_MAX, "EUR")),
        Refund(API, "k", Amount(HUGE, "EUR")),
        Charge(API, "k", Amount(HUGE, "EUR")),
        Charge(API, "k", Amount(INT64_MAX + 1, "EUR")),
        Charge(API, "k", called="1", units=INT64_MAX),  # x 0.05 = 4.6 x 10^23 steps
        Charge(API, "k", called="1", units=HUGE),
        CreateWallet("api", "1004", "k", "EUR", opening=INT64_MAX, credit_limit=1),
        CreateWallet("api", "1004", "k", "EUR", opening=HUGE),
        ChangeWallet("api", "1001", "k", credit_limit=INT64_MAX),
        ChangeWallet("api", "1001", "k", credit_limit=HUGE),
        Quote("demo", "call", "1001", Service.VOICE, "4420", INT64_MAX),
        Quote("demo", "call", "1001", Service.MESSAGE, "", INT64_MAX),
        Quote("demo", "call", "1001", Service.DATA, "", HUGE),
    ],
)
def test_amounts_out_of_range(command: Command) -> None:
    rig = rig_with()
    before = rig.wallet()
    assert refusal(rig.ask(command)) is Refusal.AMOUNT_OUT_OF_RANGE
    assert rig.wallet() == before
    unharmed(rig)


def test_the_largest_wallet() -> None:
    rig = rig_with(opening=INT64_MAX)
    assert granted(rig.ask(authorize())).granted == 7200 * SECOND
    rig.ask(start())
    assert settled(rig.ask(stop(seconds=85))).balance == INT64_MAX - 641_700
    assert refusal(rig.ask(Refund(API, "k", Amount(641_701, "EUR")))) is Refusal.AMOUNT_OUT_OF_RANGE
    assert isinstance(rig.ask(Refund(API, "k2", Amount(641_700, "EUR"))), Posted)
    assert rig.wallet().balance == INT64_MAX
    unharmed(rig)


def test_the_largest_credit_limit() -> None:
    rig = rig_with(opening=0)
    changed = rig.ask(ChangeWallet("api", "1001", "k", credit_limit=INT64_MAX))
    assert isinstance(changed, WalletView)
    assert changed.available == INT64_MAX
    assert granted(rig.ask(authorize())).balance == INT64_MAX - 12_500_000
    unharmed(rig)


@pytest.mark.parametrize(
    "report",
    [
        Update(caller(), "u", ("c1",), Total(HUGE), 0, called="4420"),
        Update(caller(), "u", ("c1",), Delta(INT64_MAX), 0, called="4420"),
        Stop(caller(), "s", ("c1",), Total(HUGE), called="4420", open_unknown=True),
        Stop(caller(), "s", ("c1",), Total(367 * DAY), called="4420"),
        Stop(caller(), "s", ("new",), Total(HUGE), called="4420", open_unknown=True),
    ],
)
def test_a_broken_counter_is_no_call(report: Update | Stop) -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize(ask=60 * SECOND))).session
    rig.ask(start())
    assert refusal(rig.ask(report)) is Refusal.AMOUNT_OUT_OF_RANGE
    assert (rig.session(session).used, rig.wallet().held) == (0, 600_000)
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    unharmed(rig)


def test_increments_that_sum_beyond_int64() -> None:
    """A free data session: 2^63 - 1 octets are counted, one more are not."""
    snapshot = demo_snapshot()
    single_plan(snapshot, Service.DATA, "RP_FREE", {"": (interval(Slot(0, 0, 0, 0, 1, 1)),)})
    rig = rig_with(snapshot=snapshot)
    rig.ask(authorize(service=Service.DATA, called="", begin=True))
    granted(rig.ask(Update(caller(), "1", ("c1",), Delta(INT64_MAX), service=Service.DATA)))
    more = Update(caller(), "2", ("c1",), Delta(1), service=Service.DATA)
    assert refusal(rig.ask(more)) is Refusal.AMOUNT_OUT_OF_RANGE
    assert settled(rig.ask(Stop(caller(), "3", ("c1",), Delta(0), service=Service.DATA))).usage == INT64_MAX
    unharmed(rig)


@pytest.mark.parametrize("on_overrun", list(OnOverrun))
def test_a_cost_beyond_int64(on_overrun: OnOverrun) -> None:
    """A euro an octet: 10^13 octets would cost 10^19 steps; neither debt nor a capped record can say that."""
    snapshot = demo_snapshot()
    single_plan(snapshot, Service.DATA, "RP_DEAR", {"": (interval(Slot(0, 0, 1, 0, 1, 1)),)})
    rig = rig_with(snapshot=snapshot, policy=Policy(on_overrun=on_overrun))
    assert granted(rig.ask(authorize(service=Service.DATA, called="", begin=True))).granted == 10
    report = Stop(caller(), "2", ("c1",), Total(10**13), service=Service.DATA)
    assert refusal(rig.ask(report)) is Refusal.AMOUNT_OUT_OF_RANGE
    assert rig.wallet().held == 10 * EUR
    rig.sweep(3660)
    assert (rig.wallet().held, rig.wallet().balance) == (0, 10 * EUR)
    unharmed(rig)


def test_one_broken_number_leaves_the_rest_of_the_turn_alone() -> None:
    rig = rig_with()
    outcomes = [
        rig.submit(command)
        for command in (
            authorize(ask=60 * SECOND),
            replace(update(), usage=Total(HUGE), open_unknown=True),
            replace(authorize("c2", ask=60 * SECOND), at=HUGE),
        )
    ]
    rig.turn()
    granted(outcomes[0][0])
    assert refusal(outcomes[1][0]) is Refusal.AMOUNT_OUT_OF_RANGE
    granted(outcomes[2][0])
    assert rig.wallet().held == 1_200_000
    unharmed(rig)


def test_a_command_that_cannot_even_be_logged_ends_nothing() -> None:
    """A number that no check knows of is our own bug: thrown away, and the process lives on."""
    rig = rig_with()
    broken = replace(authorize(), session_keys=("c1",), deadline=HUGE, calling=HUGE)
    assert refusal(rig.ask(broken)) is Refusal.INTERNAL_ERROR
    assert rig.wallet().state == "quarantined"
    assert rig.tally.counts["engine_bugs", ""] == 1


@pytest.mark.parametrize(
    "command",
    [
        Inspect("api", wallet="\ud800"),
        Recharge("api", "1001", "k", Amount(1, "EUR"), note="\ud800"),
        CreateWallet("api", "\ud800", "k", "EUR"),
        authorize(client="\ud800"),
    ],
)
def test_a_text_that_has_no_utf_8_ends_nothing(command: Command) -> None:
    """A lone surrogate is our own bug where a front-end lets one in; the process lives on."""
    rig = rig_with()
    assert refusal(rig.ask(command)) is Refusal.INTERNAL_ERROR
    rig.proved()


def test_a_wallet_that_cannot_take_its_money_back_keeps_no_other_from_its_end() -> None:
    """A silent call costs nothing here, and 1001 is full: its 0.6 does not fit. The call of 1002 ends all the same."""
    rig = rig_with(opening=INT64_MAX, policy=Policy(on_silence=OnSilence.NOTHING))
    assert isinstance(rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR)), WalletView)
    for call, name in (("c1", "1001"), ("c2", "1002")):
        granted(rig.ask(authorize(call, name=name, ask=60 * SECOND, begin=True)))
        granted(rig.ask(update(call, 20, name=name)))
    assert isinstance(rig.ask(Recharge("api", "1001", "full", Amount(600_000, "EUR"))), Posted)
    assert rig.sweep(3600) == 2
    assert rig.wallet("1002").balance == 5 * EUR
    unharmed(rig)
    rig.ask(Charge(API, "room", Amount(EUR, "EUR")))
    assert rig.sweep(60) == 1
    assert rig.wallet().balance == INT64_MAX - EUR + 600_000
