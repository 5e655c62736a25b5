"""How sessions end: never begun, silent, stopped, stopped late, stopped beyond what was granted."""

from __future__ import annotations

import pytest
from tests.engine.rig import (
    BEGIN,
    EUR,
    Rig,
    authorize,
    caller,
    granted,
    refusal,
    rig_with,
    settled,
    start,
    stop,
    update,
)

from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.values.commands import Delta, Recharge, Release, Service, Start, Stop, Total, Update, Usage, Wish
from tollhouse.values.instants import HOUR, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.refusals import Refusal


def begun(rig: Rig, ask: int) -> str:
    """A call that has begun with a grant of so many seconds; its session id."""
    session = granted(rig.ask(authorize(ask=ask * SECOND))).session
    rig.ask(start())
    return session


def test_an_authorisation_that_no_start_follows_gives_all_back_after_the_setup_window() -> None:
    rig = rig_with()
    session = granted(rig.ask(authorize())).session
    assert rig.sweep(59) == 0
    assert rig.wallet().held == 10 * EUR
    assert rig.sweep(1) == 1
    assert (rig.wallet().held, rig.wallet().balance, rig.session(session).state) == (0, 10 * EUR, "closed")
    assert len(rig.records()) == 1
    rig.proved()


def test_a_session_has_a_start_from_when_it_was_answered_on() -> None:
    """0, shown as null, while it is only authorised, and where it ended so."""
    rig = rig_with(opening=30 * EUR)
    for call in ("rang", "cancelled", "answered"):
        rig.ask(authorize(call, ask=60 * SECOND))
    rang, cancelled, answered = (rig.session(f"{number}-1") for number in (2, 3, 4))
    assert (rang.state, rang.created, rang.started) == ("authorised", BEGIN, 0)
    rig.ask(Release(caller(), "cancel", ("cancelled",)))
    assert (rig.session(cancelled.session).state, rig.session(cancelled.session).started) == ("closed", 0)
    rig.later(7)
    rig.ask(start("answered"))
    assert rig.session(answered.session).started == BEGIN + 7 * SECOND
    rig.sweep(53)
    assert (rig.session(rang.session).state, rig.session(rang.session).started) == ("closed", 0)
    rig.ask(stop("answered", 53))
    assert rig.session(answered.session).started == BEGIN + 7 * SECOND
    rig.ask(stop("rang", 40))
    assert rig.session(rang.session).started == BEGIN + 20 * SECOND


def test_a_redirect_holds_the_shortest_charge_until_sip_hold() -> None:
    """The shortest call is one step of a minute: 0.4 + 0.2."""
    rig = rig_with()
    granted(rig.ask(authorize(wish=Wish.SHORTEST)))
    assert rig.wallet().held == 600_000
    assert rig.sweep(29) == 0
    assert rig.sweep(1) == 1
    assert rig.wallet().held == 0


def test_a_cancelled_call_gives_all_back_at_once() -> None:
    """Oracle 37: released, nothing is charged and there is no record."""
    rig = rig_with()
    rig.ask(authorize())
    ended = settled(rig.ask(Release(caller(), "cancel", ("c1",))))
    assert (ended.cost, ended.balance, rig.wallet().held, len(rig.records())) == (0, 10 * EUR, 0, 1)


def test_a_call_that_has_begun_is_not_released_but_stopped() -> None:
    rig = rig_with()
    begun(rig, 60)
    assert refusal(rig.ask(Release(caller(), "cancel", ("c1",)))) is Refusal.INVALID
    assert rig.wallet().held == 600_000


def test_reserved_settled_and_given_back() -> None:
    """Oracle 35 and 36: held beside the balance, then the cost taken and one record."""
    rig = rig_with()
    begun(rig, 60)
    view = rig.wallet()
    assert (view.balance, view.held, view.available) == (10 * EUR, 600_000, 9_400_000)
    rig.ask(stop(seconds=45))
    view = rig.wallet()
    assert (view.balance, view.held, view.available) == (9_400_000, 0, 9_400_000)
    assert [record.kind for record in rig.records()] == ["open", "session"]


@pytest.mark.parametrize(
    ("on_silence", "cost", "used"),
    [
        (OnSilence.REPORTED, 600_000, 30),  # 30 s were reported: a minute
        (OnSilence.GRANTED, 800_000, 30),  # 180 s: 0.6 + 120 x 0.1/60
        (OnSilence.NOTHING, 0, 30),  # what was reported is known, and free of charge
    ],
)
def test_silence_past_grant_and_tolerance(on_silence: OnSilence, cost: int, used: int) -> None:
    """Oracle 26, 41, 42: the tolerance lengthens the reservation, not the grant; then the product's rule decides."""
    rig = rig_with(policy=Policy(on_silence=on_silence))
    session = begun(rig, 180)
    rig.later(30)
    rig.ask(update(seconds=30))
    assert rig.sweep(180 + 60 - 30 - 1) == 0
    assert rig.sweep(1) == 1
    view = rig.session(session)
    assert (view.state, view.cost, view.used, view.held) == ("closed", cost, used * SECOND, 0)
    assert (rig.wallet().balance, rig.wallet().held) == (10 * EUR - cost, 0)
    rig.proved()


def test_what_a_silent_call_gives_back_goes_where_it_came_from() -> None:
    """A bonus must not become cash: 0.25 of the 0.6 were bonus, which pays first and is good for two minutes."""
    rig = rig_with(policy=Policy(on_silence=OnSilence.NOTHING))
    bonus = Amount(250_000, "EUR")
    rig.ask(Recharge("api", "1001", "bonus", bonus, "bonus", expiry=rig.clock + 120 * SECOND))
    begun(rig, 30)
    rig.later(30)
    rig.ask(update(seconds=30))
    assert [bucket.value for bucket in rig.wallet().buckets] == [0, 10 * EUR - 350_000]
    assert rig.sweep(60) == 1
    assert [bucket.value for bucket in rig.wallet().buckets] == [250_000, 10 * EUR]
    assert rig.sweep(30) == 1
    assert [bucket.value for bucket in rig.wallet().buckets] == [10 * EUR]
    rig.proved()


@pytest.mark.parametrize("on_silence", list(OnSilence))
@pytest.mark.parametrize(("seconds", "cost"), [(20, 600_000), (240, 900_000)])
def test_a_stop_after_the_silence_has_the_last_word(on_silence: OnSilence, seconds: int, cost: int) -> None:
    """240 s: 0.6 + 180 x 0.1/60 = 0.9. Whatever was assumed, in the end the call costs what it costs."""
    rig = rig_with(policy=Policy(on_silence=on_silence))
    begun(rig, 180)
    rig.sweep(180 + 60)
    ended = settled(rig.ask(stop(seconds=seconds)))
    assert (ended.cost, rig.wallet().balance) == (cost, 10 * EUR - cost)
    before = rig.store.chains["1001"][-1]
    assert settled(rig.ask(stop(seconds=seconds, key="again"))) == ended
    assert rig.store.chains["1001"][-1] is before
    rig.proved()


def test_a_late_stop_posts_the_difference_as_a_new_record() -> None:
    rig = rig_with()
    begun(rig, 60)
    rig.ask(update(seconds=60))
    rig.sweep(200)
    settled(rig.ask(stop(seconds=85)))
    took = [sum(posting.amount for posting in record.postings) for record in rig.records()[1:]]
    assert sum(took) == -641_700
    assert took[-1] == -41_700


def test_units_of_a_late_ccr_termination_are_charged() -> None:
    """What was used since the last report is owed, whether or not the session had been taken for silent."""
    rig = rig_with()
    rig.ask(authorize(begin=True, ask=60 * SECOND))
    rig.sweep(60 + 60)
    last = Stop(caller(), "ccr:3:1", ("c1",), Delta(60 * SECOND), called="4420")
    assert settled(rig.ask(last)).cost == 600_000
    assert rig.ask(last) == rig.ask(last)
    other = Stop(caller(), "ccr:3:2", ("c1",), Delta(60 * SECOND), called="4420")
    assert refusal(rig.ask(other)) is Refusal.SESSION_CLOSED
    assert rig.wallet().balance == 9_400_000
    rig.proved()


@pytest.mark.parametrize("on_silence", list(OnSilence))
@pytest.mark.parametrize(
    ("last", "seconds", "cost"),
    [
        (Delta(25 * SECOND), 85, 641_700),  # 60 + 25: 0.4 + 0.2 + 25 x 0.1/60
        (Total(85 * SECOND), 85, 641_700),
        (Total(60 * SECOND), 60, 600_000),
        (Total(20 * SECOND), 60, 600_000),  # usage never shrinks
    ],
)
def test_a_late_stop_adds_to_what_was_reported_before_the_silence(
    on_silence: OnSilence, last: Usage, seconds: int, cost: int
) -> None:
    """60 s were reported, then nothing: whatever the silence was taken for, a Stop in either form ends at one cost."""
    rig = rig_with(policy=Policy(on_silence=on_silence))
    begun(rig, 180)
    rig.later(60)
    rig.ask(update(seconds=60))
    assert rig.sweep(180 + 60 - 60) == 1
    told = Stop(caller(), "stop", ("c1",), last, called="4420")
    ended = settled(rig.ask(told))
    assert (ended.usage, ended.cost, rig.wallet().balance) == (seconds * SECOND, cost, 10 * EUR - cost)
    assert rig.ask(told) == ended
    assert rig.wallet().balance == 10 * EUR - cost
    rig.proved()


def test_a_late_stop_that_tells_no_usage_leaves_nothing_assumed() -> None:
    """60 s reported, then silence that costs nothing, then the Stop: it did take place, and costs what was reported."""
    rig = rig_with(policy=Policy(on_silence=OnSilence.NOTHING))
    begun(rig, 180)
    rig.ask(update(seconds=60))
    rig.sweep(180 + 60)
    assert rig.wallet().balance == 10 * EUR
    assert settled(rig.ask(Stop(caller(), "stop", ("c1",), Delta(0), called="4420"))).cost == 600_000
    rig.proved()


def test_a_stop_that_tells_no_usage_ends_with_what_was_reported() -> None:
    rig = rig_with()
    begun(rig, 180)
    rig.ask(update(seconds=85))
    ended = settled(rig.ask(Stop(caller(), "stop", ("c1",), Delta(0), called="4420", open_unknown=True)))
    assert (ended.cost, ended.usage, rig.wallet().held) == (641_700, 85 * SECOND, 0)


def test_a_start_after_long_ringing_opens_the_session_anew() -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.sweep(90)
    assert rig.wallet().held == 0
    session = granted(rig.ask(start())).session
    assert (rig.session(session).state, rig.wallet().held) == ("started", 10 * EUR)
    assert settled(rig.ask(stop(seconds=85))).session == session
    rig.ask(start())  # sent again, late: it has been answered
    assert (rig.wallet().held, rig.wallet().balance) == (0, 9_358_300)
    rig.proved()


def test_a_stop_alone_bills() -> None:
    rig = rig_with()
    assert settled(rig.ask(stop(seconds=85))).cost == 641_700
    assert refusal(rig_with().ask(stop(seconds=85, open_unknown=False))) is Refusal.UNKNOWN_SESSION


def test_a_call_known_by_its_stop_alone_began_when_its_time_says() -> None:
    """Three hours before it ended, although a client's time is believed within an hour only."""
    rig = rig_with(opening=100 * EUR)
    ended = settled(
        rig.ask(
            Stop(caller(), "stop", ("c1",), Total(3 * HOUR), at=BEGIN - 5 * SECOND, called="4420", open_unknown=True)
        )
    )
    assert rig.session(ended.session).started == BEGIN - 5 * SECOND - 3 * HOUR


@pytest.mark.parametrize(("ago", "began"), [(5, BEGIN - 5 * SECOND), (3600, BEGIN - HOUR), (3601, BEGIN)])
def test_a_clients_time_is_believed_within_an_hour(ago: int, began: int) -> None:
    rig = rig_with()
    rig.ask(Start(caller(), "start", ("c1",), Service.VOICE, "4420", at=BEGIN - ago * SECOND))
    session = granted(rig.ask(start())).session
    assert rig.session(session).started == began


@pytest.mark.parametrize(
    ("on_overrun", "cost", "overdrawn", "forgone"),
    [(OnOverrun.DEBT, 1_500_000, 500_000, 0), (OnOverrun.CAP, 1_000_000, 0, 500_000)],
)
def test_use_beyond_all_money(on_overrun: OnOverrun, cost: int, overdrawn: int, forgone: int) -> None:
    """600 s cost 0.6 + 540 x 0.1/60 = 1.5; the wallet has 1: half a euro of debt, or nothing."""
    rig = rig_with(opening=EUR, policy=Policy(on_overrun=on_overrun))
    rig.ask(authorize())
    rig.ask(start())
    ended = settled(rig.ask(stop(seconds=600)))
    assert (ended.cost, ended.overdrawn, rig.wallet().balance) == (cost, overdrawn, EUR - cost)
    call = rig.records()[-1].call
    assert call is not None
    assert (call.overdrawn, call.forgone) == (overdrawn, forgone)
    rig.proved()


def test_use_beyond_the_grant_is_paid_from_free_money_first() -> None:
    rig = rig_with()
    begun(rig, 60)
    ended = settled(rig.ask(stop(seconds=85)))
    assert (ended.cost, ended.overdrawn, rig.wallet().balance) == (641_700, 0, 9_358_300)


def test_a_debt_never_takes_what_another_call_holds() -> None:
    """10: call 1 holds all but 0.6, call 2 the 0.6 and talks for 600 s (1.5): 0.9 of debt; call 1 is paid."""
    rig = rig_with()
    rig.ask(authorize("c2", ask=60 * SECOND))
    reach = granted(rig.ask(authorize("c1"))).granted
    rig.ask(start("c1"))
    rig.ask(start("c2"))
    assert settled(rig.ask(stop("c2", 600))).overdrawn == 900_000
    ended = settled(rig.ask(stop("c1", reach // SECOND)))
    assert (ended.cost, ended.overdrawn) == (9_400_000, 0)
    assert rig.wallet().balance == -900_000
    rig.proved()


def test_a_data_session_that_reports_is_not_silent() -> None:
    """A grant of data is good for an hour from each report."""
    rig = rig_with()
    ask = authorize(service=Service.DATA, called="", begin=True)
    session = granted(rig.ask(ask)).session
    for part in range(4):
        rig.sweep(3000)
        granted(rig.ask(Update(caller(), f"u{part}", ("c1",), Total(part * 1024), service=Service.DATA)))
    assert rig.session(session).state == "started"
    rig.sweep(3660)
    assert rig.session(session).state == "closed"
