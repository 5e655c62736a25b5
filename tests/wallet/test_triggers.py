"""Action triggers: when they fire, in which order, and when they may again (requirement cgrates 4)."""

from __future__ import annotations

import pytest

from tollhouse.wallet.triggers import Edge, Reading, Trigger, Watched, looked, reset

NOW = 1000
AT_TWO = Trigger("two", Watched.EVENTS, "cash", threshold=2)


def counted(value: int, balance_type: str = "cash") -> tuple[Reading, ...]:
    return (Reading(Watched.EVENTS, balance_type, value),)


@pytest.mark.parametrize(
    ("edge", "value", "fires"),
    [
        (Edge.MAX, 1, False),
        (Edge.MAX, 2, True),
        (Edge.MAX, 3, True),
        (Edge.MIN, 1, True),
        (Edge.MIN, 2, True),
        (Edge.MIN, 3, False),
    ],
)
def test_the_threshold_is_on_both_sides(edge: Edge, value: int, fires: bool) -> None:
    trigger = Trigger("two", Watched.EVENTS, "cash", 2, edge)
    assert looked([trigger], counted(value), NOW).fired == (("two",) if fires else ())


@pytest.mark.parametrize(
    "reading",
    [
        Reading(Watched.EVENTS, "minutes", 5),
        Reading(Watched.BUCKET, "cash", 5),
        Reading(Watched.BALANCE, "cash", 5),
        Reading(Watched.EXPIRED, "cash", 5),
    ],
)
def test_another_reading_is_not_its_own(reading: Reading) -> None:
    assert looked([AT_TWO], [reading], NOW).fired == ()


def test_an_expired_balance_needs_no_threshold() -> None:
    trigger = Trigger("gone", Watched.EXPIRED, "cash", 100)
    assert looked([trigger], [Reading(Watched.EXPIRED, "cash", 1)], NOW).fired == ("gone",)


def test_it_fires_once_until_it_is_reset() -> None:
    first = looked([AT_TWO], counted(2), NOW)
    assert first.triggers == (Trigger("two", Watched.EVENTS, "cash", 2, executed=True, fired=NOW),)
    assert looked(first.triggers, counted(3), NOW + 1).fired == ()
    assert looked(reset(first.triggers), counted(3), NOW + 1).fired == ("two",)


def test_a_recurrent_one_rests_and_fires_again() -> None:
    trigger = Trigger("often", Watched.EVENTS, "cash", 2, recurrent=True, sleep=10)
    first = looked([trigger], counted(2), NOW)
    assert first.fired == ("often",)
    assert looked(first.triggers, counted(2), NOW + 9).fired == ()
    assert looked(first.triggers, counted(2), NOW + 10).fired == ("often",)


def test_the_heavier_fires_first_and_equals_as_listed() -> None:
    names = [("a", 1), ("b", 3), ("c", 2), ("d", 3)]
    triggers = [Trigger(name, Watched.EVENTS, "cash", 2, weight=weight) for name, weight in names]
    found = looked(triggers, counted(2), NOW)
    assert found.fired == ("b", "d", "c", "a")
    assert [one.name for one in found.triggers] == ["a", "b", "c", "d"]


def test_it_works_from_its_start_and_is_gone_at_its_expiry() -> None:
    trigger = Trigger("summer", Watched.EVENTS, "cash", 2, start=NOW, expiry=NOW + 10)
    assert looked([trigger], counted(2), NOW - 1) == looked([trigger], (), NOW - 1)
    assert looked([trigger], counted(2), NOW).fired == ("summer",)
    assert looked([trigger], counted(2), NOW + 9).fired == ("summer",)
    assert looked([trigger], counted(2), NOW + 10).triggers == ()


def test_several_readings_fire_it_once() -> None:
    assert looked([AT_TWO], (*counted(2), *counted(3)), NOW).fired == ("two",)
