"""An opening that comes once more long after its session has ended."""

from __future__ import annotations

from tests.engine.rig import authorize, granted, rig_with, stop


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
