"""Discounts on the whole path: of the request, of the wallet, on money and on units; and what only counts."""

from __future__ import annotations

import pytest
from tests.engine.rig import BEGIN, EUR, NAS, Rig, granted, refusal, settled, stop
from tests.snapshot_dict import demo_snapshot, interval, single_plan

from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import Product, RatingDiscount
from tollhouse.snapshot.rules import RecordRules, ReservationRules, Rules
from tollhouse.snapshot.tariff import Slot
from tollhouse.values.commands import Authorize, Caller, CreateWallet, Recharge, RequestType, Service
from tollhouse.values.instants import HOUR, MINUTE, SECOND
from tollhouse.values.money import Amount, Unit
from tollhouse.values.outcomes import Outcome
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Timing

TEN_EUROS = 10 * EUR
PERCENT = 100


def rig_of(
    rules: ReservationRules | None = None,
    opening: int = TEN_EUROS,
    record: RecordRules | None = None,
    *discounts: RatingDiscount,
) -> Rig:
    """Voice to 44 costs 1 EUR a minute by the second; balance types: free minutes, a discount of 50 % by the second,
    one by presence, what was spent, and what was talked."""
    snapshot = demo_snapshot()
    price = interval(Slot(0, 0, 1, 0, MINUTE, SECOND), decimals=6)
    single_plan(snapshot, Service.VOICE, "RP_DEMO", {"44": (price,)})
    snapshot.units["S"] = Unit("S", 0)
    for kind in (
        BalanceType("minutes", "S", 1, "voice", SECOND),
        BalanceType("half", "S", 2, "voice", SECOND, Category.DISCOUNT, discount=50),
        BalanceType("club", "EUR", 3, category=Category.DISCOUNT, discount=20),
        BalanceType("spent", "EUR", 30, category=Category.EXPENDITURE),
        BalanceType("talked", "S", 31, "voice", SECOND, Category.EXPENDITURE),
    ):
        snapshot.balance_types[kind.name] = kind
    snapshot.tenant_rules["demo"] = Rules(reservation=rules or ReservationRules(), record=record or RecordRules())
    product = "club" if discounts else ""
    snapshot.products["demo", "club"] = Product("club", discounts=discounts)
    rig = Rig(snapshot=snapshot)
    rig.ask(CreateWallet("api", "1001", "make", "EUR", opening, product=product, balance_types=("spent", "talked")))
    return rig


def put(rig: Rig, kind: str, amount: int, unit: str = "S") -> None:
    rig.ask(Recharge("api", "1001", f"put-{kind}", Amount(amount, unit), kind))


def call(rig: Rig, seconds: int, discount: int | None = None) -> Outcome:
    """Ask leave for so long, with so many hundredths of a percent off."""
    caller = Caller(NAS, name="1001")
    return rig.ask(
        Authorize(caller, "a", ("c1",), Service.VOICE, "4420", ask=seconds * SECOND, discount=discount, begin=True)
    )


def of_type(rig: Rig, name: str) -> int:
    return sum(bucket.value for bucket in rig.wallet().buckets if bucket.balance_type == name)


def test_a_request_s_discount_lowers_price_and_hold() -> None:
    """60 s at 1 EUR a minute, less 10 %: 0.90 held, and 0.45 paid for the 30 s of it that were used."""
    rig = rig_of()
    granted(call(rig, 60, 10 * PERCENT))
    assert rig.wallet().held == 900_000
    assert settled(rig.ask(stop("c1", 30))).cost == 450_000
    assert rig.wallet().balance == TEN_EUROS - 450_000
    rig.proved()


def test_a_discount_makes_money_last() -> None:
    """10 EUR at 0.5 EUR a minute are 20 minutes."""
    assert granted(call(rig_of(), 7200, 50 * PERCENT)).granted == 20 * MINUTE


@pytest.mark.parametrize("discount", [-1, 10_001])
def test_a_discount_beyond_the_whole_is_refused(discount: int) -> None:
    assert refusal(call(rig_of(), 60, discount)) is Refusal.INVALID


def test_all_of_it_off_is_a_free_call() -> None:
    rig = rig_of(opening=0)
    assert granted(call(rig, 60, 10_000)).granted == 60 * SECOND
    assert settled(rig.ask(stop("c1", 60))).cost == 0


@pytest.mark.parametrize(("of_time", "lasts"), [(True, 80), (False, 40)])
def test_case_20_free_time_lasts_twice_as_long_where_the_rules_say_so(of_time: bool, lasts: int) -> None:
    """40 s at 50 %, and no money behind them."""
    rig = rig_of(ReservationRules(discount_time=of_time), opening=0)
    put(rig, "minutes", 40)
    assert granted(call(rig, 7200, 50 * PERCENT)).granted == lasts * SECOND


def test_case_22_of_a_call_half_goes_from_the_time_balance() -> None:
    """30 minutes at 50 % take 15 minutes."""
    rig = rig_of(ReservationRules(discount_time=True), opening=0)
    put(rig, "minutes", 3600)
    granted(call(rig, 1800, 50 * PERCENT))
    rig.later(1800)
    rig.ask(stop("c1", 1800))
    assert of_type(rig, "minutes") == 3600 - 900
    rig.proved()


def test_a_wallet_s_discount_lasts_as_long_as_its_time_balance() -> None:
    """20 s of half price, then the full one: 60 s cost 20/60 x 0.5 + 40/60 = 0.833334, rounded up."""
    rig = rig_of()
    put(rig, "half", 20)
    granted(call(rig, 60))
    assert settled(rig.ask(stop("c1", 60))).cost == 833_334
    assert (of_type(rig, "half"), of_type(rig, "cash")) == (0, TEN_EUROS - 833_334)
    rig.proved()


def test_a_discount_by_presence_is_not_used_up() -> None:
    """20 % off for whoever has a unit of it: 60 s cost 0.80."""
    rig = rig_of()
    put(rig, "club", 1, "EUR")
    granted(call(rig, 60))
    assert settled(rig.ask(stop("c1", 60))).cost == 800_000
    assert of_type(rig, "club") == 1


def test_the_largest_discount_counts_and_the_next_one_when_it_is_used_up() -> None:
    """20 s at half price, then 20 % off: 20/60 x 0.5 + 40/60 x 0.8 = 1/6 + 8/15 = 0.7."""
    rig = rig_of()
    put(rig, "club", 1, "EUR")
    put(rig, "half", 20)
    granted(call(rig, 60))
    assert settled(rig.ask(stop("c1", 60))).cost == 700_000
    assert (of_type(rig, "half"), of_type(rig, "club")) == (0, 1)
    rig.proved()


@pytest.mark.parametrize(("whole", "grown"), [(True, 120), (False, 60)])
def test_case_54_time_expenditure_by_the_whole_call_or_by_what_units_paid(whole: bool, grown: int) -> None:
    """A call of 120 s, 60 s of them from free minutes."""
    rig = rig_of(record=RecordRules(call_duration_in_time_expenditure=whole))
    put(rig, "minutes", 60)
    granted(call(rig, 120))
    settled(rig.ask(stop("c1", 120)))
    assert (of_type(rig, "minutes"), of_type(rig, "talked")) == (0, grown)
    rig.proved()


def test_request_and_wallet_together() -> None:
    """s = 10 %, w = 50 %: s*w*r leaves 0.9 x 0.5 = 0.45 of the list price of 1 EUR (5.5)."""
    rig = rig_of()
    put(rig, "half", 600)
    granted(call(rig, 60, 10 * PERCENT))
    assert settled(rig.ask(stop("c1", 60))).cost == 450_000
    assert of_type(rig, "half") == 540


@pytest.mark.parametrize(("always", "left"), [(True, 510), (False, 600)])
def test_case_23_a_discount_s_time_goes_without_its_discount_only_by_the_rules(always: bool, left: int) -> None:
    """The request's own discount overrides the wallet's; 90 s of 600."""
    rules = ReservationRules(discount_rule="override", discount_time_always_debited=always)
    rig = rig_of(rules)
    put(rig, "half", 600)
    granted(call(rig, 90, 10 * PERCENT))
    rig.later(90)
    assert settled(rig.ask(stop("c1", 90))).cost == 1_350_000
    assert of_type(rig, "half") == left
    rig.proved()


def test_what_is_spent_is_counted_when_it_is_spent() -> None:
    rig = rig_of()
    granted(call(rig, 60))
    assert of_type(rig, "spent") == 0
    rig.ask(stop("c1", 30))
    assert (of_type(rig, "spent"), rig.wallet().balance) == (500_000, TEN_EUROS - 500_000)
    rig.proved()
    assert rig.clock >= BEGIN


ALWAYS = RatingDiscount(Timing(), 20 * PERCENT)
"""r = 20 %, at any time."""


@pytest.mark.parametrize(
    ("rule", "cost"),
    [
        pytest.param("s*r*w", 360_000, id="case 9"),
        pytest.param("s+r+w", 200_000, id="case 10"),
        pytest.param("s+r*w", 350_000, id="case 11"),
        pytest.param("s*r+w", 220_000, id="case 12"),
        pytest.param("s+w*r", 320_000, id="case 13"),
        pytest.param("s*w+r", 250_000, id="case 14"),
        pytest.param("r+w*s", 270_000, id="case 15"),
        pytest.param("r*w+s", 300_000, id="case 16"),
        pytest.param("override", 900_000, id="case 17"),
        pytest.param("s*w*r", 360_000, id="case 18"),
    ],
)
def test_cases_9_to_18_request_rating_and_wallet_take_off_together(rule: str, cost: int) -> None:
    """s = 10 % of the request, r = 20 % of the product, w = 50 % of a balance; the list price is 1 EUR (5.5)."""
    rig = rig_of(ReservationRules(discount_rule=rule), TEN_EUROS, None, ALWAYS)
    put(rig, "half", 600)
    granted(call(rig, 60, 10 * PERCENT))
    assert rig.wallet().held == cost
    assert settled(rig.ask(stop("c1", 60))).cost == cost
    rig.proved()


def test_case_17_without_one_of_the_request_rating_and_wallet_count() -> None:
    """1 EUR x 0.8 x 0.5."""
    rig = rig_of(ReservationRules(discount_rule="override"), TEN_EUROS, None, ALWAYS)
    put(rig, "half", 600)
    granted(call(rig, 60))
    assert settled(rig.ask(stop("c1", 60))).cost == 400_000


def test_a_product_s_discount_is_that_of_the_call_s_beginning() -> None:
    """20 % before the hour, none from then on: a call that begins a minute before it has it to its end, one that
    begins at the hour has none. 120 s of 1 EUR a minute."""
    hour = BEGIN - BEGIN % HOUR + HOUR
    second = hour // SECOND % 86_400
    rig = rig_of(None, TEN_EUROS, None, RatingDiscount(Timing(), 20 * PERCENT, second))
    rig.clock = hour - MINUTE
    granted(call(rig, 120))
    rig.later(120)
    assert settled(rig.ask(stop("c1", 120))).cost == 1_600_000
    rig.clock = hour
    caller = Caller(NAS, name="1001")
    granted(rig.ask(Authorize(caller, "b", ("c2",), Service.VOICE, "4420", ask=MINUTE, begin=True)))
    assert settled(rig.ask(stop("c2", 60))).cost == 1_000_000
    rig.proved()


@pytest.mark.parametrize(("of_time", "lasts"), [(True, 50), (False, 40)])
def test_case_20_the_rating_s_discount_makes_time_last_too(of_time: bool, lasts: int) -> None:
    """40 s at 20 %: 40 / 0.8 = 50."""
    rig = rig_of(ReservationRules(discount_time=of_time), 0, None, ALWAYS)
    put(rig, "minutes", 40)
    assert granted(call(rig, 7200)).granted == lasts * SECOND


@pytest.mark.parametrize(("of_data", "lasts"), [(True, 50), (False, 40)])
def test_case_21_the_rating_s_discount_makes_data_last_too(of_data: bool, lasts: int) -> None:
    """40 octets at 20 %: 50, and data counts unless the rules say otherwise."""
    rig = rig_of(ReservationRules(discount_data=of_data), 0, None, ALWAYS)
    rig.snapshot.units["octet"] = Unit("octet", 0)
    rig.snapshot.balance_types["volume"] = BalanceType("volume", "octet", 1, "data", 1)
    put(rig, "volume", 40, "octet")
    asked = Authorize(Caller(NAS, name="1001"), "a", ("d1",), Service.DATA, "", ask=1000, begin=True)
    assert granted(rig.ask(asked)).granted == lasts


def test_a_discount_of_another_service_is_none() -> None:
    rig = rig_of(None, TEN_EUROS, None, RatingDiscount(Timing(), 20 * PERCENT, service="data"))
    granted(call(rig, 60))
    assert settled(rig.ask(stop("c1", 60))).cost == 1_000_000


def test_a_record_tells_what_the_rating_took_off() -> None:
    rig = rig_of(None, TEN_EUROS, None, ALWAYS)
    granted(call(rig, 60, 10 * PERCENT))
    rig.ask(stop("c1", 60))
    call_ = rig.records()[-1].call
    assert call_ is not None
    assert (call_.discount, call_.rated, call_.cost) == (1000, 2000, 720_000)


def test_an_account_that_is_only_rated_is_told_the_discounted_cost() -> None:
    """1 EUR x 0.8; nothing moves."""
    rig = rig_of(None, TEN_EUROS, None, ALWAYS)
    caller = Caller(NAS, name="1001")
    asked = Authorize(
        caller, "a", ("c1",), Service.VOICE, "4420", ask=MINUTE, begin=True, request_type=RequestType.RATED
    )
    granted(rig.ask(asked))
    assert settled(rig.ask(stop("c1", 60))).cost == 800_000
    assert rig.wallet().balance == TEN_EUROS


@pytest.mark.parametrize(
    ("discounts", "request_share", "cost"), [((), 50 * PERCENT, 1_000_000), ((ALWAYS,), None, 1_600_000)]
)
def test_what_is_owed_is_discounted_too(
    discounts: tuple[RatingDiscount, ...], request_share: int | None, cost: int
) -> None:
    """120 s of 1 EUR a minute with 0.30 EUR there: the rest is owed, at 50 % off 0.70, at 20 % off 1.30."""
    rig = rig_of(None, 300_000, None, *discounts)
    granted(call(rig, 120, request_share))
    assert settled(rig.ask(stop("c1", 120))).cost == cost
    assert rig.wallet().balance == 300_000 - cost
    rig.proved()
