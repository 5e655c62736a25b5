"""Engine time is the wall clock's, or the last journalled time where that is later."""

from __future__ import annotations

from tests.engine.rig import BEGIN, authorize, granted, rig_with, start, stop

from tollhouse.values.instants import SECOND


def test_it_never_runs_back() -> None:
    rig = rig_with()
    rig.later(100)
    assert rig.engine.now() == BEGIN + 100 * SECOND
    rig.later(-50)
    assert rig.engine.now() == BEGIN + 100 * SECOND
    rig.later(60)
    assert rig.engine.now() == BEGIN + 110 * SECOND


def test_it_never_runs_back_over_a_restart() -> None:
    rig = rig_with()
    rig.later(100)
    session = granted(rig.ask(authorize())).session
    rig.later(-3600)
    rig.restart()
    assert rig.engine.now() == BEGIN + 100 * SECOND
    assert rig.sweep() == 0
    rig.ask(start())
    assert rig.session(session).started == BEGIN + 100 * SECOND
    rig.ask(stop(seconds=20))
    assert [record.at for record in rig.records()] == [BEGIN, BEGIN + 100 * SECOND]


def test_a_clock_set_back_is_counted_beyond_two_seconds() -> None:
    rig = rig_with()
    rig.engine.now()
    rig.later(-2)
    rig.engine.now()
    assert ("engine_clock_behind", "wall") not in rig.tally.counts
    rig.later(-1)
    rig.engine.now()
    assert rig.tally.counts["engine_clock_behind", "wall"] == 1
