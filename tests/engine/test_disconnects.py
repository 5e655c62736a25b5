"""Sessions that are to end before their clients end them: who is told, when, and what becomes of their money."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.rig import (
    EUR,
    NAS,
    Rig,
    authorize,
    granted,
    refusal,
    rig_with,
    settled,
    start,
    stop,
    update,
)
from tests.engine.test_legs import call as leg_call
from tests.engine.test_legs import rig as legs_rig

from tollhouse.engine.disconnects import SLICE
from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.values.commands import ChangeWallet, DisconnectSession, RequestType
from tollhouse.values.disconnects import Disconnect, DisconnectReason
from tollhouse.values.instants import SECOND
from tollhouse.values.refusals import Refusal

legs = legs_rig


def listening(rig: Rig) -> list[Disconnect]:
    """What is told from now on."""
    told: list[Disconnect] = []
    rig.engine.listen(told.append)
    return told


def talking(rig: Rig, call: str = "c1", ask: int = 60) -> str:
    """A call that was answered."""
    session = granted(rig.ask(authorize(call, ask=ask * SECOND))).session
    rig.ask(start(call))
    return session


def off(state: str) -> ChangeWallet:
    return ChangeWallet("api", "1001", f"to-{state}", state=state)


@pytest.mark.parametrize(
    ("state", "reason", "no"),
    [
        ("suspended", DisconnectReason.WALLET_SUSPENDED, Refusal.WALLET_SUSPENDED),
        ("frozen", DisconnectReason.WALLET_FROZEN, Refusal.WALLET_SUSPENDED),
        ("terminated", DisconnectReason.WALLET_TERMINATED, Refusal.WALLET_EXPIRED),
    ],
)
def test_a_wallet_taken_out_of_use_ends_its_sessions(state: str, reason: DisconnectReason, no: Refusal) -> None:
    """Its client is told; the session gets no more, and its Stop is charged."""
    rig = rig_with()
    session = talking(rig)
    told = listening(rig)
    rig.ask(off(state))
    own = rig.engine.book.session(session)
    assert own is not None
    assert told == [Disconnect(session, NAS, "", own.keys, "1001", "1001", own.service, reason)]
    assert rig.tally.counts["engine_disconnects", reason.value] == 1
    rig.later(30)
    assert refusal(rig.ask(update("c1", 30, more=60 * SECOND))) is no
    assert rig.wallet().held == 0
    assert settled(rig.ask(stop("c1", 30))).usage == 30 * SECOND
    rig.proved()


def test_only_what_is_durable_is_told() -> None:
    """Nothing is told before the batch is written, and nothing of a change that came to nothing."""
    rig = rig_with()
    talking(rig)
    told = listening(rig)
    batches = rig.store.batches
    seen: list[int] = []
    rig.engine.listen(lambda _: seen.append(rig.store.batches))
    rig.ask(ChangeWallet("api", "1001", "no", state="dormant"))
    assert told == []
    rig.ask(off("suspended"))
    assert seen == [batches + 1]


def test_once_suspended_it_is_not_told_again_when_the_wallet_ends() -> None:
    rig = rig_with()
    talking(rig)
    told = listening(rig)
    rig.ask(off("suspended"))
    rig.ask(off("suspended"))
    rig.ask(off("terminated"))
    assert [one.reason for one in told] == [DisconnectReason.WALLET_SUSPENDED]


def test_a_wallet_s_expiry_is_told_by_whoever_finds_it() -> None:
    """Its date comes while a session runs: the sweep ends the wallet, and says so."""
    rig = rig_with()
    session = talking(rig)
    rig.ask(ChangeWallet("api", "1001", "date", expiry=rig.clock + 10 * SECOND))
    told = listening(rig)
    rig.sweep(10)
    assert [(one.session, one.reason) for one in told] == [(session, DisconnectReason.WALLET_TERMINATED)]


def test_sessions_that_ended_or_are_not_paid_are_left_alone() -> None:
    rig = rig_with()
    talking(rig, "c1")
    rig.ask(stop("c1", 5))
    rig.ask(replace(authorize("c2"), request_type=RequestType.RATED, begin=True))
    running = talking(rig, "c3")
    told = listening(rig)
    rig.ask(off("suspended"))
    assert [one.session for one in told] == [running]


def test_more_money_and_a_release_are_told_to_nobody() -> None:
    rig = rig_with()
    talking(rig)
    told = listening(rig)
    rig.ask(off("suspended"))
    told.clear()
    rig.ask(off("active"))
    assert told == []
    assert granted(rig.ask(update("c1", 10, more=60 * SECOND))).granted == 60 * SECOND


def test_many_are_told_a_slice_in_each_turn() -> None:
    """300 calls of a trunk: 128, 128 and 44."""
    rig = rig_with(opening=10_000 * EUR)
    for number in range(300):
        rig.submit(authorize(f"c{number}", ask=SECOND, begin=True))
    rig.turn()
    told = listening(rig)
    rig.submit(off("suspended"))
    sizes: list[int] = []
    while rig.soon:
        before = len(told)
        rig.soon.pop(0)()
        sizes.append(len(told) - before)
    assert sizes == [SLICE, SLICE, 300 - 2 * SLICE]
    assert len({one.session for one in told}) == 300


def test_a_listener_that_breaks_keeps_nobody_from_hearing() -> None:
    rig = rig_with()
    talking(rig)
    rig.engine.listen(lambda _: 1 // 0)
    told = listening(rig)
    rig.ask(off("suspended"))
    assert len(told) == 1
    assert rig.tally.counts["engine_answer_bugs", ""] == 1


# An operator's word about one session.


@pytest.mark.parametrize(
    ("on_silence", "cost"), [(OnSilence.REPORTED, 600_000), (OnSilence.GRANTED, 700_000), (OnSilence.NOTHING, 0)]
)
def test_an_operator_ends_a_session(on_silence: OnSilence, cost: int) -> None:
    """30 s of 120 were reported: 0.4 and 0.2 for the first minute, then 0.1 a minute by the second: 0.6; all of 120 s
    are 0.7. Its Stop has the last word: 90 s are 0.65."""
    rig = rig_with(policy=Policy(on_silence=on_silence))
    session = talking(rig, ask=120)
    rig.ask(update("c1", 30))
    told = listening(rig)
    done = settled(rig.ask(DisconnectSession("api", session, "k")))
    assert (done.session, done.cost, rig.wallet().held) == (session, cost, 0)
    assert [(one.session, one.client, one.reason) for one in told] == [(session, NAS, DisconnectReason.OPERATOR)]
    assert rig.session(session).state == "closed"
    assert refusal(rig.ask(update("c1", 60, more=SECOND))) is Refusal.SESSION_CLOSED
    assert settled(rig.ask(stop("c1", 90))).cost == 650_000
    rig.proved()


def test_the_same_request_again_ends_and_tells_nothing_more() -> None:
    rig = rig_with()
    session = talking(rig)
    command = DisconnectSession("api", session, "k")
    first = rig.ask(command)
    told = listening(rig)
    assert rig.ask(command) == first
    rig.restart()
    assert rig.ask(command) == first
    assert refusal(rig.ask(DisconnectSession("api", "other", "k"))) is Refusal.CONFLICT
    assert refusal(rig.ask(DisconnectSession("api", session, "k2"))) is Refusal.SESSION_CLOSED
    assert refusal(rig.ask(DisconnectSession("api", "nobody", "k3"))) is Refusal.UNKNOWN_SESSION
    assert told == []


def test_one_that_has_not_begun_gives_all_back() -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize("c1", ask=60 * SECOND))).session
    assert settled(rig.ask(DisconnectSession("api", session, "k"))).cost == 0
    assert (rig.wallet().held, rig.wallet().balance) == (0, 10 * EUR)


@pytest.mark.parametrize("by_leg", [False, True])
def test_all_legs_end_and_the_main_one_is_told(legs: Rig, by_leg: bool) -> None:
    """Whether its own id is named or that of the reseller's leg."""
    main = granted(legs.ask(leg_call())).session
    legs.ask(start("c1"))
    (leg,) = legs.engine.book.sessions(NAS, f"leg:{main}\x1freseller")
    told = listening(legs)
    assert settled(legs.ask(DisconnectSession("api", leg.id if by_leg else main, "k"))).session == main
    assert [one.session for one in told] == [main]
    assert [legs.wallet(name).held for name in ("1001", "reseller", "vendor")] == [0, 0, 0]
    assert legs.engine.book.open_sessions() == 0
    legs.proved()


def test_a_reseller_s_wallet_ends_the_call_of_its_customer(legs: Rig) -> None:
    """The client knows the main leg only; whose wallet it is about is told with it."""
    main = granted(legs.ask(leg_call())).session
    told = listening(legs)
    legs.ask(ChangeWallet("api", "reseller", "off", state="suspended"))
    assert [(one.session, one.client, one.account, one.wallet) for one in told] == [(main, NAS, "1001", "reseller")]
