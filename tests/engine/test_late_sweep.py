"""A late sweep changes no result: money that is due back is there for whoever needs it, sweep or no sweep.

The demo's tariff: connect fee 0.4, 0.2 for the first minute, then 0.1 a minute by the second. A minute costs 0.6, two
cost 0.7.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.engine.rig import EUR, NAS, Rig, authorize, granted, refusal, rig_with, settled, start, stop, update

from tollhouse.engine.book import PRICE
from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.values.commands import Caller, Charge, CreateWallet, Sweep
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Done, Posted
from tollhouse.values.refusals import Refusal

MINUTE = 60 * SECOND


def never_begun(policy: Policy | None = None, opening: int = 700_000) -> tuple[Rig, str]:
    """0.7 in the wallet, 0.6 of it held by a call that never began; its set-up window ends in this instant."""
    rig = rig_with(opening=opening, policy=policy)
    session = granted(rig.ask(authorize("c1", ask=MINUTE))).session
    rig.later(60)
    return rig, session


def test_an_authorisation() -> None:
    rig = rig_with(opening=700_000)
    first = granted(rig.ask(authorize("c1", ask=MINUTE))).session
    rig.later(59)
    assert refusal(rig.ask(authorize("c2", ask=MINUTE))) is Refusal.INSUFFICIENT_FUNDS
    rig.later(1)
    grant = granted(rig.ask(authorize("c2", ask=MINUTE)))
    assert (grant.granted, grant.final, grant.balance) == (MINUTE, False, 100_000)
    assert (rig.session(first).state, rig.wallet().held) == ("closed", 600_000)
    assert rig.engine.book.open_sessions() == 1
    assert rig.sweep() == 0
    rig.proved()


def test_a_grant_is_not_cut_short() -> None:
    """1.3 in the wallet, 0.6 of it due back: three minutes cost 0.8. The 0.7 beside it would pay two."""
    rig, _ = never_begun(opening=1_300_000)
    grant = granted(rig.ask(authorize("c2", ask=3 * MINUTE)))
    assert (grant.granted, grant.final, grant.balance) == (3 * MINUTE, False, 500_000)
    rig.proved()


def test_a_silent_call_is_charged_before_its_hold_is_free() -> None:
    """One call holds all of 10 for 5700 s and has reported 30 s: 0.6. When it is silent, 9.4 are free."""
    rig = rig_with(policy=Policy(on_silence=OnSilence.REPORTED))
    rig.ask(authorize("c1"))
    rig.ask(start("c1"))
    rig.later(30)
    rig.ask(update("c1", 30))
    assert rig.wallet().held == 9_400_000
    rig.later(5700 - 30 + 60)
    grant = granted(rig.ask(authorize("c2", ask=MINUTE)))
    assert (grant.granted, grant.balance) == (MINUTE, 8_800_000)
    assert [record.request for record in rig.records()[-1:]] == ["silence:2-1"]
    rig.proved()


def test_more_for_a_running_call() -> None:
    """1.3: a minute of c2 for 0.6 has begun, 0.6 are due back from c1, 0.1 is free. Three minutes cost 0.8."""
    rig = rig_with(opening=1_300_000)
    first = granted(rig.ask(authorize("c1", ask=MINUTE))).session
    rig.ask(authorize("c2", ask=MINUTE))
    rig.ask(start("c2"))
    rig.later(60)
    grant = granted(rig.ask(update("c2", 60, more=2 * MINUTE)))
    assert (grant.granted, grant.final, grant.cost, grant.balance) == (2 * MINUTE, False, 600_000, 500_000)
    assert (rig.session(first).state, rig.wallet().held) == ("closed", 200_000)
    rig.proved()


def test_a_charge() -> None:
    rig, first = never_begun()
    charge = Charge(Caller("api", wallet="1001"), "k", Amount(700_000, "EUR"))
    assert isinstance(rig.ask(charge), Posted)
    assert (rig.session(first).state, rig.wallet().balance, rig.wallet().held) == ("closed", 0, 0)
    assert isinstance(rig.ask(charge), Posted)
    rig.proved()


def test_a_charge_that_is_refused_all_the_same() -> None:
    """Its refusal is stored, and so is the end that it brought about: the hold and its session go together."""
    rig, first = never_begun()
    assert refusal(rig.ask(Charge(Caller("api", wallet="1001"), "k", Amount(700_001, "EUR")))) is (
        Refusal.INSUFFICIENT_FUNDS
    )
    assert (rig.session(first).state, rig.wallet().held) == ("closed", 0)
    rig.proved()


@pytest.mark.parametrize("policy", [Policy(), Policy(on_overrun=OnOverrun.CAP)])
def test_use_beyond_the_grant_is_paid_with_it(policy: Policy) -> None:
    """1.3: c2 has a minute for 0.6 and talks seven: 0.4 + 0.2 + 6 x 0.1 = 1.2. Nothing is owed, nothing forgone."""
    rig = rig_with(opening=1_300_000, policy=policy)
    rig.ask(authorize("c1", ask=MINUTE))
    rig.ask(authorize("c2", ask=MINUTE))
    rig.ask(start("c2"))
    rig.later(60)
    ended = settled(rig.ask(stop("c2", 420)))
    assert (ended.cost, ended.overdrawn, ended.balance) == (1_200_000, 0, 100_000)
    assert (rig.wallet().held, rig.engine.book.open_sessions()) == (0, 0)
    rig.proved()


def test_a_call_that_nobody_asked_leave_for() -> None:
    """A Start without an authorisation holds what is there: 0.7 are two minutes."""
    rig, first = never_begun()
    assert granted(rig.ask(start("c2"))).granted == 2 * MINUTE
    assert rig.session(first).state == "closed"
    rig.proved()


def test_a_stop_that_nobody_asked_leave_for() -> None:
    """It opens, charges and ends in one decision: 120 s cost 0.7, which is all."""
    rig, first = never_begun()
    ended = settled(rig.ask(stop("c2", 120)))
    assert (ended.cost, ended.overdrawn, ended.balance) == (700_000, 0, 0)
    assert (rig.session(first).state, rig.wallet().held, rig.engine.book.open_sessions()) == ("closed", 0, 0)
    rig.proved()


def test_a_call_opened_anew_and_another_one_that_is_due() -> None:
    """2 in the wallet, 0.6 held by each of two; c2 is opened anew after 30 s reported (0.6), c1 is due."""
    rig = rig_with(opening=2_000_000)
    rig.ask(authorize("c1", ask=MINUTE))
    rig.ask(authorize("c2", key="a", ask=MINUTE, begin=True))
    rig.ask(update("c2", 30))
    rig.later(60)
    grant = granted(rig.ask(authorize("c2", key="b", ask=9 * MINUTE, begin=True)))
    assert (grant.granted, grant.final, grant.balance) == (9 * MINUTE, False, 0)  # 0.4 + 0.2 + 8 x 0.1 = 1.4
    assert rig.engine.book.open_sessions() == 1
    rig.proved()


def test_a_refused_opening_ends_nothing() -> None:
    """c1 is due, but costs all of its 0.6, and c2 holds 0.59: c3 is refused, nothing is written, c1 is the sweep's."""
    rig = rig_with(opening=1_190_000, policy=Policy(on_silence=OnSilence.GRANTED))
    first = granted(rig.ask(authorize("c1", ask=MINUTE))).session
    rig.ask(start("c1"))  # silent after 60 + 60 s
    rig.later(70)
    rig.ask(authorize("c2", called="331", ask=59 * SECOND))  # 0.01 a second
    rig.later(50)
    before = rig.store.batches
    assert refusal(rig.ask(authorize("c3", ask=MINUTE))) is Refusal.NO_FUNDS
    assert (rig.store.batches, rig.session(first).state) == (before, "started")
    assert rig.ask(Sweep()) == Done(1)


def test_after_a_restart_too() -> None:
    rig, _ = never_begun()
    rig.restart()
    granted(rig.ask(authorize("c2", ask=MINUTE)))
    rig.proved()


def test_a_call_due_later_than_one_already_looked_for() -> None:
    """c1 ends after 60 s, c2 after 70 s: that nothing was due at one look says nothing about a later one."""
    rig = rig_with(opening=1_300_000)
    rig.ask(authorize("c1", ask=MINUTE))
    rig.later(10)
    rig.ask(authorize("c2", ask=MINUTE))
    assert refusal(rig.ask(authorize("c3", ask=MINUTE))) is Refusal.INSUFFICIENT_FUNDS
    rig.later(50)
    granted(rig.ask(authorize("c3", ask=MINUTE)))
    assert refusal(rig.ask(authorize("c4", ask=MINUTE))) is Refusal.INSUFFICIENT_FUNDS
    rig.later(10)
    granted(rig.ask(authorize("c4", ask=MINUTE)))
    assert rig.wallet().held == 1_200_000
    rig.proved()


def test_within_one_turn() -> None:
    """Both are decided before anything is written; the second sees the first one's end of c1."""
    rig, _ = never_begun(opening=1_200_000)
    got = [rig.submit(authorize(call, ask=MINUTE)) for call in ("c2", "c3", "c4")]
    rig.turn()
    assert [granted(one[0]).granted for one in got[:2]] == [MINUTE, MINUTE]
    assert refusal(got[2][0]) is Refusal.NO_FUNDS
    assert rig.wallet().held == 1_200_000
    rig.proved()


def _damage_the_session(rig: Rig, session: str) -> None:
    name = next(name for name in rig.store.entries if name[1] == session.encode())
    entry = rig.store.entries[name]
    rig.store.entries[name] = type(entry)(entry.kind, entry.key, b"\x01\xc1", entry.finds, entry.due)


def _lose_the_price(rig: Rig, session: str) -> None:
    del rig.store.entries[next(name for name in rig.store.entries if name[0] == PRICE)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_damage_the_session, Refusal.INSUFFICIENT_FUNDS),
        (_lose_the_price, Refusal.INTERNAL_ERROR),  # the sweep would put the wallet aside as well
    ],
)
def test_what_cannot_be_ended_is_not_there_for_others(damage: Callable[[Rig, str], None], said: Refusal) -> None:
    rig, first = never_begun()
    damage(rig, first)
    rig.restart()
    assert refusal(rig.ask(authorize("c2", ask=MINUTE))) is said
    assert rig.wallet().held == 600_000


def test_another_wallets_sessions_are_left_alone() -> None:
    rig, first = never_begun()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 10 * EUR))
    other = granted(rig.ask(authorize("d1", name="1002", ask=MINUTE))).session
    rig.later(60)
    granted(rig.ask(authorize("c2", ask=MINUTE)))
    assert (rig.session(first).state, rig.session(other).state) == ("closed", "authorised")
    assert rig.session(other).client == NAS
    rig.proved()


def test_of_very_many_it_ends_the_earliest_ones() -> None:
    """130 calls hold 0.6 each, all there is: 128 ends are one turn's work, the last two are left to the sweep."""
    rig = rig_with(opening=130 * 600_000)
    for call in range(130):
        rig.submit(authorize(f"c{call}", ask=MINUTE))
        if call == 127:
            rig.turn()
            rig.later(1)
    rig.turn()
    rig.later(60)
    granted(rig.ask(authorize("new", ask=MINUTE)))
    assert rig.wallet().held == 3 * 600_000
    assert sorted(session for session in ("3-1", "3-2") if rig.session(session).state == "authorised") == ["3-1", "3-2"]
    assert rig.sweep() == 2
    rig.proved()
