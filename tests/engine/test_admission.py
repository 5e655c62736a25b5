"""Who is turned away: who waits no longer, new business where it cannot be taken, and the first out of a full queue."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, caller, granted, refusal, rig_with, settled, start, stop, update
from tests.snapshot_dict import demo_snapshot

from tollhouse.engine.policy import Policy
from tollhouse.snapshot.tariff import Profile
from tollhouse.values.commands import Caller, Charge, Command, Quote, Recharge, Release, Service
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Outcome, Posted, Refused
from tollhouse.values.refusals import Refusal

QUOTE = Quote("demo", "call", "1001", Service.VOICE, "4420", 60 * SECOND)
CHARGE = Charge(Caller("api", wallet="1001"), "k", Amount(EUR, "EUR"))


def said(outcome: Outcome) -> str:
    """The refusal's name, or what kind of answer it is."""
    return outcome.refusal.value if isinstance(outcome, Refused) else type(outcome).__name__


def test_who_waits_no_longer_is_dropped_before_anything_is_decided() -> None:
    rig = rig_with()
    late = replace(authorize(), deadline=rig.clock + SECOND)
    rig.later(1)
    granted(rig.ask(late))
    rig.ask(Release(caller(), "cancel", ("c1",)))
    rig.later(1)
    for command in (replace(authorize("c2"), deadline=rig.clock - 1), replace(stop("c1", 85), deadline=rig.clock - 1)):
        assert refusal(rig.ask(command)) is Refusal.TOO_LATE
    assert (rig.wallet().held, rig.wallet().records) == (0, 1)


def crowd(rig: Rig, waiting: int, commands: list[Command]) -> list[str]:
    """What the commands get that come when so many wait already."""
    for number in range(waiting):
        rig.submit(stop(f"w{number}", 0, open_unknown=False))
    got = [rig.submit(command) for command in commands]
    rig.turn()
    return [said(one[0]) for one in got]


ASKED: list[Command] = [
    authorize("new"),
    QUOTE,
    update("c1", 30),
    CHARGE,
    start("c2"),
    stop("c1", 85),
    Release(caller(), "cancel", ("c3",)),
]


def test_a_queue_that_is_not_full_takes_all() -> None:
    rig = rig_with(opening=100 * EUR, policy=Policy(max_queue=20))
    for call in ("c1", "c2", "c3"):
        rig.ask(authorize(call))
    assert crowd(rig, 3, ASKED) == ["Granted", "Priced", "Granted", "Posted", "Granted", "Settled", "Settled"]


def test_first_out_are_authorisations_and_quotes() -> None:
    rig = rig_with(opening=100 * EUR, policy=Policy(max_queue=20))
    for call in ("c1", "c2", "c3"):
        rig.ask(authorize(call))
    got = crowd(rig, 20, ASKED)
    assert got == ["overloaded", "overloaded", "Granted", "Posted", "Granted", "Settled", "Settled"]


def test_then_all_but_stop_and_release() -> None:
    rig = rig_with(opening=100 * EUR, policy=Policy(max_queue=20))
    for call in ("c1", "c2", "c3"):
        rig.ask(authorize(call))
    assert crowd(rig, 40, ASKED) == [*["overloaded"] * 5, "Settled", "Settled"]
    assert rig.tally.counts["engine_refusals", "overloaded"] == 5


def test_a_long_queue_is_served_over_several_turns_in_order() -> None:
    rig = rig_with(opening=100 * EUR, policy=Policy(max_batch=2))
    before = rig.store.batches
    got = [rig.submit(authorize(f"c{call}", ask=60 * SECOND)) for call in range(5)]
    rig.turn()
    assert [len(one) for one in got] == [1] * 5
    assert rig.store.batches - before == 3
    held = [10 * 10 * EUR - granted(one[0]).balance for one in got]
    assert held == [600_000 * call for call in (1, 2, 3, 4, 5)]


def test_a_turn_that_takes_long_leaves_the_rest_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking a profile up takes 8 ms by the wall clock, and a call does it twice: 32 ms are two calls."""
    snapshot = demo_snapshot()
    rig = rig_with(opening=100 * EUR, snapshot=snapshot)
    found = snapshot.profile

    def slow(tenant: str, category: str, service: str, subject: str) -> Profile | None:
        rig.clock += SECOND // 125
        return found(tenant, category, service, subject)

    monkeypatch.setattr(snapshot, "profile", slow)
    got = [rig.submit(authorize(f"c{call}", ask=60 * SECOND)) for call in range(5)]
    answered = []
    while rig.soon:
        rig.soon.pop(0)()
        answered.append(sum(len(one) for one in got))
    assert answered == [2, 4, 5]
    held = [10 * 10 * EUR - granted(one[0]).balance for one in got]
    assert held == [600_000 * call for call in (1, 2, 3, 4, 5)]


def test_little_disk_refuses_new_sessions_and_serves_those_that_run() -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.engine.admission.disk_low = True
    assert not rig.engine.accepting()
    assert refusal(rig.ask(authorize("c2"))) is Refusal.STORE_FULL
    assert refusal(rig.ask(CHARGE)) is Refusal.STORE_FULL
    granted(rig.ask(start()))
    granted(rig.ask(update(seconds=30)))
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    assert isinstance(rig.ask(Recharge("api", "1001", "r", Amount(EUR, "EUR"))), Posted)


def test_a_clean_stop_takes_no_new_session() -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.engine.admission.draining = True
    rig.engine.admission.disk_low = True
    assert refusal(rig.ask(authorize("c2"))) is Refusal.SHUTTING_DOWN
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
