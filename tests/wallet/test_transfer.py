"""Drained buckets; transfers between two wallets: a table, refusals by side, invariants over random wallets."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from tollhouse.snapshot.accounts import BalanceType, Category, LimitType, MaximumPolicy
from tollhouse.snapshot.rules import RechargeRules, WalletRules
from tollhouse.values.instants import DAY, Instant
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use
from tollhouse.wallet import funds
from tollhouse.wallet.state import Bucket, Posting, Wallet
from tollhouse.wallet.transfer import Stopped, Transferred, cleared, drained, transfer, worth

NOW = 100 * DAY
BONUS = BalanceType("bonus", "EUR", 1)
CASH = BalanceType("cash", "EUR", 10)


def wallet(name: str, main: int, *others: Bucket, held: int = 0, credit: int = 0, state: str = "active") -> Wallet:
    """A wallet of these buckets and a main one, which pays last."""
    buckets = (*others, Bucket(1, "cash", main, held, order=10))
    return Wallet(name, "t", "EUR", 6, credit, buckets, state, next_bucket=len(others) + 2)


def bonus(number: int, value: int, expiry: Instant = 0, held: int = 0) -> Bucket:
    return Bucket(number, "bonus", value, held, expiry=expiry, order=1)


def moved(source: Wallet, target: Wallet, kind: BalanceType, amount: int) -> Transferred:
    result = transfer(source, target, kind, amount, RechargeRules(), NOW)
    assert isinstance(result, Transferred), result
    return result


def refused(source: Wallet, target: Wallet, kind: BalanceType, amount: int) -> tuple[int, Refusal]:
    result = transfer(source, target, kind, amount, RechargeRules(), NOW)
    assert isinstance(result, Stopped), result
    return result.line, result.refusal


def values(after: Wallet) -> dict[int, tuple[int, Instant]]:
    """Bucket -> (value, expiry)."""
    return {bucket.id: (bucket.value, bucket.expiry) for bucket in after.buckets}


def test_money_goes_with_its_dates_the_soonest_first() -> None:
    """25 of 10 (soon), 20 (later): 10 and 15; the target has a bucket of the later date, and gets one of the other."""
    soon, later = NOW + DAY, NOW + 9 * DAY
    source = wallet("a", 7, bonus(2, 10, soon), bonus(3, 20, later))
    result = moved(source, wallet("b", 0, bonus(2, 1, later)), BONUS, 25)
    assert values(result.source) == {2: (0, soon), 3: (5, later), 1: (7, 0)}
    assert values(result.target) == {3: (10, soon), 2: (16, later), 1: (0, 0)}
    assert result.taken == (Posting(2, -10, "transfer"), Posting(3, -15, "transfer"))
    assert result.given == (Posting(3, 10, "transfer"), Posting(2, 15, "transfer"))
    assert (result.source_old, result.source_new, result.target_old, result.target_new) == (30, 5, 1, 26)


def test_cash_goes_from_main_bucket_to_main_bucket_and_pays_a_debt() -> None:
    result = moved(wallet("a", 100), wallet("b", -30), CASH, 50)
    assert (values(result.source), values(result.target)) == ({1: (50, 0)}, {1: (20, 0)})


def test_neither_held_money_nor_credit_goes() -> None:
    """100 of which 40 are held: 60 go, and not 61, whatever the credit limit."""
    source = wallet("a", 100, held=40, credit=500)
    assert moved(source, wallet("b", 0), CASH, 60).source.buckets[0] == Bucket(1, "cash", 40, 40, order=10)
    assert refused(source, wallet("b", 0), CASH, 61) == (1, Refusal.INSUFFICIENT_FUNDS)


@pytest.mark.parametrize(
    "unusable",
    [
        bonus(2, 9, NOW),
        Bucket(2, "bonus", 9, start=NOW + 1, order=1),
        Bucket(2, "bonus", 9, order=1, use=Use(disabled=True)),
        Bucket(2, "bonus", 9, order=1, unit="S", service="voice"),
    ],
)
def test_money_that_may_not_be_used_does_not_go(unusable: Bucket) -> None:
    assert refused(wallet("a", 100, unusable), wallet("b", 0), BONUS, 1) == (1, Refusal.INSUFFICIENT_FUNDS)


def test_money_keeps_its_use() -> None:
    use = Use(destinations=("DE",))
    restricted = Bucket(2, "bonus", 9, weight=3, order=1, use=use)
    after = moved(wallet("a", 0, restricted), wallet("b", 0, bonus(2, 1)), BONUS, 9).target
    assert after.buckets[0] == Bucket(3, "bonus", 9, weight=3, order=1, use=use)


@pytest.mark.parametrize("policy", [MaximumPolicy.REFUSE, MaximumPolicy.CAP])
def test_limits_of_both_sides(policy: MaximumPolicy) -> None:
    """At least 10 stay in 30; at most 25 come to be in 5."""
    least = msgspec.structs.replace(CASH, minimum=10)
    most = msgspec.structs.replace(CASH, maximum=25, maximum_policy=policy)
    source, target = wallet("a", 30), wallet("b", 5)
    assert moved(source, target, least, 20).source_new == 10
    assert refused(source, target, least, 21) == (1, Refusal.INSUFFICIENT_FUNDS)
    assert moved(source, target, most, 20).target_new == 25
    assert refused(source, target, most, 21) == (2, Refusal.AMOUNT_OUT_OF_RANGE)
    told = msgspec.structs.replace(most, maximum_policy=MaximumPolicy.ALLOW)
    assert moved(source, target, told, 21).target_new == 26
    full = wallet("b", 2**63 - 1)
    assert refused(source, full, CASH, 1) == (2, Refusal.AMOUNT_OUT_OF_RANGE)


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("suspended", "active", (1, Refusal.WALLET_SUSPENDED)),
        ("frozen", "active", (1, Refusal.WALLET_SUSPENDED)),
        ("preuse", "active", (1, Refusal.WALLET_SUSPENDED)),
        ("terminated", "active", (1, Refusal.WALLET_EXPIRED)),
        ("quarantined", "active", (1, Refusal.WALLET_QUARANTINED)),
        ("active", "terminated", (2, Refusal.WALLET_EXPIRED)),
        ("active", "quarantined", (2, Refusal.WALLET_QUARANTINED)),
    ],
)
def test_states_that_bar(source: str, target: str, why: tuple[int, Refusal]) -> None:
    assert refused(wallet("a", 9, state=source), wallet("b", 0, state=target), CASH, 1) == why


def test_a_target_that_is_not_used_yet_is_to_be_activated_or_refuses() -> None:
    source, target = wallet("a", 9, state="dormant"), wallet("b", 0, state="preuse")
    assert moved(source, target, CASH, 1).activates
    result = transfer(source, target, CASH, 1, RechargeRules(activates_preuse=False), NOW)
    assert isinstance(result, Stopped)
    assert (result.line, result.refusal) == (2, Refusal.WALLET_SUSPENDED)
    assert not moved(source, wallet("b", 0, state="suspended"), CASH, 1).activates


def test_what_makes_no_sense_is_refused() -> None:
    source, target = wallet("a", 9), wallet("b", 0)
    for amount in (0, -1):
        assert refused(source, target, CASH, amount) == (0, Refusal.INVALID)
    assert refused(source, source, CASH, 1) == (0, Refusal.INVALID)
    assert refused(source, target, msgspec.structs.replace(CASH, limit_type=LimitType.SINGLE_USE), 1)[0] == 0
    assert refused(source, target, msgspec.structs.replace(CASH, category=Category.TRACKER), 1)[0] == 0
    pounds = msgspec.structs.replace(target, unit="GBP")
    assert refused(source, pounds, CASH, 1) == (2, Refusal.UNIT_MISMATCH)
    cents = msgspec.structs.replace(target, decimals=2)
    assert refused(source, cents, CASH, 1) == (2, Refusal.UNIT_MISMATCH)


@pytest.mark.parametrize(
    ("clears", "deletes", "left"),
    [(True, True, {3, 1}), (True, False, {2, 3, 1}), (False, True, {2, 3, 1}), (False, False, {2, 3, 1})],
)
def test_case_100_drained_buckets(clears: bool, deletes: bool, left: set[int]) -> None:
    """All of 60, and an empty bucket beside; left to expiry it goes with the next, without these rules never."""
    before = wallet("w", 0, bonus(2, 60), bonus(3, 0))
    spent = funds.take(before, (), 60, NOW, debt=False).wallet
    rules = WalletRules(clears_empty_buckets=clears, deletes_cleared_buckets=deletes)
    after = cleared(spent, drained(spent, {2}), rules, NOW)
    assert set(values(after)) == left
    assert set(values(funds.expire(after, NOW)[0])) == ({3, 1} if clears else {2, 3, 1})
    assert (after == spent) is not clears


def test_case_100_a_bucket_that_is_not_drained_stays() -> None:
    """Of 60 and 5, 59 and then 65 are taken; on credit something is held of nothing."""
    before = wallet("w", 5, bonus(2, 60))
    for used, empty in ((59, set()), (65, {2})):
        assert drained(funds.take(before, (), used, NOW, debt=False).wallet, {2, 1}) == empty
    assert drained(wallet("w", 5, bonus(2, 0, held=7)), {2}) == set()
    assert drained(wallet("w", 5, bonus(2, -7)), {2}) == set()


def test_case_100_what_is_more_than_its_value_stays() -> None:
    """A counter, a member's share of a group, and a blocker say something when they are empty, too."""
    counter = msgspec.structs.replace(bonus(2, 0), idle=True, unit="EUR")
    member = msgspec.structs.replace(bonus(3, 0), use=Use(groups=("family",)))
    blocker = msgspec.structs.replace(bonus(4, 0), use=Use(blocker=True))
    bound = msgspec.structs.replace(bonus(5, 0), use=Use(destinations=("DST_UK",)))
    assert drained(wallet("w", 0, counter, member, blocker, bound), {1, 2, 3, 4, 5}) == {5}


def random_wallet(name: str, dice: Random) -> Wallet:
    """Four buckets, some past their date, partly held; a main bucket that may be in debt."""
    made = []
    for number in range(2, 6):
        value = dice.randrange(30)
        made.append(bonus(number, value, NOW + dice.randrange(-1, 4) * DAY, dice.randint(0, value)))
    return wallet(name, dice.randrange(-20, 60), *made)


@pytest.mark.parametrize("seed", range(20))
def test_random_transfers_make_no_money_and_lengthen_no_date(seed: int) -> None:
    """Per expiry date the two wallets together have what they had; holds stay; a refused transfer lacked something."""
    dice = Random(seed)
    for _ in range(200):
        source, target = random_wallet("a", dice), random_wallet("b", dice)
        amount = dice.randrange(1, 60)
        result = transfer(source, target, BONUS, amount, RechargeRules(), NOW)
        free = sum(b.value - b.held for b in source.buckets if b.balance_type == "bonus" and b.usable(NOW))
        assert isinstance(result, Transferred) is (amount <= free)
        if isinstance(result, Stopped):
            continue
        assert dated(source, target) == dated(result.source, result.target)
        assert sum(one.amount for one in result.given) == amount == -sum(one.amount for one in result.taken)
        assert worth(result.source, "bonus") == worth(source, "bonus") - amount
        for before, after in ((source, result.source), (target, result.target)):
            holds = {bucket.id: bucket.held for bucket in before.buckets}
            assert all(bucket.held == holds.get(bucket.id, 0) for bucket in after.buckets)
            assert all(bucket.value >= bucket.held for bucket in after.buckets if bucket.id != 1)
            assert len({bucket.id for bucket in after.buckets}) == len(after.buckets)


def dated(*wallets: Wallet) -> dict[Instant, int]:
    """What the wallets have together by expiry date."""
    sums: dict[Instant, int] = {}
    for one in wallets:
        for bucket in one.buckets:
            sums[bucket.expiry] = sums.get(bucket.expiry, 0) + bucket.value
    return sums
