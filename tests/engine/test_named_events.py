"""Named events: charged at once or reserved and confirmed, by the provider's catalogue and cascades."""

from __future__ import annotations

import pytest
from tests.engine.cases_rig import LIT, buckets, cost, filled, initial, kinds, line_of, made, posted, rig_of, world
from tests.engine.rig import Rig, granted, refusal, settled

from tollhouse.records.record import Occurred
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Cascade, EventPrice, NamedEvent, Product, RatingDiscount
from tollhouse.snapshot.rules import EventRules, ReservationRules, RoundingRule, Rules
from tollhouse.values.commands import Authorize, Caller, Charge, EventName, Release, Service, Stop, Total
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Unit
from tollhouse.values.outcomes import Outcome
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Timing

RING = EventName("VAS", "RING")
SONG = EventName("VAS", "SONG")
WAKE = EventName("VAS", "WAKE")
WHOLE = 10**9
"""One, as prices in money are written."""


def events_rig(rules: Rules | None = None, *products: Product, cascades: tuple[Cascade, ...] = ()) -> Rig:
    """RING costs 9.5 littles, or 4 of them for wallets of product `cheap`; SONG 10, or 3 points, or 30 s of time; WAKE
    2 points and no money."""
    types = (BalanceType("points", "point", 2, "generic"), BalanceType("time", "second", 3, "voice", SECOND))
    snapshot = world(rules, types=types, products=products, cascades=cascades)
    snapshot.units["point"] = Unit("point", 0)
    catalogue = {
        RING: (EventPrice("", LIT, 19 * WHOLE // 2), EventPrice("cheap", LIT, 4 * WHOLE)),
        SONG: (
            EventPrice("", LIT, 10 * WHOLE),
            EventPrice("", "point", 3, money=False),
            EventPrice("", "second", 30, money=False),
        ),
        WAKE: (EventPrice("", "point", 2, money=False),),
    }
    for event, prices in catalogue.items():
        snapshot.events["demo", event.event_class, event.name] = NamedEvent(event.event_class, event.name, prices)
    return rig_of(snapshot)


def happen(rig: Rig, event: EventName = RING, count: int = 1, *, discount: int | None = None, key: str = "") -> Outcome:
    """NE: so many of the event, charged at once."""
    key = key or f"ne-{rig.store.batches}"
    command = Charge(
        Caller("api", wallet="1001"), key, None, Service.GENERIC, units=count, event=event, discount=discount
    )
    return rig.ask(command)


def reserve(rig: Rig, event: EventName = RING, count: int = 1, name: str = "e1") -> Outcome:
    """INER: so many of the event are to take place."""
    command = Authorize(
        Caller("api", wallet="1001"), f"iner:{name}", (name,), Service.GENERIC, "", ask=count, event=event
    )
    return rig.ask(command)


def confirm(rig: Rig, count: int = 1, name: str = "e1") -> Outcome:
    """So many of them took place."""
    return rig.ask(Stop(Caller("api"), f"confirm:{name}", (name,), Total(count), service=Service.GENERIC))


def cancel(rig: Rig, name: str = "e1") -> Outcome:
    """None of them did."""
    return rig.ask(Release(Caller("api"), f"cancel:{name}", (name,)))


def held(rig: Rig) -> dict[str, int]:
    """Balance type -> what is held of it, where anything is."""
    return {one.balance_type: one.held for one in buckets(rig) if one.held}


def left(rig: Rig) -> dict[str, int]:
    """Balance type -> what it has, where anything is."""
    return {one.balance_type: one.value for one in buckets(rig) if one.value}


@pytest.mark.parametrize(
    ("rounding", "charged"), [(RoundingRule.BANKERS, 29), (RoundingRule.CEILING, 29), (RoundingRule.FLOOR, 28)]
)
def test_case_58_three_events_are_rounded_once(rounding: RoundingRule, charged: int) -> None:
    """3 x 9.5 = 28.5; one by one they would be 30."""
    rig = events_rig(Rules(event=EventRules(rounding=rounding)))
    made(rig, 100)
    assert posted(happen(rig, RING, 3)).amount == -charged
    assert left(rig) == {"cash": 100 - charged}
    rig.proved()


def test_case_58_reserved_and_confirmed_it_is_the_same_sum() -> None:
    rig = events_rig()
    made(rig, 100)
    assert granted(reserve(rig, RING, 3)).granted == 3
    assert held(rig) == {"cash": 29}
    assert cost(confirm(rig, 3)) == 29
    assert (left(rig), held(rig)) == ({"cash": 71}, {})
    rig.proved()


def test_case_31_a_named_event_is_no_session() -> None:
    """MC 1 and a greedy limit of 60 s: balance 100, the session holds 60; three events that cost 29 are accepted."""
    rig = events_rig(Rules(reservation=ReservationRules(greedy_below_seconds=60)))
    made(rig, 100, sessions=1)
    granted(rig.ask(initial("c1", ask=60)))
    assert posted(happen(rig, RING, 3)).amount == -29
    assert rig.wallet().available == 11
    rig.proved()


def test_case_31_nor_is_a_reserved_one() -> None:
    """It neither waits for the session's end nor keeps another session from beginning."""
    rig = events_rig()
    made(rig, 100, sessions=1)
    granted(reserve(rig, RING, 3))
    granted(rig.ask(initial("c1", ask=60)))
    granted(reserve(rig, RING, 1, "e2"))
    assert rig.wallet().available == 100 - 29 - 60 - 10
    assert refusal(rig.ask(initial("c2", ask=1))) is Refusal.SESSION_LIMIT


@pytest.mark.parametrize("reserved", [False, True])
def test_case_55_a_named_event_is_the_first_use_only_where_it_may(reserved: bool) -> None:
    """The same of a direct one and of a reservation."""
    for activates in (True, False):
        rig = events_rig(Rules(event=EventRules(activates_preuse=activates)), Product("new"))
        made(rig, 100, product="new")
        outcome = reserve(rig) if reserved else happen(rig)
        if activates:
            assert rig.wallet().state == "active"
            assert "activation" in kinds(rig)
        else:
            assert refusal(outcome) is Refusal.WALLET_SUSPENDED
            assert (rig.wallet().state, rig.wallet().balance, held(rig)) == ("preuse", 100, {})
        rig.proved()


@pytest.mark.parametrize(("after", "holds"), [(33, {"cash": 10}), (34, {})])
def test_case_56_a_reservation_stands_for_its_period_and_the_tolerance(after: int, holds: dict[str, int]) -> None:
    """3600 ms and 30 s; 9.5 is 10, half up. A confirmation that comes later is charged from what is free."""
    rig = events_rig(Rules(event=EventRules(reservation_milliseconds=3600, reservation_tolerance_seconds=30)))
    made(rig, 100)
    granted(reserve(rig))
    rig.sweep(after)
    assert held(rig) == holds
    assert cost(confirm(rig)) == 10
    assert left(rig) == {"cash": 90}
    rig.proved()


@pytest.mark.parametrize(
    ("promotional", "kept"), [(False, {"bonus": 100, "cash": 90}), (True, {"bonus": 90, "cash": 100})]
)
@pytest.mark.parametrize("reserved", [False, True])
def test_case_57_the_cascade_of_the_provider_s_events_pays(
    promotional: bool, kept: dict[str, int], reserved: bool
) -> None:
    """Normal ones are paid by cash, promotional ones by bonus, whatever the product says of generic usage."""
    cascades = (Cascade("EventCascade", ("cash",)), Cascade("EventPromoCascade", ("bonus",)), Cascade("none", ()))
    product = Product("new", cascades=(("generic", "none"),))
    rig = events_rig(None, product, cascades=cascades)
    made(rig, 100, product="new")
    filled(rig, 100, "bonus")
    event = EventName("VAS", "RING", promotional)
    if reserved:
        granted(reserve(rig, event))
        confirm(rig)
    else:
        posted(happen(rig, event))
    assert left(rig) == kept
    rig.proved()


def test_case_57_without_one_the_product_s_cascade_of_generic_usage_pays() -> None:
    product = Product("new", cascades=(("generic", "mine"),))
    rig = events_rig(None, product, cascades=(Cascade("mine", ("cash", "bonus")),))
    made(rig, 100, product="new")
    filled(rig, 100, "bonus")
    posted(happen(rig))
    assert left(rig) == {"bonus": 100, "cash": 90}


def test_an_event_has_a_price_for_each_product() -> None:
    """4 each for wallets of product `cheap`, 9.5 for all others."""
    rig = events_rig(None, Product("cheap"))
    made(rig, 100, product="cheap")
    assert posted(happen(rig, RING, 3)).amount == -12


def test_units_pay_whole_events_and_money_the_rest() -> None:
    """7 points pay two songs at 3, 40 s of time one at 30; the other two cost 10 each."""
    rig = events_rig()
    made(rig, 100)
    filled(rig, 7, "points")
    filled(rig, 40, "time")
    assert posted(happen(rig, SONG, 5)).amount == -20
    assert left(rig) == {"points": 1, "time": 10, "cash": 80}
    rig.proved()


def test_units_that_the_event_has_no_price_in_do_not_pay() -> None:
    rig = events_rig()
    made(rig, 100)
    filled(rig, 7, "points")
    posted(happen(rig, RING))
    assert left(rig) == {"points": 7, "cash": 90}


def test_an_event_without_a_price_in_money_is_paid_by_units_alone() -> None:
    """Four points pay two at 2; three would need money."""
    rig = events_rig()
    made(rig, 100)
    filled(rig, 4, "points")
    assert refusal(happen(rig, WAKE, 3)) in (Refusal.INSUFFICIENT_FUNDS, Refusal.NO_RATE)
    assert posted(happen(rig, WAKE, 2)).amount == 0
    assert left(rig) == {"cash": 100}
    rig.proved()


def test_all_of_it_or_nothing() -> None:
    """Four cost 38, five 47.5."""
    rig = events_rig()
    made(rig, 40)
    assert refusal(happen(rig, RING, 5)) is Refusal.INSUFFICIENT_FUNDS
    assert refusal(reserve(rig, RING, 5)) is Refusal.INSUFFICIENT_FUNDS
    assert (left(rig), held(rig)) == ({"cash": 40}, {})
    assert granted(reserve(rig, RING, 4, "e2")).granted == 4


def test_at_most_as_many_are_reserved_as_the_settings_say() -> None:
    """`max_messages` is 10."""
    rig = events_rig()
    made(rig, 1000)
    assert refusal(reserve(rig, RING, 11)) is Refusal.AMOUNT_OUT_OF_RANGE
    assert refusal(reserve(rig, RING, 0)) is Refusal.INVALID
    assert granted(reserve(rig, RING, 10)).granted == 10


def test_of_what_was_reserved_only_what_took_place_is_charged() -> None:
    rig = events_rig()
    made(rig, 100)
    granted(reserve(rig, RING, 3))
    assert cost(confirm(rig, 1)) == 10
    assert (left(rig), held(rig)) == ({"cash": 90}, {})
    rig.proved()


def test_cancelled_it_costs_nothing() -> None:
    rig = events_rig()
    made(rig, 100)
    granted(reserve(rig, RING, 3))
    assert settled(cancel(rig)).cost == 0
    assert (left(rig), held(rig)) == ({"cash": 100}, {})


def test_the_same_request_again_moves_nothing() -> None:
    rig = events_rig()
    made(rig, 100)
    first = happen(rig, RING, 3, key="ring-1")
    assert happen(rig, RING, 3, key="ring-1") == first
    assert refusal(happen(rig, SONG, 3, key="ring-1")) is Refusal.CONFLICT
    assert left(rig) == {"cash": 71}


def test_what_there_is_not_is_refused_and_moves_nothing() -> None:
    rig = events_rig()
    made(rig, 100)
    assert refusal(happen(rig, EventName("VAS", "NONE"))) is Refusal.NO_RATE
    assert refusal(reserve(rig, EventName("NONE", "RING"))) is Refusal.NO_RATE
    assert refusal(happen(rig, RING, 0)) is Refusal.INVALID
    assert left(rig) == {"cash": 100}


def test_request_rating_and_rules_take_off_together() -> None:
    """s = 10 %, r = 20 % of the product at any time: two songs at 10 cost 20 x 0.9 x 0.8 = 14.4."""
    product = Product("club", discounts=(RatingDiscount(Timing(), 2000),))
    rig = events_rig(None, product)
    made(rig, 100, product="club")
    assert posted(happen(rig, SONG, 2, discount=1000)).amount == -14
    assert left(rig) == {"cash": 86}


def test_its_record_tells_the_event() -> None:
    rig = events_rig(None, Product("club", discounts=(RatingDiscount(Timing(), 2000),)))
    made(rig, 100, product="club")
    posted(happen(rig, RING, 3, discount=1000))
    record = rig.records()[-1]
    assert record.event == Occurred("VAS", "RING", 3, False, 1000, 2000)
    line = line_of(rig, record)
    assert {
        name: line[name]
        for name in line
        if name.startswith("EVENT") or name in ("CDR_TYPE", "DISCOUNTS", "RATING_DISCOUNT")
    } == {
        "CDR_TYPE": ("5",),
        "EVENT_CLASS": ("VAS",),
        "EVENT_NAME": ("RING",),
        "EVENT_COUNT": ("3",),
        "EVENT_COST": ("21",),
        "DISCOUNTS": ("10",),
        "RATING_DISCOUNT": ("20",),
    }
    """28.5 x 0.9 x 0.8 = 20.52."""


def test_so_does_that_of_a_confirmed_one() -> None:
    rig = events_rig()
    made(rig, 100)
    granted(reserve(rig, RING, 3))
    confirm(rig, 2)
    line = line_of(rig, rig.records()[-1])
    assert (line["CDR_TYPE"], line["EVENT_NAME"], line["EVENT_COUNT"], line["EVENT_COST"]) == (
        *(("5",), ("RING",), ("2",), ("19",)),
    )
