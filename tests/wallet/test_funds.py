"""Hold, take, give back, expire: an accountant's table each, and invariants over random steps."""

from __future__ import annotations

from random import Random

import pytest

from tollhouse.snapshot.accounts import BalanceType
from tollhouse.wallet import funds
from tollhouse.wallet.state import Bucket, Lines, Posting, Wallet, new_wallet
from tollhouse.wallet.transfer import place_like, posted

NOW = 1000
BONUS = Bucket(2, "bonus", 15, order=1, expiry=2000)
EXTRA = Bucket(3, "bonus", 35, order=1)
BONUS_TYPE = BalanceType("bonus", "EUR", 1)


def wallet(main: int, *others: Bucket, credit: int = 0, held: int = 0) -> Wallet:
    """A wallet with so much in its main bucket, which pays last."""
    return Wallet("w", "t", "EUR", 6, credit, (*others, Bucket(1, "cash", main, held, order=10)))


def figures(after: Wallet) -> dict[int, tuple[int, int]]:
    """Bucket -> (value, held)."""
    return {bucket.id: (bucket.value, bucket.held) for bucket in after.buckets}


@pytest.mark.parametrize(
    ("before", "free"),
    [
        (wallet(0), 0),
        (wallet(100), 100),
        (wallet(100, held=60), 40),
        (wallet(100, BONUS, EXTRA), 150),
        (wallet(100, Bucket(2, "bonus", 15, start=NOW + 1)), 100),
        (wallet(100, Bucket(2, "bonus", 15, start=NOW)), 115),
        (wallet(100, Bucket(2, "bonus", 15, expiry=NOW)), 100),
        (wallet(100, Bucket(2, "bonus", 15, expiry=NOW + 1)), 115),
        (wallet(0, credit=50), 50),
        (wallet(-20, credit=50), 30),
        (wallet(-60, credit=50), 0),
        (wallet(-60, EXTRA, credit=50), 35),
        (wallet(10, credit=50, held=60), 0),
    ],
)
def test_available(before: Wallet, free: int) -> None:
    assert funds.available(before, NOW) == free
    held = funds.hold(before, free, NOW)
    assert held is not None
    assert funds.available(held[0], NOW) == 0
    assert funds.hold(before, free + 1, NOW) is None


@pytest.mark.parametrize(
    ("amount", "lines"),
    [
        (0, ()),
        (10, ((2, 10),)),
        (15, ((2, 15),)),
        (60, ((2, 15), (3, 35), (1, 10))),
        (226, ((2, 15), (3, 35), (1, 176))),
        (236, ((2, 15), (3, 35), (1, 176), (funds.CREDIT, 10))),
    ],
)
def test_holds_follow_the_cascade_credit_last(amount: int, lines: Lines) -> None:
    """Oracle 46: 41 holds 15 + 35, 40 holds 176."""
    before = wallet(176, BONUS, EXTRA, credit=20)
    held = funds.hold(before, amount, NOW)
    assert held is not None
    assert held[1] == lines
    assert funds.give_back(held[0], held[1]) == before


def test_a_charge_of_60_over_the_cascade() -> None:
    """Oracle 46: buckets end 0, 0, 166."""
    before = wallet(176, BONUS, EXTRA)
    taken = funds.take(before, (), 60, NOW, debt=False)
    assert figures(taken.wallet) == {2: (0, 0), 3: (0, 0), 1: (166, 0)}
    assert taken.postings == (Posting(2, -15, "revenue"), Posting(3, -35, "revenue"), Posting(1, -10, "revenue"))


@pytest.mark.parametrize(
    ("amount", "debt", "main", "lines", "overdrawn", "forgone"),
    [
        (0, True, (100, 60), ((1, 60),), 0, 0),
        (45, True, (55, 15), ((1, 15),), 0, 0),
        (60, True, (40, 0), (), 0, 0),
        (100, True, (0, 0), (), 0, 0),
        (130, True, (-30, 0), (), 30, 0),
        (130, False, (0, 0), (), 0, 30),
    ],
)
def test_taken_from_what_is_held_then_free_then_debt_or_not_at_all(
    amount: int, debt: bool, main: tuple[int, int], lines: Lines, overdrawn: int, forgone: int
) -> None:
    taken = funds.take(wallet(100, held=60), ((1, 60),), amount, NOW, debt=debt)
    assert figures(taken.wallet) == {1: main}
    assert (taken.lines, taken.overdrawn, taken.forgone) == (lines, overdrawn, forgone)


def test_another_sessions_hold_is_not_touched() -> None:
    """100, of which 60 are another's: 40 are free, the rest is debt."""
    taken = funds.take(wallet(100, held=60), (), 70, NOW, debt=True)
    assert (figures(taken.wallet), taken.overdrawn) == ({1: (30, 60)}, 30)


def test_held_money_is_good_after_its_expiry_and_free_money_is_not() -> None:
    before = wallet(0, Bucket(2, "bonus", 50, 20, expiry=NOW))
    after, postings = funds.expire(before, NOW)
    assert (figures(after), postings) == ({2: (20, 20), 1: (0, 0)}, (Posting(2, -30, "expiry"),))
    taken = funds.take(after, ((2, 20),), 20, NOW, debt=True)
    assert (figures(taken.wallet)[2], taken.overdrawn) == ((0, 0), 0)
    assert figures(funds.expire(taken.wallet, NOW)[0]) == {1: (0, 0)}


def test_a_refund_goes_to_the_main_bucket_and_pays_debts() -> None:
    after, postings = funds.credit(wallet(-30, BONUS), 50, "revenue")
    assert (figures(after)[1], postings) == ((20, 0), (Posting(1, 50, "revenue"),))


@pytest.mark.parametrize(
    ("big", "fits"),
    [
        (wallet(2**63 - 1), True),
        (wallet(2**63), False),
        (wallet(2**63 - 1, credit=1), False),
        (wallet(2**63 - 1, Bucket(2, "bonus", 1)), False),
        (wallet(-(2**63)), True),
        (wallet(-(2**63) - 1), False),
        (wallet(-(2**63), Bucket(2, "bonus", 2**63 - 1)), True),
    ],
)
def test_range(big: Wallet, fits: bool) -> None:
    assert big.in_range() is fits


@pytest.mark.parametrize("seed", range(20))
def test_random_steps_keep_the_books(seed: int) -> None:
    """Postings sum to what the balance moved; holds are what sessions hold; without debt nobody is below his limit."""
    dice = Random(seed)
    state = new_wallet("w", "t", "EUR", 6, 30, 10)
    sessions: list[Lines] = []
    for now in range(300):
        before, postings = state.balance(), ()
        step = dice.randrange(6)
        if step == 0:
            expiry = dice.choice((0, now + dice.randrange(1, 60)))
            wanted = Bucket(0, "bonus", 0, expiry=expiry, weight=dice.randrange(2))
            state, place = place_like(state, BONUS_TYPE, wanted, now)
            postings = (Posting(place, dice.randrange(1, 50), "issue"),)
            state = posted(state, postings)
        elif step == 1 and (held := funds.hold(state, dice.randrange(1, 40), now)) is not None:
            state, lines = held
            sessions.append(lines)
        elif step == 2 and sessions:
            lines = sessions.pop(dice.randrange(len(sessions)))
            taken = funds.take(state, lines, dice.randrange(60), now, debt=False)
            state, postings = funds.give_back(taken.wallet, taken.lines), taken.postings
        elif step == 3:
            state, postings = funds.expire(state, now)
        elif step == 4 and sessions:
            state = funds.give_back(state, sessions.pop())
        elif step == 5:
            state, postings = funds.credit(state, dice.randrange(5), "revenue")
        assert state.balance() - before == sum(posting.amount for posting in postings)
        assert state.held() == sum(amount for lines in sessions for _, amount in lines)
        assert all(bucket.value >= bucket.held >= 0 for bucket in state.buckets if bucket.id != 1)
        assert all(bucket.value + 30 >= bucket.held for bucket in state.buckets)


@pytest.mark.parametrize(
    ("paid", "amount", "values", "left"),
    [
        (((2, 10), (1, 30)), 25, {2: 15, 3: 35, 1: 25}, ((2, 10), (1, 5))),  # cash paid last: it comes first
        (((2, 10), (1, 30)), 40, {2: 25, 3: 35, 1: 30}, ()),
        (((1, 30), (3, 10)), 15, {2: 15, 3: 45, 1: 5}, ((1, 25),)),
        (((1, 5), (3, 10), (1, 8)), 20, {2: 15, 3: 45, 1: 10}, ((1, 3),)),  # 8, 10, and 2 of what it paid first
        (((1, 5), (funds.CREDIT, 8)), 9, {2: 15, 3: 35, 1: 9}, ((1, 4),)),  # credit is the main bucket's
        (((9, 10), (2, 5)), 15, {2: 20, 3: 35, 1: 10}, ()),  # bucket 9 is spent and gone
        (((2, 5), (9, 10)), 12, {2: 17, 3: 35, 1: 10}, ((2, 3),)),  # what it paid comes first all the same
        ((), 7, {2: 15, 3: 35, 1: 7}, ()),  # a session of an older release does not say
    ],
)
def test_paid_back_to_where_it_came_from(paid: Lines, amount: int, values: dict[int, int], left: Lines) -> None:
    before = wallet(0, BONUS, EXTRA)
    after, stays, back = funds.pay_back(before, paid, amount)
    assert {bucket.id: bucket.value for bucket in after.buckets} == values
    assert stays == left
    assert sum(given for _, given in back) == amount == after.balance() - before.balance()


def test_credit_that_is_held_pays_before_fresh_credit() -> None:
    """Bucket 2 has 100, all held, and 500 of the main bucket's credit are held: 600 take both, and nothing stays."""
    buckets = (Bucket(2, "bonus", 100, 100), Bucket(1, "cash", 0, 500))
    before = Wallet("w", "t", "EUR", 6, 1_000_000, buckets, next_bucket=3)
    taken = funds.take(before, ((2, 100), (funds.CREDIT, 500)), 600, 0, True, (2, funds.CREDIT))
    assert (taken.lines, taken.overdrawn) == ((), 0)
    assert figures(taken.wallet) == {2: (0, 0), 1: (-500, 0)}


@pytest.mark.parametrize(("debt", "value", "overdrawn", "forgone"), [(True, -5, 5, 0), (False, 0, 0, 5)])
def test_held_credit_is_only_for_what_is_paid_on_credit(debt: bool, value: int, overdrawn: int, forgone: int) -> None:
    """10 of the main bucket and 20 of its credit are held, each for a part of a call. The first part comes to 15: it
    takes its 10, the 5 are owed or not taken; the 20 stay held for the other part."""
    before = wallet(10, credit=20, held=30)
    taken = funds.take(before, ((1, 10), (funds.CREDIT, 20)), 15, NOW, debt, (1,))
    assert (taken.lines, taken.overdrawn, taken.forgone) == (((funds.CREDIT, 20),), overdrawn, forgone)
    assert figures(taken.wallet) == {1: (value, 20)}


def test_what_is_held_pays_though_a_debt_came_between() -> None:
    """10 of the main bucket were held when another session's debt of 8 left 2 there: they pay all the same."""
    taken = funds.take(wallet(2, credit=20, held=10), ((1, 10),), 10, NOW, True, (1,))
    assert (taken.lines, taken.overdrawn, figures(taken.wallet)) == ((), 0, {1: (-8, 0)})


def test_who_paid_is_told_in_the_order_of_paying() -> None:
    """3 of the main bucket, 10 of a bonus, then 7 on the main bucket's credit: two postings, three payers in turn."""
    before = Wallet("w", "t", "EUR", 6, 50, (Bucket(1, "cash", 3), Bucket(2, "bonus", 10)))
    taken = funds.take(before, (), 20, NOW, debt=False)
    assert taken.paid == ((1, 3), (2, 10), (funds.CREDIT, 7))
    assert taken.postings == (Posting(1, -10, "revenue"), Posting(2, -10, "revenue"))
