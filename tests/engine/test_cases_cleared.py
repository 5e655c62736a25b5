"""Case 100 through the engine: buckets that a charge, a call, a transfer, a recharge or a correction has drained."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import (
    LIT,
    POLICY,
    commit,
    event,
    filled,
    initial,
    kinds,
    made,
    posted,
    recharge,
    rig_of,
    subsequent,
    values,
    world,
)
from tests.engine.rig import Rig, granted, settled

from tollhouse.engine.policy import OnSilence
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.rules import ExpiryRules, Recorded, Rules, WalletRules
from tollhouse.values.commands import Adjust, Transfer
from tollhouse.values.money import Amount
from tollhouse.values.recharges import Line
from tollhouse.values.uses import Use

CLEARED = Rules(wallet=WalletRules(clears_empty_buckets=True))
SECONDS = BalanceType("free", "second", 0, "voice", 1_000_000)


def rig_by(rules: Rules, silence: OnSilence = OnSilence.REPORTED) -> Rig:
    """1001: 60 of bonus (bucket 2), which pays first, and 100 of cash."""
    rig = rig_of(world(rules, types=(SECONDS,)), replace(POLICY, on_silence=silence))
    made(rig, 100)
    filled(rig, 60, "bonus")
    return rig


def ways_to_drain(rig: Rig, way: str) -> None:
    """All of the bonus goes."""
    if way == "charge":
        posted(rig.ask(event(60)))
    elif way == "call":
        rig.ask(initial("c1"))
        settled(rig.ask(commit("c1", 60)))
    elif way == "transfer":
        made(rig, 0, name="1002")
        posted(rig.ask(Transfer("api", "1001", "1002", "t", Amount(60, LIT), "bonus")))
    elif way == "recharge":
        posted(rig.ask(recharge(rig, Line("bonus", 0, replace=True, start=0, weight=7))))
    else:
        rig.ask(Adjust("api", "1001", "a", Amount(-60, LIT), "anna", "ticket", "bonus"))


WAYS = ("charge", "call", "transfer", "recharge", "adjustment")


@pytest.mark.parametrize("way", WAYS)
def test_case_100_what_is_drained_goes_in_that_transaction(way: str) -> None:
    """Bucket 2 is gone; what is left of the money stays: 100, or a recharge's own new bucket."""
    rig = rig_by(CLEARED)
    ways_to_drain(rig, way)
    assert values(rig) == ({1: 100, 3: 0} if way == "recharge" else {1: 100})
    rig.restart()
    assert 2 not in values(rig)
    rig.proved()


@pytest.mark.parametrize("way", WAYS)
def test_case_100_or_is_left_to_expiry(way: str) -> None:
    """It is there still, dated now; the next sweep takes it."""
    rig = rig_by(Rules(wallet=WalletRules(clears_empty_buckets=True, deletes_cleared_buckets=False)))
    ways_to_drain(rig, way)
    stored = rig.engine.book.wallet("1001")
    assert stored is not None
    assert {one.id: one.expiry for one in stored.buckets}[2] == rig.clock
    rig.sweep(1)
    stored = rig.engine.book.wallet("1001")
    assert stored is not None
    assert 2 not in [one.id for one in stored.buckets]
    rig.proved()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("deletes", [True, False])
def test_case_100_where_empty_buckets_are_not_cleared_the_other_flag_has_no_effect(way: str, deletes: bool) -> None:
    rig = rig_by(Rules(wallet=WalletRules(deletes_cleared_buckets=deletes)))
    ways_to_drain(rig, way)
    rig.sweep(1)
    assert values(rig)[2] == 0


def test_case_100_leaves_a_record_where_an_expiry_of_nothing_does() -> None:
    """`nonzero`: the charge's record names the bucket and its type; `all`: it has one of its own, as case 73 says."""
    rig = rig_by(CLEARED)
    ways_to_drain(rig, "charge")
    assert kinds(rig) == ["open", "recharge", "charge"]
    assert [(one.bucket, one.balance_type) for one in rig.records()[2].buckets] == [(2, "bonus")]
    every = rig_by(replace(CLEARED, expiry=ExpiryRules(recorded=Recorded.ALL)))
    ways_to_drain(every, "charge")
    assert kinds(every) == ["open", "recharge", "charge", "expiry"]
    assert every.records()[3].note == "bucket=2 type=bonus cause=drained expiry=never"
    every.proved()


def test_what_a_running_call_has_paid_from_stays_for_what_it_gives_back() -> None:
    """c1 has used 60 of free time of 60; c2 and a charge come and go. c1 falls silent and is charged for nothing: all
    60 come back to where they were."""
    rig = rig_by(CLEARED, OnSilence.NOTHING)
    filled(rig, 60, "free")
    rig.ask(initial("c1", ask=60))
    granted(rig.ask(subsequent("c1", 60, more=None)))
    rig.ask(event(10))
    rig.ask(initial("c2", ask=5))
    rig.ask(commit("c2", 5))
    assert values(rig) == {1: 100, 2: 45, 3: 0}
    rig.sweep(1000)
    assert values(rig) == {1: 100, 2: 45, 3: 60}
    rig.proved()


def test_what_fell_silent_and_was_charged_by_guess_stays_until_its_stop() -> None:
    """Granted 60 of free time, silent after 10 and charged for 60; its Stop says 20: 40 come back. Its last word said,
    a bucket that is empty goes: here it is not."""
    rig = rig_by(CLEARED, OnSilence.GRANTED)
    filled(rig, 60, "free")
    rig.ask(initial("c1", ask=60))
    granted(rig.ask(subsequent("c1", 10, more=None)))
    rig.sweep(1000)
    assert values(rig)[3] == 0
    rig.ask(commit("c1", 20))
    assert values(rig) == {1: 100, 2: 60, 3: 40}
    rig.proved()


def test_a_call_that_is_reported_in_between_clears_at_its_end() -> None:
    rig = rig_by(CLEARED)
    rig.ask(initial("c1", ask=60))
    granted(rig.ask(subsequent("c1", 60, more=30)))
    assert values(rig) == {1: 100, 2: 0}
    rig.ask(commit("c1", 70))
    assert values(rig) == {1: 90}
    rig.proved()


def test_a_group_s_bucket_is_a_membership_and_stays() -> None:
    rig = rig_of(world(CLEARED))
    made(rig, 100)
    rig.ask(recharge(rig, Line("bonus", 60, use=Use(groups=("family",)))))
    rig.ask(initial("c1", ask=60))
    settled(rig.ask(commit("c1", 60)))
    assert values(rig) == {1: 100, 2: 0}
