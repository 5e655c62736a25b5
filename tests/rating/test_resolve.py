"""Which price a session gets: profile, activation, prefix, destination, fallback (requirement cgrates 2.1)."""

from __future__ import annotations

import msgspec
import pytest
from tests.snapshot_dict import CENT_A_SECOND, DATA, TUTORIAL, DictSnapshot, demo_snapshot, interval

from tollhouse.rating.price import Part, Price, resolve
from tollhouse.snapshot.tariff import Activation, Interval, Profile, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, SECOND, parse_instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Timing

MONDAY = parse_instant("2026-11-23T10:00:00Z")
SATURDAY = parse_instant("2026-11-28T10:00:00Z")
WEEKDAYS = Timing(week_days=(1, 2, 3, 4, 5))
WEEKEND = Timing(week_days=(6, 7))


def flat(cents: int, timing: Timing | None = None, weight: int = 10) -> Interval:
    """So many hundredths a second."""
    return interval(Slot(0, 0, cents, 2, SECOND, SECOND), timing=timing, weight=weight)


def found(
    snapshot: DictSnapshot, called: str, start: int = MONDAY, subject: str = "1001", longest: int = HOUR
) -> Price:
    price = resolve(snapshot, "demo", "call", Service.VOICE, subject, called, start, longest)
    assert isinstance(price, Price), price
    return price


def refused(snapshot: DictSnapshot, called: str, start: int = MONDAY, service: Service = Service.VOICE) -> Refusal:
    outcome = resolve(snapshot, "demo", "call", service, "1001", called, start, HOUR)
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


def with_plans(**plans: dict[str, tuple[Interval, ...]]) -> DictSnapshot:
    snapshot = demo_snapshot()
    snapshot.plans.update(plans)
    return snapshot


def profile(snapshot: DictSnapshot, subject: str, *activations: Activation) -> None:
    snapshot.profiles["demo", "call", "voice", subject] = Profile(activations, "EUR", 6)


def test_the_demo_tariff_is_found_by_the_subject_any() -> None:
    price = found(demo_snapshot(), "447956")
    assert (price.unit, price.decimals, price.zone) == ("EUR", 6, "UTC")
    assert (price.plan, price.prefix, price.ends) == ("RP_DEMO", "44", 0)
    assert [part.intervals for part in price.parts] == [(TUTORIAL,)]


def test_sessions_of_the_same_plan_and_prefix_share_one_price() -> None:
    one = found(demo_snapshot(), "447956", MONDAY)
    other = found(demo_snapshot(), "441234", SATURDAY, subject="1002")
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Price) == one
    assert 100 <= len(msgspec.msgpack.encode(one)) <= 400


@pytest.mark.parametrize("called", ["39", "4", "", "33"])
def test_a_destination_without_a_rate_is_refused(called: str) -> None:
    assert refused(demo_snapshot(), called) is Refusal.NO_RATE


def test_without_any_profile_there_is_no_rate() -> None:
    snapshot = demo_snapshot()
    snapshot.profiles.clear()
    assert refused(snapshot, "44") is Refusal.NO_RATE


def test_the_longest_prefix_wins_before_weight() -> None:
    # Trap 8: weight only decides among destinations that share one prefix.
    snapshot = with_plans(RP_DEMO={"44": (flat(1, weight=90),), "447": (flat(2, weight=10),), "": (flat(3),)})
    assert found(snapshot, "447956").prefix == "447"
    assert found(snapshot, "441").prefix == "44"
    assert found(snapshot, "39").prefix == ""


def test_a_prefix_that_has_no_interval_active_at_the_start_is_passed_over() -> None:
    snapshot = with_plans(RP_DEMO={"44": (flat(1),), "447": (flat(2, timing=WEEKEND),)})
    assert found(snapshot, "447956", MONDAY).prefix == "44"
    assert found(snapshot, "447956", SATURDAY).prefix == "447"


def test_of_the_destinations_on_one_prefix_the_heaviest_active_one_is_taken_whole() -> None:
    light, heavy, other = flat(1, weight=10), flat(2, WEEKDAYS, weight=20), flat(3, WEEKEND, weight=10)
    snapshot = with_plans(RP_DEMO={"44": (light,)})
    snapshot.names["44"] = "DST_A"
    snapshot.rivals["RP_DEMO", "44"] = {"DST_B": (heavy, other)}
    assert found(snapshot, "44", MONDAY).parts == (Part(0, "RP_DEMO", "44", (heavy, other), "DST_B"),)
    # On Saturday A and B weigh the same and began at the same time: the one listed first.
    assert found(snapshot, "44", SATURDAY).parts == (Part(0, "RP_DEMO", "44", (light,), "DST_A"),)


def test_an_interval_that_can_never_be_in_force_is_left_out() -> None:
    always, never = flat(1, weight=20), flat(2, timing=WEEKEND, weight=10)
    assert found(with_plans(RP_DEMO={"44": (never, always)}), "44").parts[0].intervals == (always,)


def test_the_own_profile_hides_that_of_any() -> None:
    # Trap 7: a subject with a profile does not fall through to *any for a missing destination.
    snapshot = with_plans(OWN={"39": (flat(1),)})
    profile(snapshot, "1001", Activation(0, "OWN"))
    assert found(snapshot, "39").plan == "OWN"
    assert refused(snapshot, "44") is Refusal.NO_RATE


def test_a_declared_fallback_subject_prices_what_the_plan_does_not() -> None:
    snapshot = with_plans(OWN={"39": (flat(1),)})
    profile(snapshot, "1001", Activation(0, "OWN", ("nobody", "*any")))
    assert found(snapshot, "44").plan == "RP_DEMO"
    assert found(snapshot, "39").plan == "OWN"


def test_fallbacks_go_three_deep_and_end_when_they_name_each_other() -> None:
    snapshot = with_plans(EMPTY={})
    for subject, fallback in (("1001", "b"), ("b", "c"), ("c", "*any"), ("x", "1001")):
        profile(snapshot, subject, Activation(0, "EMPTY", (fallback,)))
    assert found(snapshot, "44").plan == "RP_DEMO"
    deep = resolve(snapshot, "demo", "call", Service.VOICE, "x", "44", MONDAY, HOUR)
    assert isinstance(deep, Refused)
    profile(snapshot, "1001", Activation(0, "EMPTY", ("1001",)))
    assert refused(snapshot, "44") is Refusal.NO_RATE


def test_activations_in_force_at_the_start_and_within_the_longest_call() -> None:
    snapshot = with_plans(OLD={"44": (flat(1),)}, NEW={"4": (flat(2),)}, LATER={"44": (flat(3),)})
    change = MONDAY + HOUR
    activations = (Activation(0, "LATER"), Activation(MONDAY - DAY, "OLD"), Activation(change, "NEW"))
    profile(snapshot, "1001", *activations, Activation(MONDAY + DAY, "LATER"))
    before = found(snapshot, "44", MONDAY, longest=HOUR - 1)
    across = found(snapshot, "44", MONDAY, longest=2 * HOUR)
    after = found(snapshot, "44", change, longest=2 * HOUR)
    assert [(part.at, part.plan, part.prefix) for part in before.parts] == [(0, "OLD", "44")]
    assert [(part.at, part.plan, part.prefix) for part in across.parts] == [(0, "OLD", "44"), (change, "NEW", "4")]
    assert [(part.at, part.plan, part.prefix) for part in after.parts] == [(0, "NEW", "4")]


def test_a_price_ends_where_a_later_plan_drops_the_destination() -> None:
    snapshot = with_plans(OWN={"44": (flat(1),)}, NEW={"39": (flat(2),)})
    profile(snapshot, "1001", Activation(0, "OWN"), Activation(MONDAY + 60 * SECOND, "NEW"))
    price = found(snapshot, "44")
    assert (len(price.parts), price.ends) == (1, MONDAY + 60 * SECOND)


def test_time_before_the_first_activation_is_left_to_any() -> None:
    snapshot = with_plans(OWN={"44": (flat(1),)})
    profile(snapshot, "1001", Activation(MONDAY + 60 * SECOND, "OWN"))
    price = found(snapshot, "44")
    assert [(part.at, part.plan) for part in price.parts] == [(0, "RP_DEMO"), (MONDAY + 60 * SECOND, "OWN")]


def test_data_takes_the_interval_of_its_start_whatever_the_time_does() -> None:
    # Trap 10: usage other than voice is never split by activation, day or time of day.
    day, night = DATA, interval(Slot(0, 0, 9, 2, 1 << 20, 1 << 10), timing=Timing(start=18 * 3600))
    snapshot = with_plans(RP_DATA={"": (day, night)})
    evening = parse_instant("2026-11-23T18:00:00Z")
    for start, price in ((MONDAY, 1), (evening, 9)):
        got = resolve(snapshot, "demo", "call", Service.DATA, "1001", "", start, 0)
        assert isinstance(got, Price)
        assert [[part.slots[0].price for part in parts.intervals] for parts in got.parts] == [[price]]
        assert got.parts[0].intervals[0].timing == Timing()


def test_services_have_profiles_of_their_own() -> None:
    snapshot = demo_snapshot()
    del snapshot.profiles["demo", "call", "message", "*any"]
    assert refused(snapshot, "44", service=Service.MESSAGE) is Refusal.NO_RATE
    assert found(snapshot, "331").parts[0].intervals == (CENT_A_SECOND,)
