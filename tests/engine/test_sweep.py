"""What a sweep ends, how much at once, and what it costs: what is due, not what exists."""

from __future__ import annotations

from tests.engine.rig import BEGIN, EUR, Rig, authorize, rig_with, start, stop, update

from tollhouse.engine.timers import Timers
from tollhouse.values.commands import Caller, Charge, Recharge, Sweep
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Done

MINUTE = 60 * SECOND


def test_nothing_due_nothing_done_nothing_written() -> None:
    rig = rig_with(opening=100 * EUR)
    for call in range(50):
        rig.ask(authorize(f"c{call}", ask=MINUTE))
    before = rig.store.batches
    assert rig.sweep(59) == 0
    assert rig.store.batches == before


def test_everything_at_its_own_time() -> None:
    rig = rig_with()
    rig.ask(authorize("never", ask=MINUTE))  # 60 s
    rig.ask(authorize("silent", ask=MINUTE, begin=True))  # 60 + 60 s
    rig.ask(Recharge("api", "1001", "r", Amount(EUR, "EUR"), "cash", expiry=BEGIN + 30 * SECOND))
    rig.ask(
        Charge(Caller("api", wallet="1001"), "k", Amount(500_000, "EUR"))
    )  # 30 days, with the recharge and the opening
    assert [rig.sweep(30), rig.sweep(29), rig.sweep(1), rig.sweep(59), rig.sweep(1)] == [1, 0, 1, 0, 1]
    assert rig.sweep(86_400 - 60 - 1) == 0
    assert [rig.sweep(1), rig.sweep(60)] == [1, 1]  # the two tombstones, 24 h after each end
    assert rig.sweep(29 * 86_400) == 3
    assert rig.wallet().held == 0
    rig.proved()


def test_at_most_its_limit_the_earliest_first() -> None:
    rig = rig_with(opening=100 * EUR)
    for call in range(10):
        rig.ask(authorize(f"c{call}", ask=MINUTE))
        rig.later(1)
    rig.later(100)
    assert rig.ask(Sweep(limit=4)) == Done(4)
    assert rig.wallet().held == 6 * 600_000
    assert rig.ask(Sweep(limit=4)) == Done(4)
    assert rig.ask(Sweep(limit=4)) == Done(2)
    assert rig.ask(Sweep(limit=4)) == Done(0)


def test_sessions_of_one_wallet_end_in_one_sweep() -> None:
    rig = rig_with()
    for call in ("c1", "c2", "c3"):
        rig.ask(authorize(call, ask=MINUTE))
        rig.ask(start(call))
        rig.ask(update(call, 20))
    assert rig.sweep(120) == 3
    assert (rig.wallet().balance, rig.wallet().held) == (10 * EUR - 3 * 600_000, 0)
    rig.proved()


def test_what_the_same_turn_has_changed_is_left_to_the_next_sweep() -> None:
    """A report on its way keeps its session: it is decided before the sweep of the same turn."""
    rig = rig_with()
    rig.ask(authorize(ask=MINUTE))
    rig.ask(start())
    rig.later(120)
    rig.submit(update(seconds=60, more=MINUTE))
    swept = rig.submit(Sweep())
    rig.turn()
    assert swept == [Done(0)]
    assert rig.wallet().held == 100_000  # a second minute


def test_the_timer_sweeps_once_a_second_and_goes_on_while_there_is_more() -> None:
    rig = rig_with(opening=1000 * EUR)
    for call in range(600):
        rig.submit(authorize(f"c{call}", ask=MINUTE))
    rig.turn()
    timers = Timers(rig.engine, rig.store)
    rig.later(60)
    timers.tick()
    rig.turn()
    assert rig.wallet().held == 0
    assert rig.engine.book.open_sessions() == 0
    assert rig.store.due(rig.clock, 1000) == []


def test_the_timer_watches_the_disk() -> None:
    rig: Rig = rig_with()
    timers = Timers(rig.engine, rig.store)
    rig.store.free = rig.policy.min_free_bytes - 1
    timers.tick()
    assert not rig.engine.accepting()
    rig.store.free += 1
    rig.later(1)
    timers.tick()
    assert rig.engine.accepting()


def test_a_tombstone_that_is_told_more_lives_another_day() -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    rig.ask(stop(seconds=20))
    rig.later(DAY // SECOND - 10)
    rig.ask(stop(seconds=85, key="more"))
    assert rig.sweep(10) == 0
    assert rig.sweep(86_400) == 1
