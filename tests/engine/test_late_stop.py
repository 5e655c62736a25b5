"""A Stop that comes after its session's end: nothing is held for it any more, so who pays is decided anew, for all that
has not been paid. Littles and seconds: a second of a call costs one little."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import (
    ONE_A_SECOND,
    POLICY,
    commit,
    filled,
    initial,
    made,
    priced,
    rig_of,
    seconds,
    subsequent,
    values,
    world,
)
from tests.engine.rig import Rig, settled

from tollhouse.engine.policy import OnOverrun, OnSilence
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.values.instants import SECOND

MINUTES = BalanceType("minutes", "second", 0, "voice", SECOND)
GIFT = BalanceType("gift", "LIT", 20)
"""Money that pays behind the main bucket."""
MAIN, OTHER = 1, 2


def silent(rig: Rig, grant: int) -> None:
    """Nothing is heard any more; the sweep comes when the grant and the tolerance are over."""
    assert rig.sweep(grant + 350) == 1


@pytest.mark.parametrize("on_overrun", list(OnOverrun))
def test_money_that_is_free_pays_before_there_is_a_debt(on_overrun: OnOverrun) -> None:
    """Where prices are rounded as CGRateS does, each second is paid from one bucket. 10 of bonus and 100 of cash; 10 s
    were granted, of bonus, and silence cost nothing. The Stop tells 15 s: 10 of bonus and 5 of cash."""
    snapshot = world()
    priced(snapshot, "RP_ONE", replace(ONE_A_SECOND, places=6))
    rig = rig_of(snapshot, replace(POLICY, on_silence=OnSilence.NOTHING, on_overrun=on_overrun))
    made(rig, 100)
    filled(rig, 10, "bonus")
    assert seconds(rig.ask(initial(ask=10))) == 10
    silent(rig, 10)
    assert values(rig) == {OTHER: 10, MAIN: 100}
    ended = settled(rig.ask(commit(used=15)))
    assert (ended.cost, ended.overdrawn) == (15, 0)
    assert values(rig) == {OTHER: 0, MAIN: 95}
    rig.proved()


@pytest.mark.parametrize(("on_silence", "reported"), [(OnSilence.NOTHING, 20), (OnSilence.REPORTED, 0)])
def test_units_that_another_call_took_meanwhile_are_paid_in_money(on_silence: OnSilence, reported: int) -> None:
    """60 s of minutes, held by a call that fell silent and cost nothing then; another call used them up. The Stop of
    the first tells 60 s: 60 of cash, and nothing is forgone."""
    rig = rig_of(world(types=(MINUTES,)), replace(POLICY, on_silence=on_silence))
    made(rig, 100)
    filled(rig, 60, "minutes")
    assert seconds(rig.ask(initial("c1", ask=60))) == 60
    if reported:
        rig.ask(subsequent("c1", reported, more=None))
    silent(rig, 60)
    assert values(rig) == {OTHER: 60, MAIN: 100}
    assert seconds(rig.ask(initial("c2", ask=60))) == 60
    rig.ask(commit("c2", 60))
    assert values(rig)[MAIN] == 100
    assert settled(rig.ask(commit("c1", 60))).cost == 60
    assert values(rig)[MAIN] == 40
    call = rig.records()[-1].call
    assert call is not None
    assert (call.overdrawn, call.forgone) == (0, 0)
    rig.proved()


def test_what_was_reported_before_the_silence_stays_paid_by_who_paid_it() -> None:
    """25 of 60 s of minutes were reported, and charged when silence came; the other 35 went to another call. The Stop
    tells 40 s: 15 of cash."""
    rig = rig_of(world(types=(MINUTES,)))
    made(rig, 100)
    filled(rig, 60, "minutes")
    rig.ask(initial("c1", ask=60))
    rig.ask(subsequent("c1", 25, more=None))
    silent(rig, 60)
    rig.ask(initial("c2", ask=35))
    rig.ask(commit("c2", 35))
    assert settled(rig.ask(commit("c1", 40))).cost == 15
    assert values(rig)[MAIN] == 85
    rig.proved()


def test_a_second_stop_is_paid_from_what_is_free_then() -> None:
    """60 s of minutes were held, 20 used; another call used the other 40. A later Stop tells 50 s: 30 of cash."""
    rig = rig_of(world(types=(MINUTES,)))
    made(rig, 100)
    filled(rig, 60, "minutes")
    rig.ask(initial("c1", ask=60))
    rig.ask(commit("c1", 20))
    rig.ask(initial("c2", ask=40))
    rig.ask(commit("c2", 40))
    assert settled(rig.ask(commit("c1", 50, key="again"))).cost == 30
    assert values(rig)[MAIN] == 70
    rig.proved()


def test_after_an_overrun_a_bucket_recharged_since_pays_on() -> None:
    """10 of cash; 20 s were used: 10 are owed. Then 60 s of minutes come: they pay what is used from then on, whether
    or not more is asked for: 5 s by a report, 7 s by the Stop."""
    rig = rig_of(world(types=(MINUTES,)))
    made(rig, 10)
    rig.ask(initial(ask=10))
    rig.ask(subsequent("c1", 20, more=None))
    assert values(rig) == {MAIN: -10}
    filled(rig, 60, "minutes")
    rig.ask(subsequent("c1", 25, more=None))
    assert values(rig) == {OTHER: 55, MAIN: -10}
    ended = settled(rig.ask(commit("c1", 32)))
    assert (ended.cost, ended.overdrawn) == (20, 10)
    assert values(rig) == {OTHER: 48, MAIN: -10}
    rig.proved()


def test_less_than_was_charged_goes_back_to_who_paid_for_it() -> None:
    """3 of cash, 10 of a gift behind it, then credit: 20 s were granted and charged when silence came, the last 7 on
    credit. The Stop tells 15 s: 5 of the credit are taken back, and the gift gets nothing that cash has paid."""
    rig = rig_of(world(types=(GIFT,)), replace(POLICY, on_silence=OnSilence.GRANTED))
    made(rig, 3, credit=7)
    filled(rig, 10, "gift")
    assert seconds(rig.ask(initial(ask=20))) == 20
    silent(rig, 20)
    assert values(rig) == {MAIN: -7, OTHER: 0}
    assert settled(rig.ask(commit(used=15))).cost == 15
    assert values(rig) == {MAIN: -2, OTHER: 0}
    rig.proved()
