"""Limits, explanations and prices by a plan, on the tutorial's tariff."""

from __future__ import annotations

import pytest
from tests.engine.rig import rig_with
from tests.snapshot_dict import TUTORIAL, DictSnapshot, demo_snapshot, interval, single_plan

from tollhouse.snapshot.tariff import Activation, Profile, Slot
from tollhouse.values.commands import Explain, Limit, PlanQuote, Quote, Service
from tollhouse.values.instants import HOUR, SECOND, parse_instant
from tollhouse.values.outcomes import Explained, Limited, Outcome, Priced, Refused
from tollhouse.values.refusals import Refusal

VOICE = Service.VOICE
NOON = parse_instant("2026-11-24T12:00:00Z")
CENT_PER_MINUTE = (1, 100 * 60 * SECOND)


def limited(outcome: Outcome) -> tuple[int, str, int, int]:
    assert isinstance(outcome, Limited), outcome
    return outcome.usage, outcome.ended, outcome.cost, outcome.next_cost


def cut(cap: int = 0, ends: int = 0) -> DictSnapshot:
    """The tutorial's price with a cap of strategy *disconnect, or ending so long after noon."""
    snapshot = demo_snapshot()
    own = interval(*TUTORIAL.slots, max_cost=cap * 10**8, strategy="*disconnect") if cap else TUTORIAL
    single_plan(snapshot, VOICE, "RP_DEMO", {"44": (own,)})
    if ends:
        activations = (Activation(0, "RP_DEMO"), Activation(NOON + ends, "GONE"))
        snapshot.profiles["demo", "call", VOICE, "*any"] = Profile(activations, "EUR", 6)
    return snapshot


@pytest.mark.parametrize(
    ("snapshot", "money", "usage", "ceiling", "told"),
    [
        # 0.6 + 5640 x 0.1/60 = 10; a second more is 10.001666.. -> 10.0017.
        (cut(), "10", 0, None, (5700 * SECOND, "money", 10_000_000, 10_001_700)),
        (cut(), "0.5", 0, None, (0, "money", 0, 600_000)),
        # Within the first minute a second more costs nothing more.
        (cut(), "10", 20 * SECOND, None, (20 * SECOND, "usage", 600_000, 600_000)),
        # 72 h: 0.6 + 259140 x 0.1/60 = 432.5.
        (cut(), "1000", 0, None, (72 * HOUR, "longest", 432_500_000, 432_501_700)),
        (cut(), "1000", 100 * HOUR, None, (72 * HOUR, "longest", 432_500_000, 432_501_700)),
        (cut(), "10", 0, CENT_PER_MINUTE, (0, "max_rate", 0, 600_000)),
        # 0.7 = 0.6 + 60 x 0.1/60.
        (cut(cap=7), "10", 0, None, (120 * SECOND, "max_cost", 700_000, 701_700)),
        (cut(ends=60 * SECOND), "10", 0, None, (60 * SECOND, "end_of_tariff", 600_000, 601_700)),
    ],
)
def test_how_long_money_lasts_and_what_ends_it(
    snapshot: DictSnapshot,
    money: str,
    usage: int,
    ceiling: tuple[int, int] | None,
    told: tuple[int, str, int, int],
) -> None:
    asked = Limit("demo", "call", "1001", VOICE, "4420", usage, NOON, money=money, ceiling=ceiling)
    assert limited(rig_with(snapshot=snapshot).ask(asked)) == told


@pytest.mark.parametrize(("service", "usage"), [(Service.DATA, 107_374_182_400), (Service.MESSAGE, 10_000)])
def test_units_are_computed_so_far(service: Service, usage: int) -> None:
    """Requirement cgrates 16: max_computed_usage."""
    found = limited(rig_with().ask(Limit("demo", "call", "1001", service, "", 0, NOON, money="1000000")))
    assert found[:2] == (usage, "longest")


@pytest.mark.parametrize("money", ["ten", "0.0000001"])
def test_money_is_an_amount_of_the_tariff_s_unit(money: str) -> None:
    outcome = rig_with().ask(Limit("demo", "call", "1001", VOICE, "4420", 0, NOON, money=money))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.INVALID


def test_an_explanation_is_the_quote_with_its_reasons() -> None:
    told = rig_with().ask(Explain("demo", "call", "1001", VOICE, "4420", 85 * SECOND, NOON))
    assert isinstance(told, Explained)
    assert (told.cost, told.prefix, told.plan, told.refusal) == (641_700, "44", "RP_DEMO", "")
    assert [cost for _, cost in told.lines] == ["0.4", "0.2", "1/24"]
    assert told.looked[0] == "subject 1001: has no rating profile"


def test_a_refusal_is_explained() -> None:
    told = rig_with().ask(Explain("demo", "call", "1001", VOICE, "999", 85 * SECOND, NOON))
    assert isinstance(told, Explained)
    assert (told.refusal, told.lines) == ("no_rate", ())
    assert told.looked[-1] == "plan RP_DEMO: has no price for this number at this time"
    nobody = rig_with().ask(Explain("demo", "nothing", "1001", VOICE, "4420", 1, NOON))
    assert isinstance(nobody, Explained)
    assert nobody.looked == ("subject 1001: has no rating profile", "subject *any: has no rating profile")


def test_a_price_by_a_plan() -> None:
    """Another plan than the profile's, in the profile's unit: 85 x 0.02 = 1.7."""
    snapshot = demo_snapshot()
    snapshot.plans["OTHER"] = {"44": (interval(Slot(0, 0, 2, 2, SECOND, SECOND)),)}
    rig = rig_with(snapshot=snapshot)
    priced = rig.ask(PlanQuote("demo", "call", "1001", VOICE, "4420", 85 * SECOND, NOON, plan="OTHER"))
    assert isinstance(priced, Priced)
    assert (priced.cost, priced.plan, priced.unit) == (1_700_000, "OTHER", "EUR")
    gone = rig.ask(PlanQuote("demo", "call", "1001", VOICE, "4420", 85 * SECOND, NOON, plan="GONE"))
    assert isinstance(gone, Refused)
    assert (gone.refusal, gone.detail) == (Refusal.INVALID, "there is no rating plan 'GONE'")


def test_usage_that_nothing_prices_to_its_end_has_no_cost() -> None:
    """The tariff ends after a minute: a call of 60 s costs 0.4 + 0.2, one of 61 s nothing that anyone could say."""
    rig = rig_with(snapshot=cut(ends=60 * SECOND))
    within = rig.ask(Quote("demo", "call", "1001", VOICE, "4420", 60 * SECOND, NOON))
    assert isinstance(within, Priced)
    assert within.cost == 600_000
    beyond = rig.ask(Quote("demo", "call", "1001", VOICE, "4420", 61 * SECOND, NOON))
    assert isinstance(beyond, Refused)
    assert (beyond.refusal, beyond.detail) == (
        Refusal.NO_RATE,
        "nothing prices the usage from 2026-11-24T12:01:00Z on",
    )
    told = rig.ask(Explain("demo", "call", "1001", VOICE, "4420", 61 * SECOND, NOON))
    assert isinstance(told, Explained)
    assert told.refusal == "no_rate"
