"""Explanations: they agree with `resolve` and `cost`, their lines add up, and they say why."""

from __future__ import annotations

import random

import pytest
from tests.snapshot_dict import DictSnapshot, interval

from tollhouse.rating.cost import cost
from tollhouse.rating.explain import added, arithmetic
from tollhouse.rating.explain_search import Found, Kind, Reason, search
from tollhouse.rating.explain_words import decimal_text, line_text, look_text, rounding_text, timing_text
from tollhouse.rating.price import Part, Price, resolve
from tollhouse.rating.spans import interval_at
from tollhouse.snapshot.tariff import Activation, Interval, Profile, Rounding, Slot
from tollhouse.values.commands import Service
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND, parse_instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.uses import Timing

MONDAY = parse_instant("2026-11-23T12:00:00Z")
SUBJECTS = ("a", "b", "c", "*any")
VOICE = Service.VOICE
TUTORIAL = interval(Slot(0, 4, 2, 1, MINUTE, MINUTE), Slot(MINUTE, 0, 1, 1, MINUTE, SECOND))


def any_interval(dice: random.Random) -> Interval:
    starts = [0, *sorted(dice.sample((60, 120, 300), dice.randrange(3)))]
    slots = tuple(
        Slot(
            at * SECOND,
            0 if at else dice.choice((0, 4)),
            dice.randrange(5),
            1,
            MINUTE,
            dice.choice((1, 30, 60)) * SECOND,
        )
        for at in starts
    )
    return Interval(
        Timing(week_days=dice.choice(((), (1, 2), (6, 7))), start=dice.choice((0, 8, 12, 18)) * 3600),
        dice.randrange(3),
        slots,
        dice.choice(tuple(Rounding)),
        dice.randrange(6),
        f"R{dice.randrange(9)}",
        dice.choice((0, 0, 10**9)),
        dice.choice(("", "*free", "*disconnect")),
        dice.choice((-1, -1, 2, 5)),
    )


def any_snapshot(dice: random.Random) -> DictSnapshot:
    snapshot = DictSnapshot()
    for plan in ("P1", "P2", "P3"):
        prefixes = dice.sample(("", "4", "44", "442", "5"), dice.randrange(1, 4))
        snapshot.plans[plan] = {
            prefix: tuple(any_interval(dice) for _ in range(dice.randrange(1, 4))) for prefix in prefixes
        }
        snapshot.rivals = {
            (plan, prefix): {"RIVAL": tuple(any_interval(dice) for _ in range(dice.randrange(3)))}
            for plan, held in snapshot.plans.items()
            for prefix in held
        }
    for subject in dice.sample(SUBJECTS, dice.randrange(1, 5)):
        times = sorted(dice.sample(range(-3, 3), dice.randrange(1, 4)))
        snapshot.profiles["demo", "call", VOICE, subject] = Profile(
            tuple(
                Activation(MONDAY + at * HOUR, dice.choice(("P1", "P2", "P3", "NONE")), tuple(dice.sample(SUBJECTS, 2)))
                for at in times
            ),
            "EUR",
            6,
            dice.choice(("UTC", "Europe/Berlin")),
        )
    return snapshot


@pytest.mark.parametrize("seed", range(8))
def test_an_explanation_agrees_with_the_price_and_adds_up(seed: int) -> None:
    dice = random.Random(seed)
    priced = 0
    for _ in range(400):
        snapshot, subject = any_snapshot(dice), dice.choice(SUBJECTS)
        start, usage = (
            MONDAY + dice.randrange(*dice.choice(((-DAY, 7 * DAY), (-4 * HOUR, 3 * HOUR)))),
            dice.choice((0, 1, 59 * SECOND, dice.randrange(5 * HOUR))),
        )
        asked = (snapshot, "demo", "call", VOICE, subject, "4420", start, usage)
        found, looks = search(*asked)
        price = resolve(*asked)
        assert all(look_text(look) for look in looks)
        if isinstance(price, Refused):
            assert not found or not found[0].priced
            continue
        priced += 1
        rate = next(look.interval for look in reversed(looks) if look.interval and look.reason is Reason.TAKEN)
        if len(price.parts) == 1 and not price.ends:
            assert rate == interval_at(price, start)[0]
        chosen = [(one.plan, one.prefix) for one in found[: len(price.parts)]]
        assert chosen == [(part.plan, part.prefix) for part in price.parts]
        assert all(one.priced for one in found[: len(price.parts)])
        total = arithmetic(price, start, usage)
        assert total.cost == cost(price, start, usage)
        assert added(line.cost for line in total.lines) == total.total
        assert all(line_text(line, VOICE) for line in total.lines)
        assert rounding_text(total, price)
    assert priced > 50


def price_of(one: Interval) -> Price:
    return Price(VOICE, "EUR", 6, "UTC", (Part(0, "P", "1002", (one,), "DST_1002"),))


def test_a_sum_is_told_line_by_line() -> None:
    """0.4 + 0.2 + 25 x 0.1/60 = 0.641666.. -> 0.6417 (requirement cgrates 2.6)."""
    price = price_of(TUTORIAL)
    total = arithmetic(price, MONDAY, 85 * SECOND)
    assert [line_text(line, VOICE) for line in total.lines] == [
        "connect fee (rate RT) = 0.4",
        "from second 0, 1 x 60 s at 0.2 per 60 s (rate RT slot 1, destination DST_1002, always) = 0.2",
        "from second 60, 25 x 1 s at 0.1 per 60 s (rate RT slot 2, destination DST_1002, always) = 0.041666..",
    ]
    assert rounding_text(total, price) == "0.641666.. rounded up at 4 decimals = 0.6417, by destination DST_1002"


def test_price_mode_cgrates_tells_the_rounded_increment() -> None:
    """25 x 0.00167 = 0.04175: 0.64175 -> 0.6418."""
    own = Interval(TUTORIAL.timing, TUTORIAL.weight, TUTORIAL.slots, TUTORIAL.rounding, 4, "RT", places=5)
    total = arithmetic(price_of(own), MONDAY, 85 * SECOND)
    assert line_text(total.lines[-1], VOICE) == (
        "from second 60, 25 x 0.00167 (1 s at 0.1 per 60 s, rounded at 5 decimals) "
        "(rate RT slot 2, destination DST_1002, always) = 0.04175"
    )
    assert total.cost == 641_800


def test_a_cap_is_a_line_of_its_own() -> None:
    """A minute at 0.02 a second is 1.2, of which a cap of 1 takes 0.2 off again."""
    capped = interval(Slot(0, 0, 2, 2, SECOND, SECOND), max_cost=10**9, strategy="*free")
    total = arithmetic(price_of(capped), MONDAY, 60 * SECOND)
    assert [decimal_text(line.cost) for line in total.lines] == ["1.2", "-0.2"]
    assert line_text(total.lines[1], VOICE) == "the call costs 1 at most by destination DST_1002: -0.2"


def two_plans() -> DictSnapshot:
    snapshot = DictSnapshot()
    night = interval(TUTORIAL.slots[0], timing=Timing(start=18 * 3600), weight=20)
    weekend = interval(TUTORIAL.slots[0], timing=Timing(week_days=(6, 7)), weight=30)
    light = interval(TUTORIAL.slots[0], timing=Timing(week_days=(1, 2, 3, 4, 5), start=8 * 3600), weight=5)
    snapshot.plans["NEW"] = {"5": (TUTORIAL,)}
    snapshot.plans["DAY"] = {"4420": (weekend,), "44": (night, light, TUTORIAL), "": (TUTORIAL,)}
    snapshot.profiles["demo", "call", VOICE, "*any"] = Profile(
        (Activation(0, "OLD"), Activation(1, "NEW", ("gone", "day")), Activation(MONDAY + DAY, "LATER")), "EUR", 6
    )
    snapshot.profiles["demo", "call", VOICE, "day"] = Profile((Activation(0, "DAY"),), "EUR", 6)
    return snapshot


def test_every_candidate_has_its_reason() -> None:
    found, looks = search(two_plans(), "demo", "call", VOICE, "1001", "4420", MONDAY, MINUTE)
    assert found == (Found(MONDAY, "DAY", "44", True),)
    assert [(look.kind, look.name, look.reason, look.depth) for look in looks] == [
        (Kind.SUBJECT, "1001", Reason.NO_PROFILE, 0),
        (Kind.SUBJECT, "*any", Reason.TAKEN, 0),
        (Kind.ACTIVATION, "OLD", Reason.REPLACED, 0),
        (Kind.ACTIVATION, "LATER", Reason.TOO_LATE, 0),
        (Kind.ACTIVATION, "NEW", Reason.TAKEN, 0),
        (Kind.PREFIX, "4420", Reason.NOT_IN_PLAN, 0),
        (Kind.PREFIX, "44", Reason.NOT_IN_PLAN, 0),
        (Kind.PLAN, "NEW", Reason.NO_PRICE, 0),
        (Kind.SUBJECT, "gone", Reason.NO_PROFILE, 1),
        (Kind.SUBJECT, "day", Reason.TAKEN, 1),
        (Kind.ACTIVATION, "DAY", Reason.TAKEN, 1),
        (Kind.PREFIX, "4420", Reason.NOTHING_ACTIVE, 1),
        (Kind.INTERVAL, "RT", Reason.WRONG_DAY, 1),
        (Kind.PREFIX, "44", Reason.TAKEN, 1),
        (Kind.INTERVAL, "RT", Reason.NOT_BEGUN, 1),
        (Kind.INTERVAL, "RT", Reason.LIGHTER, 1),
        (Kind.INTERVAL, "RT", Reason.TAKEN, 1),
        (Kind.PREFIX, "", Reason.LONGER_TAKEN, 1),
    ]
    told = [look_text(look) for look in looks]
    assert told[8] == "  fallback subject gone: has no rating profile"
    assert told[12] == "  rate RT (Sat, Sun): not active on this day"
    assert told[14] == "  rate RT (from 18:00): starts at 18:00"
    assert told[15] == "  rate RT (Mon-Fri from 08:00): lighter (weight 5) than rate RT (weight 10)"


def test_timings_in_words() -> None:
    assert timing_text(Timing()) == "always"
    assert timing_text(Timing((2026,), (1, 2), (24,), (1, 3, 4, 5), 30)) == (
        "years 2026 months 1, 2 days 24 Mon, Wed-Fri from 00:00:30"
    )
