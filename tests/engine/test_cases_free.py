"""Calls that cost nothing, balances of which nothing can be had, reserved events: cases 34, 44 and 56."""

from __future__ import annotations

import pytest
from tests.engine.cases_rig import LIT, commit, filled, initial, kinds, made, rig_of, world
from tests.engine.rig import caller, granted, refusal, settled
from tests.snapshot_dict import interval, single_plan

from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.rules import EventRules, ReservationRules, Rules
from tollhouse.snapshot.tariff import Activation, Profile, Slot
from tollhouse.values.commands import Authorize, Recharge, Service, Stop, Total
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use

ONE_EACH = interval(Slot(0, 0, 1, 0, 1, 1), decimals=0)
TENS = BalanceType("tens", "second", 0, "voice", SECOND)


@pytest.mark.parametrize("skips", [True, False])
def test_case_34_a_balance_of_which_no_increment_can_be_had(skips: bool) -> None:
    """2 free seconds in steps of 10 s, then 50 at 1 a second: 50 s, or no call at all."""
    rig = rig_of(world(Rules(reservation=ReservationRules(skip_zero_balances=skips)), types=(TENS,)))
    made(rig, 50)
    rig.ask(Recharge("api", "1001", "tens", Amount(2, "second"), "tens", use=Use(subject="*zero10s")))
    outcome = rig.ask(initial())
    if skips:
        assert granted(outcome).granted == 50 * SECOND
    else:
        assert refusal(outcome) is Refusal.INSUFFICIENT_FUNDS


@pytest.mark.parametrize("counts", [True, False])
def test_case_44_a_free_call_that_was_not_answered(counts: bool) -> None:
    """A record and a last use, or neither."""
    rules = ReservationRules(unanswered_free_is_use=counts, unanswered_free_is_recorded=counts)
    rig = rig_of(world(Rules(reservation=rules)))
    made(rig, 50)
    filled(rig, 1, "bonus")
    before = rig.wallet().used
    granted(rig.ask(initial(ask=10)))
    rig.later(5)
    rig.ask(commit(used=0))
    assert (rig.wallet().used > before, kinds(rig)[-1] == "session") == (counts, counts)
    assert (rig.wallet().balance, rig.wallet().held) == (51, 0)
    rig.proved()


@pytest.mark.parametrize(("confirmed", "held"), [(33, 1), (34, 0)])
def test_case_56_a_reserved_event_waits_3600_ms_and_the_tolerance(confirmed: int, held: int) -> None:
    """3.6 s and 30 s: at +33 s it is held still, at +34 s all is free again. What is told later is charged all the
    same, from what is free."""
    rules = Rules(event=EventRules(reservation_milliseconds=3600, reservation_tolerance_seconds=30))
    rig = rig_of(world(rules))
    single_plan(rig.snapshot, Service.MESSAGE, "RP_EVENT", {"44": (ONE_EACH,)})
    rig.snapshot.profiles["demo", "call", Service.MESSAGE, "*any"] = Profile((Activation(0, "RP_EVENT"),), LIT, 0)
    made(rig, 50)
    asked = Authorize(caller("1001"), "inet", ("e1",), Service.MESSAGE, "4420", ask=1)
    granted(rig.ask(asked))
    assert rig.wallet().held == 1
    rig.sweep(confirmed)
    assert rig.wallet().held == held
    confirm = Stop(caller("1001"), "confirm", ("e1",), Total(1), service=Service.MESSAGE, called="4420")
    assert settled(rig.ask(confirm)).cost == 1
    assert (rig.wallet().balance, rig.wallet().held) == (49, 0)
    rig.proved()
