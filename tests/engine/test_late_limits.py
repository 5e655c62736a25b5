"""Sessions past their end, swept late, keep no other one out of a wallet with a limit, and cut no grant short."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import filled, initial, made, rig_of, seconds, world
from tests.engine.rig import refusal

from tollhouse.values.refusals import Refusal


@pytest.mark.parametrize("swept", [True, False])
def test_case_29_sessions_past_their_end_do_not_count(swept: bool) -> None:
    """Two calls of 60 s that nothing was heard of since; 60 + 350 s later the wallet serves another one."""
    rig = rig_of(world())
    made(rig, 1000, sessions=2)
    assert [seconds(rig.ask(initial(call, ask=60))) for call in ("c1", "c2")] == [60, 60]
    rig.later(409)
    assert refusal(rig.ask(initial("c3"))) is Refusal.SESSION_LIMIT
    rig.later(1)
    if swept:
        assert rig.sweep() == 2
    assert seconds(rig.ask(initial("c4", ask=60))) == 60
    rig.sweep()
    assert rig.wallet().held == 60
    rig.proved()


def test_case_27_a_session_past_its_end_does_not_make_a_wallet_greedy() -> None:
    """100, a first call got 60 and fell silent: the next one gets max(60, 100 // 3) again."""
    rig = rig_of(world())
    made(rig, sessions=3)
    filled(rig, 100)
    assert seconds(rig.ask(initial("c1"))) == 60
    rig.later(411)
    assert seconds(rig.ask(initial("c2"))) == 60
    rig.proved()


def test_case_29_a_session_that_is_opened_anew_does_not_count_twice() -> None:
    """Its switch restarted, and asks for the running call under its name again: the old one has ended."""
    rig = rig_of(world())
    made(rig, 1000, sessions=1)
    assert seconds(rig.ask(initial("c1", ask=60))) == 60
    assert seconds(rig.ask(replace(initial("c1", ask=60), key="ir2"))) == 60
    assert rig.wallet().held == 60
    assert refusal(rig.ask(initial("c2"))) is Refusal.SESSION_LIMIT
    rig.proved()
