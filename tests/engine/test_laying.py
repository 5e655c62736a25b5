"""Who pays what, worked out by hand: the requirement's own examples and the corners that random wallets seldom meet."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace
from tests.engine.paying_rig import Paying, priced
from tests.snapshot_dict import interval

from tollhouse.engine.limits import Share
from tollhouse.snapshot.products import Cascade, Product
from tollhouse.snapshot.tariff import Interval, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, MINUTE, SECOND, Instant, parse_instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Timing, Use
from tollhouse.wallet.funds import free
from tollhouse.wallet.state import Bucket, Wallet

NOON = parse_instant("2026-11-26T12:00:00Z")
EUR = 1_000_000
A_SECOND = interval(Slot(0, 0, 1, 0, SECOND, SECOND), decimals=0, rounding=Rounding.MIDDLE)
"""1 a second."""
MAIN, ONE, TWO, THREE = 1, 2, 3, 4


def cgrates(*slots: Slot, places: int = 6, rounding: Rounding = Rounding.MIDDLE, decimals: int = 4) -> tuple[Interval]:
    """An interval in CGRateS's price mode."""
    return (replace(interval(*slots, rounding=rounding, decimals=decimals), places=places),)


def slot(price: int, scale: int, unit: int, increment: int, fee: int = 0, start: int = 0) -> Slot:
    """Times in seconds; fee and price over 10^scale."""
    return Slot(start * SECOND, fee, price, scale, unit * SECOND, increment * SECOND)


def wallet(*others: Bucket, main: int = 0, credit: int = 0, decimals: int = 0, order: int = 10) -> Wallet:
    """The main bucket stands last unless its order says otherwise; the others are given in their order."""
    rows = (*others, Bucket(MAIN, "cash", main, order=order))
    turns = sorted(rows, key=lambda one: (one.order, -one.weight, one.expiry or 2**63, one.id))
    return Wallet("w", "demo", "EUR", decimals, credit, tuple(turns), next_bucket=9)


def seconds(id_: int, value: int, subject: str = "", weight: int = 0, **use: object) -> Bucket:
    """Units of voice, a step a second; they stand before all money."""
    made = replace(Use(subject=subject), **use)
    return Bucket(id_, "time", value, weight=weight, order=1, unit="second", service="voice", step=SECOND, use=made)


def money(id_: int, value: int, weight: int = 0, order: int = 5, **use: object) -> Bucket:
    """Money that pays for everything unless something is said of its use."""
    return Bucket(id_, "bonus", value, weight=weight, order=order, use=replace(Use(), **use) if use else None)


def call(paid_by: Wallet, *own: Interval, began: Instant = NOON, **subjects: tuple[Interval, ...]) -> Paying:
    """A call to 4420."""
    decimals = paid_by.decimals
    return Paying(priced({"*any": own or (A_SECOND,), **subjects}, "44", decimals), paid_by, "4420", began)


HUNDRED = cgrates(slot(100, 0, 1, 10))
ONE_A_SECOND = cgrates(slot(1, 0, 1, 10))


@pytest.mark.parametrize(
    ("fact", "buckets", "usage", "left"),
    [
        ("acct-032", [seconds(ONE, 10, "*zero1s")], 10, {ONE: 0}),
        ("acct-033: one whole minute", [seconds(ONE, 70, "*zero1m")], 10, {ONE: 10}),
        (
            "acct-034: by weight 10 s of seconds, then a minute for the other 10",
            [seconds(ONE, 70, "*zero1m", 5), seconds(TWO, 10, "*zero1s", 10)],
            20,
            {ONE: 10, TWO: 0},
        ),
        ("acct-035: 80 s are two minutes", [seconds(ONE, 150, "*zero1m")], 80, {ONE: 30}),
        (
            "acct-036: one minute, the second does not fit in 10 s, 20 s of seconds",
            [seconds(ONE, 70, "*zero1m", 10), seconds(TWO, 150, "*zero1s", 5)],
            80,
            {ONE: 10, TWO: 130},
        ),
    ],
)
def test_whole_increments_of_units_cost_nothing_else(
    fact: str, buckets: list[Bucket], usage: int, left: dict[int, int]
) -> None:
    paying = call(wallet(*buckets, main=21 * EUR, decimals=6), *HUNDRED)
    paying.use(usage * SECOND)
    assert paying.values() == {**left, MAIN: 21 * EUR}, fact


def test_acct_037_units_with_a_price_need_both() -> None:
    """70 s at 1 a second in steps of 10 s: 250 - 70 seconds, 350 - 70."""
    paying = call(wallet(seconds(ONE, 250, "minu"), main=350 * EUR, decimals=6), *ONE_A_SECOND, minu=ONE_A_SECOND)
    paying.use(70 * SECOND)
    assert paying.values() == {ONE: 180, MAIN: 280 * EUR}


def test_acct_038_money_with_a_price_of_its_own() -> None:
    own = money(ONE, 75 * EUR, subject="minu", destinations=("DST",))
    paying = call(wallet(own, decimals=6), *HUNDRED, minu=ONE_A_SECOND)
    paying.use(70 * SECOND)
    assert paying.values() == {ONE: 5 * EUR, MAIN: 0}


PACKAGE = cgrates(slot(0, 2, 20, 20, fee=1), rounding=Rounding.UP, decimals=8)
"""A fee of 0.01, then nothing, in steps of 20 s."""
TENTH = cgrates(slot(10, 2, 1, 1, fee=1), rounding=Rounding.UP, decimals=8)


def test_acct_007_five_seconds_take_a_whole_increment() -> None:
    """Granted 5 s, charged 5 s: 20 of the 40 seconds, and the fee."""
    paying = call(wallet(seconds(ONE, 40, "package"), main=EUR, decimals=6), *TENTH, package=PACKAGE)
    assert paying.grant(5 * SECOND).reach == 20 * SECOND
    paying.use(5 * SECOND)
    paying.end()
    assert paying.values() == {ONE: 20, MAIN: 990_000}


@pytest.mark.parametrize(
    ("fact", "others", "main", "left"),
    [
        ("acct-051", [], 10 * EUR, {ONE: 20, MAIN: 9_990_000}),
        ("acct-052", [money(TWO, 0)], 0, {ONE: 20, TWO: 0, MAIN: -10_000}),
        ("acct-053", [], 0, {ONE: 20, MAIN: -10_000}),
    ],
)
def test_the_fee_of_units_is_money_or_a_debt(fact: str, others: list[Bucket], main: int, left: dict[int, int]) -> None:
    """10 s took place: 20 of the bucket's 40 seconds, 0.01 from money, or, where there is none, owed."""
    paying = call(wallet(seconds(ONE, 40, "package"), *others, main=main, decimals=6), *TENTH, package=PACKAGE)
    paying.use(10 * SECOND)
    assert paying.values() == left, fact
    assert paying.session.posted == 10_000


def test_what_units_cost_is_not_granted_without_money() -> None:
    """The rule of acct-053 before the fact: nothing pays the fee, so nothing is granted."""
    paying = call(wallet(seconds(ONE, 40, "package"), decimals=6), *TENTH, package=PACKAGE)
    assert paying.grant(10 * SECOND).reach == 0


def test_sess_003_minutes_and_money_held_and_given_back() -> None:
    """90 s: a minute of the bucket for 0.01; the next does not fit in its 30 s, so money pays 30 s of the second slot
    without a fee, 30 x 0.00167 = 0.0501. In all 0.0601 of 8.80. After 60 s 0.01 is due and the rest comes back."""
    twenty = cgrates(slot(20, 2, 60, 60, fee=40), slot(10, 2, 60, 1, start=60), places=5, rounding=Rounding.UP)
    special = cgrates(slot(1, 2, 60, 60), places=5, rounding=Rounding.UP)
    buckets = (
        seconds(ONE, 90, "SPECIAL_1002", 20, destinations=("DST",)),
        seconds(THREE, 60, weight=20, destinations=("DST_1003",)),
        money(TWO, 3_800_000, weight=10, order=10),
    )
    before = wallet(*buckets, main=5 * EUR, decimals=6)
    before = replace(before, buckets=tuple(replace(b, weight=20) if b.id == MAIN else b for b in before.buckets))
    began = parse_instant("2016-01-05T18:31:05Z")
    paying = call(before, *twenty, began=began, SPECIAL_1002=special)
    assert paying.grant(90 * SECOND).reach == 90 * SECOND
    held = {bucket.id: bucket.held for bucket in paying.wallet.buckets}
    assert held[ONE] == 60
    assert paying.wallet.balance() - paying.wallet.held() == 8_739_900
    paying.use(60 * SECOND)
    paying.end()
    assert paying.values()[ONE] == 30
    assert paying.values()[THREE] == 60
    assert paying.wallet.balance() == 8_790_000
    assert paying.wallet.held() == 0


def test_case_46_a_charge_over_the_cascade() -> None:
    """Types 41 (15 + 35) and 40 (176): 60 leaves 0, 0 and 166."""
    buckets = (Bucket(ONE, "41", 15, order=9), Bucket(TWO, "41", 35, order=9))
    before = replace(wallet(*buckets, main=176, order=1), product="p")
    before = replace(before, buckets=tuple(replace(b, balance_type="40") if b.id == 1 else b for b in before.buckets))
    snapshot = priced({"*any": (A_SECOND,)}, "44", 0)
    snapshot.cascades["demo", "c"] = Cascade("c", ("41", "40"))
    snapshot.products["demo", "p"] = Product("p", cascades=(("voice", "c"),))
    paying = Paying(snapshot, before, "4420", NOON)
    assert paying.grant(60 * SECOND).lines == ((ONE, 15), (TWO, 35), (MAIN, 10))
    paying.use(60 * SECOND)
    assert paying.values() == {ONE: 0, TWO: 0, MAIN: 166}
    assert paying.session.paid == ((ONE, 15), (TWO, 35), (MAIN, 10))


@pytest.mark.parametrize("credit", [0, 50])
@pytest.mark.parametrize("bucket", [money(ONE, 5), money(ONE, 5, destinations=("DST",)), seconds(ONE, 5)])
def test_what_the_cascade_does_not_name_does_not_pay(bucket: Bucket, credit: int) -> None:
    """Only the bucket of 5 pays, though there are 100 in cash and a credit limit; but 3 more took place."""
    before = replace(wallet(bucket, main=100, credit=credit), product="p")
    snapshot = priced({"*any": (A_SECOND,)}, "44", 0)
    snapshot.cascades["demo", "c"] = Cascade("c", ("bonus", "time"))
    snapshot.products["demo", "p"] = Product("p", cascades=(("voice", "c"),))
    paying = Paying(snapshot, before, "4420", NOON)
    assert paying.grant(HOUR).reach == 5 * SECOND
    paying.use(8 * SECOND)
    assert paying.values() == {ONE: 0, MAIN: 97}


def test_section_5_7_the_worked_session() -> None:
    """60 s free, then 1.8 a second out of 500, rounded to whole units once: 278 s are 500.4 -> 500, 279 s 502."""
    price = interval(slot(18, 1, 1, 1), decimals=0, rounding=Rounding.MIDDLE)
    paying = call(wallet(seconds(ONE, 60), main=500), price)
    laid = paying.grant(HOUR)
    assert laid.reach == 338 * SECOND
    assert laid.lines == ((ONE, 60), (MAIN, 500))
    paying.use(200 * SECOND)
    assert paying.moved() == {ONE: 60, MAIN: 252}
    laid = paying.grant(HOUR)
    assert laid.reach == 338 * SECOND
    assert laid.lines == ((MAIN, 248),)
    paying.use(250 * SECOND)
    paying.end()
    assert paying.values() == {ONE: 0, MAIN: 158}


@pytest.mark.parametrize(
    ("part", "balance", "grants"),
    [
        (Share(0, 0, 0, HOUR), 10_000, 3600),  # 24: the longest grant
        (Share(1, 0, 60 * SECOND, HOUR), 600, 600),  # 25: all there is
        (Share(3, 0, 60 * SECOND, HOUR), 100, 60),  # 27: the greedy length, for a third would be less
        (Share(3, 1, 60 * SECOND, HOUR), 40, None),  # 27: the second session could get 40 s
        (Share(3, 0, 60 * SECOND, HOUR), 30, 30),  # 28: below the greedy length the only session has it all
        (Share(3, 1, 60 * SECOND, HOUR), 0, None),  # 28: and another one nothing
        (Share(2, 0, 60 * SECOND, HOUR), 2000, 1000),  # 5.6: half of it
        (Share(2, 0, 60 * SECOND, HOUR), 100_000, 3600),  # 29: never more than the longest
    ],
)
def test_cases_24_25_27_28_29_a_session_has_its_share(part: Share, balance: int, grants: int | None) -> None:
    laid = call(wallet(main=balance)).share(part, HOUR)
    if grants is None:
        assert isinstance(laid, Refused)
        assert laid.refusal is Refusal.SESSION_LIMIT
    else:
        assert not isinstance(laid, Refused)
        assert laid.reach == grants * SECOND
        assert laid.lines == ((MAIN, min(balance, grants)),)


@pytest.mark.parametrize(("sessions", "others", "full"), [(2, 0, False), (2, 1, False), (2, 2, True), (0, 9, False)])
def test_case_29_no_further_session(sessions: int, others: int, full: bool) -> None:
    crowded = Share(sessions, others, 0, HOUR).crowded()
    assert (crowded is not None) is full
    assert crowded is None or crowded.refusal is Refusal.SESSION_LIMIT


@pytest.mark.parametrize(("worst", "grant"), [(NOON + HOUR, 300), (0, 800)])
def test_cases_32_33_buckets_that_expire_in_the_course_of_a_call(worst: Instant, grant: int) -> None:
    """12:00 to 13:00: 100 with a start and an end, 500 until 12:30, 200 until 15:00."""
    buckets = (
        Bucket(ONE, "bonus", 100, order=1, start=NOON - HOUR, expiry=NOON + 30 * MINUTE),
        Bucket(TWO, "bonus", 500, order=1, expiry=NOON + 30 * MINUTE),
        Bucket(THREE, "bonus", 200, order=1, expiry=NOON + 3 * HOUR),
    )
    assert call(wallet(*buckets)).grant(HOUR, worst).reach == grant * SECOND


def test_case_34_a_balance_that_comes_to_nothing_is_passed_over() -> None:
    """2 free seconds in steps of 10 pay nothing; the next has 50 at 1 a second."""
    laid = call(wallet(seconds(ONE, 2, "*zero10s"), main=50)).grant(HOUR)
    assert laid.reach == 50 * SECOND
    assert laid.lines == ((MAIN, 50),)


def test_cases_35_36_37_held_charged_or_given_back() -> None:
    """100, 60 of them held; charged 45: 55 left. Or nothing: 100."""
    paying = call(wallet(main=100))
    paying.grant(60 * SECOND)
    assert (paying.wallet.balance(), paying.wallet.held(), free(paying.wallet, NOON)) == (100, 60, {MAIN: 40})
    paying.use(45 * SECOND)
    paying.end()
    assert (paying.wallet.balance(), paying.wallet.held()) == (55, 0)
    other = call(wallet(main=100))
    other.grant(60 * SECOND)
    other.use(0)
    other.end()
    assert other.wallet == other.first


def test_case_50_credit_is_used_after_all_own_money() -> None:
    """Limit 100, buckets 10 and 20: 60 leaves -30 and 0; 200 is more than there is. Debt stands in the main bucket,
    which never expires, whatever its place."""
    for order in (1, 10):
        paying = call(wallet(money(ONE, 20), main=10, credit=100, order=order))
        assert paying.grant(200 * SECOND).reach == 130 * SECOND
        paying.use(60 * SECOND)
        paying.end()
        assert paying.values() == {ONE: 0, MAIN: -30}


def test_credit_is_last_beside_units_and_restricted_money() -> None:
    """10 own, 5 s free, 20 restricted, credit 100, all used in part: own money goes before credit."""
    buckets = (seconds(ONE, 5), money(TWO, 20, destinations=("DST",)))
    paying = call(wallet(*buckets, main=10, credit=100, order=2))
    assert paying.grant(HOUR).reach == (5 + 10 + 20 + 100) * SECOND
    paying.use(30 * SECOND)
    paying.end()
    assert paying.values() == {ONE: 0, TWO: 5, MAIN: 0}


def test_credit_pays_where_the_main_bucket_is_empty() -> None:
    """Five seconds are free; the main bucket has nothing but its limit of 100."""
    assert call(wallet(seconds(ONE, 5), credit=100)).grant(HOUR).reach == 105 * SECOND


def test_what_costs_nothing_needs_no_money() -> None:
    """5.7 "free: grant the longest, reserve nothing", also where there are buckets that do not pay for this call."""
    nothing = interval(slot(0, 0, 1, 1))
    for buckets in ((), (money(ONE, 50, destinations=("ELSEWHERE",)),), (seconds(ONE, 5, destinations=("OTHER",)),)):
        laid = call(wallet(*buckets), nothing).grant(HOUR)
        assert laid.reach == HOUR
        assert laid.lines == ()


def test_what_was_begun_of_a_step_pays_on() -> None:
    """One step of a minute: used 30 s of it, granted again, the other 30 s are there; and without asking again."""
    minute = Bucket(ONE, "time", 1, order=1, unit="minute", service="voice", step=MINUTE)
    paying = call(wallet(minute, main=10))
    assert paying.grant(30 * SECOND).lines == ((ONE, 1),)
    paying.use(30 * SECOND)
    assert paying.grant(HOUR).reach == 70 * SECOND
    paying.use(60 * SECOND)
    paying.end()
    assert paying.values() == {ONE: 0, MAIN: 10}
    other = call(wallet(minute, main=10))
    other.grant(30 * SECOND)
    other.use(60 * SECOND)
    assert other.values() == {ONE: 0, MAIN: 10}


def test_money_is_rounded_once_over_several_grants() -> None:
    """A third a second, rounded down: 10 pays for 32 s (10.67 -> 10), also when it was all taken after 30."""
    third = interval(slot(1, 0, 3, 1), decimals=0, rounding=Rounding.DOWN)
    for others in ((), (money(ONE, 5, destinations=("ELSEWHERE",)),)):
        paying = call(wallet(*others, main=10), third)
        assert paying.grant(HOUR).reach == 32 * SECOND
        paying.use(30 * SECOND)
        assert paying.grant(HOUR).reach == 32 * SECOND


def test_credit_takes_what_its_own_bucket_has_left() -> None:
    """Increments of 20: the main bucket's 10 pay none; then 5 free seconds, a bonus of 10, a limit of 30. Behind the
    seconds 10 + 10 + 30 pay two increments, the bonus first."""
    price = interval(slot(20, 0, 20, 20), decimals=0)
    before = wallet(money(ONE, 10, order=8), seconds(TWO, 5), main=10, credit=30, order=0)
    paying = call(before, price)
    assert paying.grant(HOUR).reach == 45 * SECOND
    paying.use(HOUR)
    assert paying.values()[ONE] == 0


def test_the_fee_is_only_of_a_call_that_money_begins() -> None:
    """40 and 1 a second. With 10 s free first there is no fee, and the age goes on: slot 2 begins at age 20."""
    fee = interval(slot(1, 0, 1, 1, fee=40), slot(3, 0, 1, 1, start=20), decimals=0)
    paying = call(wallet(seconds(ONE, 10), main=1000), fee)
    paying.use(25 * SECOND)
    assert paying.moved() == {ONE: 10, MAIN: 10 + 3 * 5}
    paying = call(wallet(main=1000), fee)
    paying.use(25 * SECOND)
    assert paying.moved() == {MAIN: 40 + 20 + 3 * 5}


def test_an_increment_reaches_into_the_next_slot() -> None:
    """A free minute of which 50 s are there: none is paid. One that reaches beyond the target is paid whole, and the
    next slot goes on behind it."""
    paying = call(wallet(seconds(ONE, 50, "*zero1m"), main=5))
    assert paying.grant(HOUR).reach == 5 * SECOND
    paying = call(wallet(seconds(ONE, 70, "*zero1m"), main=5))
    assert paying.grant(30 * SECOND).reach == 60 * SECOND
    paying.use(10 * SECOND)
    assert paying.moved() == {ONE: 60}
    assert paying.grant(HOUR).reach == 65 * SECOND


@pytest.mark.parametrize(("value", "reach"), [(0, 0), (20, 20)])
def test_nothing_pays_behind_a_blocker(value: int, reach: int) -> None:
    """Used up or found empty (requirement cgrates 3.3); a call that went on all the same is paid by free money."""
    paying = call(wallet(money(ONE, value, blocker=True), main=100, credit=50))
    assert paying.grant(HOUR).reach == reach * SECOND
    paying.use(50 * SECOND)
    assert paying.moved() == {**({ONE: value} if value else {}), MAIN: 50 - value}


def test_a_blocker_that_has_no_say_now_stops_nobody() -> None:
    """Its time begins at 13:00, or it is for others: then what stands behind it pays."""
    for blocker in (
        money(ONE, 20, blocker=True, timings=(Timing(start=13 * 3600),)),
        money(ONE, 20, blocker=True, destinations=("ELSEWHERE",)),
        money(ONE, 20, blocker=True, disabled=True),
    ):
        assert call(wallet(blocker, main=100)).grant(HOUR).reach == 100 * SECOND


def test_a_bucket_becomes_useful_at_midnight() -> None:
    """23:59:50 on a Thursday; Friday's 30 s stand first but pay when the money is used up: 5 s, nothing, and again;
    with 15 of money it lasts into Friday."""
    began = parse_instant("2026-11-26T23:59:50Z")
    friday = seconds(ONE, 30, timings=(Timing(week_days=(5,)),))
    assert call(wallet(friday, main=5), began=began).grant(HOUR).reach == 5 * SECOND
    assert call(wallet(friday, main=15), began=began).grant(HOUR).reach == 45 * SECOND
    paying = call(wallet(friday, main=15), began=began)
    paying.use(20 * SECOND)
    assert paying.moved() == {ONE: 5, MAIN: 15}


def test_acct_043_a_unit_pays_for_so_much_usage_as_its_factor_says() -> None:
    """100 units of any usage, each 60 s of voice; in tenths, so that 30 s take half a unit: 99.5 (exact)."""
    factors = (("voice", 6 * SECOND),)
    units = Bucket(ONE, "any", 1000, order=1, unit="unit", service="generic", use=Use(factors=factors))
    paying = call(wallet(units, main=0))
    paying.use(30 * SECOND)
    assert paying.values() == {ONE: 995, MAIN: 0}


def test_an_overrun_goes_on_to_another_price() -> None:
    """Granted 5 s of money; used 20: 10 s of it, then 10 of the bonus, whose price the session had not named."""
    half = interval(slot(5, 1, 1, 1), decimals=1)
    paying = call(wallet(money(ONE, 10, order=11, subject="half"), main=10), half=(half,))
    paying.grant(5 * SECOND)
    paying.use(20 * SECOND)
    assert paying.moved() == {MAIN: 10, ONE: 5}


def test_an_overrun_is_a_debt_or_forgone() -> None:
    """5 s free and 10 of money; 30 s were used: 15 are owed, or not."""
    before = wallet(seconds(ONE, 5), main=10)
    paying = call(before)
    paying.grant(7 * SECOND)
    assert paying.use(30 * SECOND) == 0
    assert paying.values() == {ONE: 0, MAIN: -15}
    paying = call(before)
    paying.grant(7 * SECOND)
    assert paying.use(30 * SECOND, debt=False) == 15
    assert paying.values() == {ONE: 0, MAIN: 0}


def test_all_is_given_back_to_those_who_paid() -> None:
    """A bonus of 20 pays what the units cost (1 a second, 20 s), the main bucket the 10 s behind them."""
    buckets = (seconds(ONE, 20, "dear"), money(TWO, 20))
    paying = call(wallet(*buckets, main=50), dear=(A_SECOND,))
    paying.use(30 * SECOND)
    assert paying.moved() == {ONE: 20, TWO: 20, MAIN: 10}
    paying.use(0)
    assert paying.wallet == paying.first


def test_a_correction_gives_back_what_was_paid_for_the_usage_that_is_taken_back() -> None:
    """A restricted bonus pays 10 s, the main bucket 10 more; the bonus, recharged by 10, pays the third 10 s. It turns
    out that 5 s were used: the bonus gets its 10 and 5 back, the main bucket its 10."""
    paying = call(wallet(money(ONE, 10, destinations=("DST",)), main=50))
    paying.grant(20 * SECOND)
    paying.use(20 * SECOND)
    paying.change(ONE, 10)
    paying.grant(30 * SECOND)
    paying.use(30 * SECOND)
    assert paying.values() == {ONE: 0, MAIN: 40}
    paying.use(15 * SECOND)
    assert paying.values() == {ONE: 10, MAIN: 45}
    paying.use(5 * SECOND)
    assert paying.values() == {ONE: 15, MAIN: 50}
    assert paying.session.paid == ((ONE, 5),)


def test_units_of_a_bucket_that_is_gone_become_no_money() -> None:
    """Its 20 s were used and it expired; the call turns out to have cost nothing."""
    paying = call(wallet(seconds(ONE, 20), main=50))
    paying.use(30 * SECOND)
    paying.wallet = replace(paying.wallet, buckets=tuple(b for b in paying.wallet.buckets if b.id != ONE))
    paying.use(0)
    assert paying.values() == {MAIN: 50}


@pytest.mark.parametrize("seed", range(10))
def test_a_finer_rounding_behind_a_coarse_one_holds_nothing_negative(seed: int) -> None:
    """Buckets at prices of different decimals: where the session's sum, rounded once, falls from 1 to 0.9, nothing is
    held of less than nothing."""
    dice = random.Random(f"finer {seed}")
    for case in range(40):
        prices = [
            interval(
                slot(dice.randrange(1, 40), 2, dice.choice((1, 7)), dice.choice((1, 5))),
                decimals=dice.choice((0, 1, 2)),
                rounding=dice.choice(tuple(Rounding)),
            )
            for _ in range(3)
        ]
        buckets = (money(ONE, 130, order=1, subject="one"), money(TWO, 130, order=2, subject="two"))
        paying = call(wallet(*buckets, main=500, decimals=2), prices[0], one=(prices[1],), two=(prices[2],))
        for _ in range(3):
            laid = paying.grant(paying.session.used + dice.randrange(1, 60) * SECOND)
            told = f"seed {seed} case {case}: {prices} {laid}"
            assert all(0 < amount <= free(paying.before, NOON)[place] for place, amount in laid.lines), told
            paying.use(dice.randrange(paying.session.used, max(laid.reach, paying.session.used) + 1))
            assert all(0 <= bucket.held <= bucket.value for bucket in paying.wallet.buckets), told


def test_another_service_is_paid_by_its_own_units() -> None:
    """Octets: 3 KiB of 2 units of a KiB each, then 1 per KiB; minutes have no say."""
    kib = interval(Slot(0, 0, 1, 0, 1024, 1024), decimals=0)
    octets = Bucket(ONE, "octets", 2, order=1, unit="KiB", service="data", step=1024)
    snapshot = priced({"*any": (kib,)}, "44", 0, Service.DATA)
    paying = Paying(snapshot, wallet(octets, seconds(TWO, 60), main=10), "4420", NOON, Service.DATA)
    assert paying.grant(3000).reach == 3072
    paying.use(3000)
    assert paying.moved() == {ONE: 2, MAIN: 1}
