"""What is refused is no use: nobody wakes or begins by it."""

from __future__ import annotations

import pytest
from tests.engine.cases_rig import event, kinds, made, posted, rig_of, world
from tests.engine.rig import refusal

from tollhouse.snapshot.products import Product
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.refusals import Refusal


@pytest.mark.parametrize("restarted", [False, True])
def test_case_55_a_refused_event_activates_nobody(restarted: bool) -> None:
    """As a refused call does not. The refusal sticks to its id; with money another id is the first use."""
    rig = rig_of(world(products=(Product("p", initial=90 * DAY),)))
    made(rig, 20, product="p")
    assert refusal(rig.ask(event(30))) is Refusal.INSUFFICIENT_FUNDS
    if restarted:
        rig.restart()
    assert (rig.wallet().state, rig.wallet().expiry, kinds(rig)) == ("preuse", 0, ["open"])
    assert refusal(rig.ask(event(30))) is Refusal.INSUFFICIENT_FUNDS
    assert posted(rig.ask(event(20, "less"))).balance == 0
    assert rig.wallet().state == "active"
    rig.proved()


def test_case_68_a_refused_event_wakes_nobody() -> None:
    rig = rig_of(world(products=(Product("p", dormant=90 * DAY),)))
    made(rig, 20, product="p")
    posted(rig.ask(event(1)))
    rig.later(100 * DAY // SECOND)
    assert refusal(rig.ask(event(30, "dear"))) is Refusal.INSUFFICIENT_FUNDS
    assert rig.wallet().state == "dormant"
    rig.sweep()
    assert rig.wallet().state == "dormant"
    posted(rig.ask(event(1, "cheap")))
    assert rig.wallet().state == "active"
    rig.proved()
