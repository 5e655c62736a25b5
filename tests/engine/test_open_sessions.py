"""How many sessions are open is known without walking over them."""

from __future__ import annotations

from msgspec.structs import replace
from tests.engine.rig import NAS, Rig, authorize, rig_with, start, stop

from tollhouse.engine.audit import audit
from tollhouse.engine.book import COUNT, OPEN_SESSIONS
from tollhouse.values.commands import CloseClient
from tollhouse.values.instants import SECOND


def open_sessions(rig: Rig) -> int:
    return rig.engine.book.open_sessions()


def test_each_opening_and_each_end_counts_once() -> None:
    rig = rig_with()
    assert open_sessions(rig) == 0
    for call in ("c1", "c2", "c3", "c4"):
        rig.ask(authorize(call, ask=60 * SECOND))
    rig.ask(authorize("c1", ask=60 * SECOND))
    assert open_sessions(rig) == 4
    rig.ask(start("c1"))
    rig.ask(stop("c1", 20))
    rig.ask(stop("c1", 20))
    assert open_sessions(rig) == 3
    rig.ask(CloseClient(NAS, "on", "reboot"))
    rig.ask(stop("c1", 30))
    assert open_sessions(rig) == 0


def test_the_count_survives_a_restart() -> None:
    rig = rig_with()
    rig.ask(authorize("c1", ask=60 * SECOND))
    rig.ask(authorize("c2", ask=60 * SECOND))
    rig.restart()
    assert open_sessions(rig) == 2
    rig.sweep(60)
    rig.restart()
    assert open_sessions(rig) == 0


def test_a_session_opened_and_ended_in_one_turn_leaves_no_count() -> None:
    rig = rig_with()
    rig.submit(authorize("c1"))
    rig.submit(start("c1"))
    rig.submit(stop("c1", 20))
    rig.turn()
    assert open_sessions(rig) == 0


def test_a_count_damaged_at_rest_begins_anew_and_ends_nothing() -> None:
    rig = rig_with()
    rig.ask(authorize("c1", ask=60 * SECOND))
    entry = rig.store.entries[COUNT, OPEN_SESSIONS]
    rig.store.entries[COUNT, OPEN_SESSIONS] = replace(entry, image=b"\x01\xc1")
    rig.restart()
    assert audit(rig.store).faults[0].startswith("count of open sessions: ")
    rig.ask(authorize("c2", ask=60 * SECOND))
    assert open_sessions(rig) == 1
    assert audit(rig.store).faults == ("2 sessions are open, 1 are counted",)
    assert rig.sweep(60) == 2
    assert open_sessions(rig) == 0
    rig.proved()
