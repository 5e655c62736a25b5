"""Metrics over a window of events, against tables worked by hand (requirement cgrates 7)."""

from __future__ import annotations

import pytest

from tollhouse.records.statistics import Event, Metric, Window, added, current, measured, without
from tollhouse.values.instants import SECOND

ANSWERED = Event("a", 10, True, 60 * SECOND, 600, 2 * SECOND, "1001")
SHORT = Event("b", 20, True, 10 * SECOND, 101, 4 * SECOND, "1002")
BUSY = Event("c", 30, destination="1001")
EVENTS = (ANSWERED, SHORT, BUSY)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric.ASR, (200, 3)),
        (Metric.ACD, (70 * SECOND, 2)),
        (Metric.TCD, (70 * SECOND, 1)),
        (Metric.ACC, (701, 2)),
        (Metric.TCC, (701, 1)),
        (Metric.PDD, (6 * SECOND, 2)),
        (Metric.DDC, (2, 1)),
    ],
)
def test_each_metric(metric: Metric, expected: tuple[int, int]) -> None:
    """Three calls, the last one busy: 2 of 3 answered, 60 s and 10 s, 600 and 101 steps, 2 s and 4 s, two numbers."""
    assert measured(metric, EVENTS) == expected


def test_too_few_events_are_not_measured() -> None:
    assert measured(Metric.ASR, EVENTS, 4) is None
    assert measured(Metric.ACD, EVENTS, 3) is None
    assert measured(Metric.ACD, EVENTS, 2) == (70 * SECOND, 2)


@pytest.mark.parametrize("metric", Metric)
def test_nothing_is_never_measured(metric: Metric) -> None:
    assert measured(metric, (), 0) is None


def test_nothing_at_all_is_a_value() -> None:
    """A call that cost nothing has a cost; one that was not rated has none."""
    assert measured(Metric.ACC, (Event("a", cost=0), Event("b"))) == (0, 1)


def test_a_full_window_drops_the_oldest() -> None:
    window = Window(length=2)
    for event in EVENTS:
        window = added(window, event, 30)
    assert window.events == (SHORT, BUSY)


def test_events_get_too_old() -> None:
    """They last for 15: at 24 the first one (of 10) still counts, at 25 it does not; at 35 only that of 30 does."""
    window = Window(lasts=15, events=EVENTS)
    assert current(window, 24) == EVENTS
    assert current(window, 25) == (SHORT, BUSY)
    assert current(window, 35) == (BUSY,)
    assert added(window, Event("d", 35), 35).events == (BUSY, Event("d", 35))


def test_an_event_is_taken_out_by_its_id() -> None:
    assert without(Window(events=EVENTS), "b").events == (ANSWERED, BUSY)
    assert without(Window(events=EVENTS), "x").events == EVENTS
