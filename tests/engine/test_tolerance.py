"""How long after a grant's end a session is waited for: the provider's rule goes before the setting."""

from __future__ import annotations

import pytest
from tests.engine.cases_rig import initial, made, rig_of, seconds, world
from tests.engine.rig import granted

from tollhouse.engine.policy import Policy
from tollhouse.snapshot.rules import ReservationRules, Rules
from tollhouse.values.instants import SECOND, parse_instant


@pytest.mark.parametrize(("rule", "lapses"), [(350, "10:15:50"), (0, "10:10:00"), (-1, "10:11:00")])
def test_case_25_by_the_providers_own_rule(rule: int, lapses: str) -> None:
    """600 s from 10:00:00, and the rule's seconds, or the setting's 60 where it says nothing."""
    rules = Rules(reservation=ReservationRules(tolerance_seconds=rule))
    rig = rig_of(world(rules), Policy(tolerance=60 * SECOND))
    made(rig, 600, sessions=1)
    outcome = granted(rig.ask(initial()))
    assert seconds(outcome) == 600
    assert rig.session(outcome.session).until == parse_instant(f"2026-04-30T{lapses}Z")
