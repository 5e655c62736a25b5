"""Corrections by hand: an operator and a reason, a second operator above the threshold, each thing once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, granted, refusal, rig_with, stop
from tests.snapshot_dict import DictSnapshot, demo_snapshot

from tollhouse.engine.book import PRICE, PROPOSAL
from tollhouse.snapshot.accounts import BalanceType, LimitType, MaximumPolicy
from tollhouse.snapshot.products import Product
from tollhouse.snapshot.rules import AdjustRules, Rules
from tollhouse.values.commands import Adjust, Approve, ChangeWallet, CreateWallet, Decline, Recharge
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount, Unit
from tollhouse.values.outcomes import Adjustment, Outcome, Posted, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import Posting

WEEK = 7 * DAY // SECOND


def adjust(
    amount: int,
    key: str = "a1",
    operator: str = "anna",
    reason: str = "ticket 4711",
    *,
    wallet: str = "1001",
    balance_type: str = "cash",
    unit: str = "EUR",
    bucket: int = 0,
    proposed: bool = False,
) -> Adjust:
    return Adjust("api", wallet, key, Amount(amount, unit), operator, reason, balance_type, bucket, proposed)


def approve(key: str = "ok1", operator: str = "berta", adjustment: str = "a1") -> Approve:
    return Approve("api", adjustment, key, operator)


def decline(key: str = "no1", operator: str = "berta", adjustment: str = "a1", reason: str = "") -> Decline:
    return Decline("api", adjustment, key, operator, reason)


def told(outcome: Outcome) -> Adjustment:
    assert isinstance(outcome, Adjustment), outcome
    return outcome


def words(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.detail


def with_threshold(threshold: str) -> Rig:
    """Wallet 1001 with 10 euros; the tenant's threshold is this many."""
    snapshot = demo_snapshot()
    snapshot.tenant_rules["demo"] = Rules(adjust=AdjustRules(threshold))
    return rig_with(snapshot=snapshot)


@pytest.mark.parametrize(("amount", "left"), [(5 * EUR, 15 * EUR), (-4 * EUR, 6 * EUR)])
def test_money_in_and_out_with_who_and_why(amount: int, left: int) -> None:
    rig = rig_with()
    done = told(rig.ask(adjust(amount)))
    assert (done.state, done.amount, done.balance, done.record) == ("done", amount, left, 2)
    assert rig.wallet().balance == left
    record = rig.records()[-1]
    assert (record.kind, record.request) == ("adjustment", "a1")
    assert record.postings == (Posting(1, amount, "adjustment"),)
    assert record.note == "operator=anna reason=ticket 4711"
    rig.proved()


def test_the_same_request_again_moves_nothing_also_after_a_restart() -> None:
    rig = rig_with()
    first = rig.ask(adjust(5 * EUR))
    rig.restart()
    assert rig.ask(adjust(5 * EUR)) == first
    assert refusal(rig.ask(adjust(6 * EUR))) is Refusal.CONFLICT
    assert refusal(rig.ask(adjust(5 * EUR, operator="berta"))) is Refusal.CONFLICT
    assert (rig.wallet().balance, len(rig.records())) == (15 * EUR, 2)
    rig.proved()


@pytest.mark.parametrize(
    "command",
    [
        adjust(1, operator=""),
        adjust(1, operator="anna berta"),
        adjust(1, operator="anna approved=berta"),
        adjust(1, operator="a" * 65),
        adjust(1, reason=""),
        adjust(1, reason="  "),
        adjust(0),
        adjust(1, balance_type="gold"),
        adjust(1, bucket=9),
        adjust(1, key="k" * 401),
    ],
)
def test_what_makes_no_sense_is_invalid_and_moves_nothing(command: Adjust) -> None:
    rig = rig_with()
    assert refusal(rig.ask(command)) is Refusal.INVALID
    assert (rig.wallet().balance, len(rig.records())) == (10 * EUR, 1)


def test_refusals_of_the_wallet_and_of_the_amount() -> None:
    rig = rig_with()
    rig.snapshot.balance_types["bonus"] = replace(
        rig.snapshot.balance_types["bonus"], maximum=100, maximum_policy=MaximumPolicy.CAP
    )
    asked = {
        Refusal.UNKNOWN_WALLET: adjust(1, wallet="nobody"),
        Refusal.UNIT_MISMATCH: adjust(1, unit="USD"),
        Refusal.AMOUNT_OUT_OF_RANGE: adjust(101, balance_type="bonus"),
        Refusal.INSUFFICIENT_FUNDS: adjust(-1, balance_type="bonus"),
    }
    assert {why: refusal(rig.ask(command)) for why, command in asked.items()} == {why: why for why in asked}
    assert refusal(rig.ask(adjust(2**63))) is Refusal.AMOUNT_OUT_OF_RANGE
    assert len(rig.records()) == 1


def test_out_never_goes_below_what_sessions_hold() -> None:
    """A call holds some of the 10 euros: all of the rest may go, and not a step more."""
    rig = rig_with()
    granted(rig.ask(authorize(ask=60 * SECOND)))
    held = rig.wallet().held
    assert held == 600_000  # 0.4 + 0.2 for the first minute
    assert refusal(rig.ask(adjust(-10 * EUR + held - 1))) is Refusal.INSUFFICIENT_FUNDS
    assert told(rig.ask(adjust(-10 * EUR + held))).balance == held
    rig.ask(stop(seconds=60))
    assert rig.wallet().balance == 0
    rig.proved()


@pytest.mark.parametrize(("limit", "floor"), [(LimitType.CREDIT, -5 * EUR), (LimitType.DEBIT, 0)])
def test_out_never_goes_below_the_limit(limit: LimitType, floor: int) -> None:
    snapshot = demo_snapshot()
    snapshot.balance_types["cash"] = BalanceType("cash", "EUR", 10, limit_type=limit)
    rig = rig_with(opening=EUR, credit=5 * EUR, snapshot=snapshot)
    assert refusal(rig.ask(adjust(floor - EUR - 1))) is Refusal.INSUFFICIENT_FUNDS
    assert told(rig.ask(adjust(floor - EUR))).balance == floor
    rig.proved()


def test_what_sessions_past_their_end_hold_is_free_without_a_sweep() -> None:
    """The authorisation of a call that never began holds 0.6 for 60 s."""
    rig = rig_with()
    granted(rig.ask(authorize(ask=60 * SECOND)))
    rig.later(61)
    assert told(rig.ask(adjust(-10 * EUR))).balance == 0
    assert rig.wallet().held == 0
    rig.proved()


def test_out_of_a_bucket_that_expires_is_by_its_number() -> None:
    rig = rig_with()
    expiry = rig.clock + DAY
    assert isinstance(rig.ask(Recharge("api", "1001", "r1", Amount(300, "EUR"), "bonus", expiry=expiry)), Posted)
    assert refusal(rig.ask(adjust(-100, balance_type="bonus"))) is Refusal.INSUFFICIENT_FUNDS
    (bucket,) = [one.id for one in rig.wallet().buckets if one.balance_type == "bonus"]
    done = told(rig.ask(adjust(-100, "a2", balance_type="bonus", bucket=bucket)))
    assert (done.bucket, done.balance) == (bucket, 200)
    assert [one.expiry for one in rig.wallet().buckets if one.id == bucket] == [expiry]
    rig.proved()


def test_units_of_time_are_told_in_their_own_unit() -> None:
    """Of seconds without decimals; money is what it was."""
    snapshot = demo_snapshot()
    snapshot.units["second"] = Unit("second", 0)
    snapshot.balance_types["minutes"] = BalanceType("minutes", "second", 2, service="voice", step=1_000_000)
    rig = rig_with(snapshot=snapshot)
    done = told(rig.ask(adjust(90, balance_type="minutes", unit="second")))
    assert (done.unit, done.decimals, done.amount, done.balance) == ("second", 0, 90, 90)
    assert told(rig.ask(adjust(-30, "a2", balance_type="minutes", unit="second"))).balance == 60
    assert rig.wallet().balance == 10 * EUR
    rig.proved()


@pytest.mark.parametrize(
    ("threshold", "amount", "state"),
    [
        ("", 10**15, "done"),
        ("5", 5 * EUR, "done"),
        ("5", 5 * EUR + 1, "waiting"),
        ("5.0", -5 * EUR - 1, "waiting"),
        ("5", -5 * EUR, "done"),
        ("0", 1, "waiting"),
        ("0.0000009", 1, "waiting"),
        ("1.0000009", EUR, "done"),
        ("1.0000009", EUR + 1, "waiting"),
    ],
)
def test_above_the_threshold_it_is_only_proposed(threshold: str, amount: int, state: str) -> None:
    rig = with_threshold(threshold)
    assert told(rig.ask(adjust(amount))).state == state
    assert rig.wallet().balance == 10 * EUR + (amount if state == "done" else 0)
    rig.proved()


def test_it_is_done_once_when_another_operator_approves() -> None:
    """Restarts between all steps: nothing before, once after."""
    rig = with_threshold("5")
    asked = told(rig.ask(adjust(8 * EUR)))
    assert (asked.state, asked.key, asked.until) == ("waiting", "a1", rig.clock + 7 * DAY)
    rig.restart()
    assert rig.ask(adjust(8 * EUR)) == asked
    assert (rig.wallet().balance, len(rig.records())) == (10 * EUR, 1)
    for same in ("anna", "Anna", "ANNA"):
        assert "another operator" in words(rig.ask(approve(operator=same)))
    rig.restart()
    done = told(rig.ask(approve()))
    assert (done.state, done.second, done.balance, done.record) == ("done", "berta", 18 * EUR, 2)
    rig.restart()
    assert rig.ask(approve()) == done
    assert "waits" in words(rig.ask(approve("ok2")))
    assert "waits" in words(rig.ask(decline()))
    assert rig.ask(adjust(8 * EUR)) == asked
    assert (rig.wallet().balance, len(rig.records())) == (18 * EUR, 2)
    record = rig.records()[-1]
    assert (record.kind, record.request) == ("adjustment", "ok1")
    assert record.note == "operator=anna approved=berta adjustment=a1 reason=ticket 4711"
    rig.proved()


def test_two_approvals_in_one_batch_move_it_once() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    first, second = rig.submit(approve("ok1")), rig.submit(approve("ok2", "carla"))
    rig.turn()
    assert told(first[0]).state == "done"
    assert refusal(second[0]) is Refusal.INVALID
    assert rig.wallet().balance == 18 * EUR
    rig.proved()


def test_proposed_and_approved_in_one_batch() -> None:
    rig = with_threshold("5")
    rig.submit(adjust(8 * EUR))
    rig.submit(approve())
    rig.turn()
    assert rig.wallet().balance == 18 * EUR
    assert rig.store.scan(PROPOSAL, b"", 10) == []
    rig.proved()


def test_a_small_one_may_be_proposed_too() -> None:
    rig = rig_with()
    assert told(rig.ask(adjust(1, proposed=True))).state == "waiting"
    assert told(rig.ask(approve())).balance == 10 * EUR + 1


def test_declined_it_is_never_done_and_the_records_say_so() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    said = told(rig.ask(decline(reason="no such ticket")))
    assert (said.state, said.second) == ("declined", "berta")
    rig.restart()
    assert rig.ask(decline(reason="no such ticket")) == said
    assert "waits" in words(rig.ask(approve()))
    assert rig.wallet().balance == 10 * EUR
    record = rig.records()[-1]
    assert (record.kind, record.postings) == ("adjustment", ())
    assert record.note == "declined=berta operator=anna adjustment=a1 amount=8 EUR reason=no such ticket"
    rig.proved()


def test_who_proposed_it_may_take_it_back() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    assert told(rig.ask(decline(operator="anna"))).state == "declined"


@pytest.mark.parametrize("swept", [False, True])
def test_after_seven_days_it_is_gone(swept: bool) -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    rig.later(WEEK - 1)
    rig.restart()
    assert rig.store.scan(PROPOSAL, b"", 10)
    rig.later(1)
    if swept:
        rig.sweep()
        assert rig.store.scan(PROPOSAL, b"", 10) == []
    assert "waits" in words(rig.ask(approve()))
    assert rig.wallet().balance == 10 * EUR
    rig.proved()


def test_a_second_before_that_it_is_done() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    rig.sweep(WEEK - 1)
    assert told(rig.ask(approve())).balance == 18 * EUR


def test_only_what_could_be_done_is_proposed_and_what_no_longer_can_waits_on() -> None:
    """8 of 10 euros are to go; a call that holds 2.1 meanwhile lets no more than 7.9 go."""
    rig = with_threshold("5")
    assert refusal(rig.ask(adjust(-11 * EUR))) is Refusal.INSUFFICIENT_FUNDS
    assert refusal(rig.ask(adjust(8 * EUR, wallet="nobody"))) is Refusal.UNKNOWN_WALLET
    assert told(rig.ask(adjust(-8 * EUR, "a2"))).state == "waiting"
    granted(rig.ask(authorize(ask=960 * SECOND)))  # 0.4 + 0.2 + 15 x 0.1
    assert rig.wallet().held == 2_100_000
    assert refusal(rig.ask(approve(adjustment="a2"))) is Refusal.INSUFFICIENT_FUNDS
    rig.ask(stop(seconds=0))
    assert told(rig.ask(approve(adjustment="a2"))).balance == 2 * EUR
    rig.proved()


def test_a_quarantined_wallet_takes_none_before_its_release() -> None:
    """A call's price is lost on disk, so its report breaks."""
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    rig.ask(authorize(ask=60 * SECOND))
    for name in [name for name in rig.store.entries if name[0] == PRICE]:
        del rig.store.entries[name]
    rig.restart()
    assert refusal(rig.ask(stop(seconds=60))) is Refusal.INTERNAL_ERROR
    assert refusal(rig.ask(approve())) is Refusal.WALLET_QUARANTINED
    assert refusal(rig.ask(adjust(1, "a2"))) is Refusal.WALLET_QUARANTINED
    rig.ask(ChangeWallet("api", "1001", "free", state="active"))
    assert told(rig.ask(approve())).balance == 18 * EUR


def test_declined_while_the_wallet_is_quarantined_no_record_says_so() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    rig.ask(authorize(ask=60 * SECOND))
    for name in [name for name in rig.store.entries if name[0] == PRICE]:
        del rig.store.entries[name]
    rig.restart()
    rig.ask(stop(seconds=60))
    assert told(rig.ask(decline())).state == "declined"
    assert rig.records()[-1].note == "quarantined"


def test_a_frozen_wallet_takes_it_and_stays_frozen() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    rig.ask(ChangeWallet("api", "1001", "s", state="frozen"))
    assert told(rig.ask(adjust(EUR, "a2"))).balance == 11 * EUR
    assert rig.wallet().state == "frozen"
    assert told(rig.ask(approve())).balance == 19 * EUR


def test_the_unit_s_meaning_may_not_have_changed_meanwhile() -> None:
    rig = with_threshold("5")
    rig.ask(adjust(8 * EUR))
    rig.snapshot.units["EUR"] = Unit("EUR", 2)
    assert refusal(rig.ask(approve())) is Refusal.UNIT_MISMATCH


def test_an_adjustment_is_no_first_use_and_wakes_nobody() -> None:
    snapshot = demo_snapshot()
    snapshot.products["demo", "gold"] = Product("gold")
    rig = Rig(snapshot=snapshot)
    rig.ask(CreateWallet("api", "new", "make", "EUR", product="gold"))
    assert told(rig.ask(adjust(EUR, wallet="new"))).balance == EUR
    assert rig.wallet("new").state == "preuse"


def test_a_terminated_wallet_takes_none() -> None:
    rig = rig_with()
    rig.ask(ChangeWallet("api", "1001", "end", state="terminated"))
    assert refusal(rig.ask(adjust(EUR))) is Refusal.WALLET_EXPIRED


def test_the_threshold_is_the_wallet_s_own_tenant_s() -> None:
    snapshot: DictSnapshot = demo_snapshot()
    snapshot.tenants.append("other")
    snapshot.tenant_rules["other"] = Rules(adjust=AdjustRules("1"))
    rig = Rig(snapshot=snapshot)
    for tenant in ("demo", "other"):
        rig.ask(CreateWallet("api", f"w-{tenant}", f"make-{tenant}", "EUR", tenant=tenant))
    states = [told(rig.ask(adjust(2 * EUR, f"a-{one}", wallet=f"w-{one}"))).state for one in ("demo", "other")]
    assert states == ["done", "waiting"]
