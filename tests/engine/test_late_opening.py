"""An opening that comes once more long after its session has ended."""

from __future__ import annotations

from tests.engine.rig import authorize, granted, rig_with, settled, stop, update

from tollhouse.values.instants import SECOND


def test_ccr_initial_five_minutes_after_the_end_is_answered_alike_and_opens_nothing() -> None:
    """RFC 6733 8.8: a Session-Id is never used again. So it is a repeat (RFC 8506 8.2), even after a restart."""
    rig = rig_with()
    opening = authorize(begin=True)
    first = granted(rig.ask(opening))
    rig.ask(stop(seconds=20))
    rig.later(300)
    rig.restart()
    assert rig.ask(opening) == first
    assert rig.wallet().held == 0


def test_another_access_request_under_an_old_name_begins_a_new_session() -> None:
    """A NAS may begin to count Acct-Session-Ids anew (RFC 2866 5.5); its requests have authenticators of their own."""
    rig = rig_with()
    first = granted(rig.ask(authorize()))
    rig.ask(stop(seconds=20))
    rig.later(300)
    assert granted(rig.ask(authorize(key="another"))).session != first.session


def test_a_running_session_that_is_opened_under_another_number_is_closed_and_begins_anew() -> None:
    """Requirement diameter 4.1.5: the client restarted. 60 s were reported: 0.4 + 0.2; then 60 s are held anew."""
    rig = rig_with()
    first = granted(rig.ask(authorize(key="ccr:0:1:0", ask=600 * SECOND, begin=True))).session
    rig.ask(update(seconds=60, key="ccr:0:2:1"))
    second = granted(rig.ask(authorize(key="ccr:0:1:7", ask=60 * SECOND, begin=True))).session
    assert second != first
    assert rig.session(first).state == "closed"
    assert (rig.wallet().balance, rig.wallet().held) == (9_400_000, 600_000)
    assert granted(rig.ask(authorize(key="ccr:0:1:7", ask=60 * SECOND, begin=True))).session == second
    late = authorize(key="ccr:0:1:0", ask=600 * SECOND, begin=True)
    assert granted(rig.ask(late)).session == first  # a repeat of the first opening closes nothing
    assert rig.wallet().held == 600_000
    assert settled(rig.ask(stop(seconds=60))).session == second
    assert (rig.wallet().balance, rig.wallet().held) == (8_800_000, 0)
    rig.proved()
