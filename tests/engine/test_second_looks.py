"""What a decision's own changes, a late word or a second request under one name must not do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import LIT, POLICY, caller, filled, made, rig_of, values, world
from tests.engine.rig import EUR, Rig, granted, refusal, settled, start
from tests.snapshot_dict import demo_snapshot

from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.snapshot.accounts import BalanceType, Category
from tollhouse.snapshot.products import EventPrice, NamedEvent
from tollhouse.snapshot.rules import Rules, WalletRules
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Charge,
    CreateWallet,
    DisconnectSession,
    EventName,
    Recharge,
    RemoveWallet,
    RequestType,
    Service,
    Stop,
    Total,
    Transfer,
    Update,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount, Unit
from tollhouse.values.outcomes import Posted, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use

FREE = BalanceType("free", "second", 0, "voice", SECOND)
RING = EventName("VAS", "RING")


def ask(seconds: int, kind: RequestType | None = None, called: str = "4420", begin: bool = True) -> Authorize:
    return Authorize(
        caller(), "ask", ("c1",), Service.VOICE, called, ask=seconds * SECOND, begin=begin, request_type=kind
    )


def report(seconds: int, more: int | None = None, called: str = "4420") -> Update:
    wish = None if more is None else more * SECOND
    return Update(caller(), f"report:{seconds}", ("c1",), Total(seconds * SECOND), wish, called=called)


def end(seconds: int, key: str = "end") -> Stop:
    return Stop(caller(), key, ("c1",), Total(seconds * SECOND), called="4420")


def family(policy: Policy | None = None, legs: tuple[str, ...] = (), kind: RequestType = RequestType.PREPAID) -> Rig:
    """1001 has 1 EUR of the group, 1002 has 20; a call to 331 costs a cent a second."""
    snapshot = demo_snapshot()
    snapshot.balance_types["shared"] = BalanceType("shared", "EUR", 5)
    snapshot.accounts["1001"] = replace(snapshot.accounts["1001"], legs=legs, request_type=kind)
    rig = Rig(policy, snapshot)
    for name, euros in (("1001", 1), ("1002", 20)):
        rig.ask(CreateWallet("api", name, f"make-{name}", "EUR", 100 * EUR if legs and name == "1002" else 0))
        amount = Amount(euros * EUR, "EUR")
        rig.ask(Recharge("api", name, f"share-{name}", amount, "shared", use=Use(groups=("family",))))
    return rig


def shared(rig: Rig, name: str) -> int:
    return sum(bucket.value for bucket in rig.wallet(name).buckets if bucket.balance_type == "shared")


def test_a_group_that_lends_twice_in_one_decision_lends_from_what_is_left() -> None:
    """300 s are told of a call that nobody announced: 3 EUR, two of them lent; 600 s more: 6 EUR, all lent. 21 - 3 are
    left: 6 held by 1001 and 12 with 1002."""
    rig = family(Policy(max_grant=600 * SECOND))
    asked = replace(report(300, 600, "33123"), open_unknown=True)
    assert granted(rig.ask(asked)).granted == 600 * SECOND
    assert (shared(rig, "1001"), shared(rig, "1002")) == (6 * EUR, 12 * EUR)
    rig.proved()


def test_a_leg_may_lend_to_another_leg() -> None:
    """500 s cost each leg 5 EUR: 1001 has 1 of the group and is lent 4; 1002 pays its own 5 of it, too: 20 - 4 - 5."""
    rig = family(legs=("1002",), kind=RequestType.PSEUDOPREPAID)
    granted(rig.ask(ask(500, called="33123")))
    rig.ask(report(500, called="33123"))
    assert settled(rig.ask(end(500))).cost == 5 * EUR
    assert (shared(rig, "1001"), shared(rig, "1002"), rig.engine.book.open_sessions()) == (0, 11 * EUR, 0)
    assert rig.wallet("1002").balance == 111 * EUR
    rig.proved()


@pytest.mark.parametrize("kind", [RequestType.PREPAID, RequestType.POSTPAID, RequestType.PSEUDOPREPAID])
@pytest.mark.parametrize("ends", ["stop", "silence"])
def test_a_tracker_counts_what_is_charged_at_the_end(kind: RequestType, ends: str) -> None:
    tracker = BalanceType("talk", "second", 50, "voice", SECOND, category=Category.TRACKER)
    rig = rig_of(world(types=(tracker,)))
    made(rig, 1000, types=("talk",))
    granted(rig.ask(ask(300, kind)))
    rig.ask(report(100))
    if ends == "stop":
        rig.ask(end(100))
    else:
        rig.sweep(2000)
    assert {one.balance_type: one.value for one in rig.wallet().buckets} == {"cash": 900, "talk": 100}
    rig.proved()


@pytest.mark.parametrize("kind", [kind for kind in RequestType if kind is not RequestType.NONE])
def test_a_report_that_cannot_be_counted_is_refused_when_it_comes(kind: RequestType) -> None:
    """10^15 messages at 0.05: 5 x 10^19 millionths. The session goes on and ends as if it had not been said."""
    rig = Rig(None, demo_snapshot())
    rig.ask(CreateWallet("api", "1001", "make", "EUR", 10 * EUR))
    asked = Authorize(caller(), "a", ("c1",), Service.MESSAGE, "4420", ask=5, begin=True, request_type=kind)
    granted(rig.ask(asked))
    said = Update(caller(), "u", ("c1",), Total(10**15), None, service=Service.MESSAGE, called="4420")
    assert refusal(rig.ask(said)) is Refusal.AMOUNT_OUT_OF_RANGE
    last = Stop(caller(), "s", ("c1",), Total(2), service=Service.MESSAGE, called="4420")
    assert settled(rig.ask(last)).usage == 2
    assert rig.engine.book.open_sessions() == 0


@pytest.mark.parametrize("clears", [False, True])
def test_units_that_a_late_word_gives_back_have_their_place(clears: bool) -> None:
    """60 free seconds: a call has used 30, a charge takes the others. Silence costs nothing: 30 come back."""
    rules = Rules(wallet=WalletRules(clears_empty_buckets=clears))
    rig = rig_of(world(rules, types=(FREE,)), replace(POLICY, on_silence=OnSilence.NOTHING))
    made(rig, 100)
    filled(rig, 60, "free")
    granted(rig.ask(ask(30)))
    rig.ask(report(30))
    assert isinstance(rig.ask(Charge(caller(), "x", None, Service.VOICE, "4420", 30 * SECOND)), Posted)
    rig.sweep(5000)
    assert values(rig) == {2: 30, 1: 100}
    rig.proved()


@pytest.mark.parametrize("clears", [False, True])
def test_units_that_are_transferred_in_the_meantime_leave_their_place(clears: bool) -> None:
    """50 of 60 s are charged for a silence, 10 given away; the Stop says 20: 30 come back."""
    rules = Rules(wallet=WalletRules(clears_empty_buckets=clears))
    rig = rig_of(world(rules, types=(FREE,)), replace(POLICY, on_silence=OnSilence.GRANTED))
    made(rig, 100)
    made(rig, 0, name="1002")
    filled(rig, 60, "free")
    granted(rig.ask(ask(50)))
    rig.sweep(1000)
    assert isinstance(rig.ask(Transfer("api", "1001", "1002", "t", Amount(10, "second"), "free")), Posted)
    rig.ask(end(20))
    assert values(rig) == {2: 30, 1: 100}
    rig.proved()


def reserve(key: str, count: int = 1, event: EventName = RING) -> Authorize:
    return Authorize(
        Caller("api", wallet="1001"), key, ("api:s1",), Service.GENERIC, str(event), ask=count, event=event
    )


def catalogue(*prices: EventPrice) -> Rig:
    snapshot = world(types=(BalanceType("pieces", "piece", 0, "generic", 1),))
    snapshot.units["piece"] = Unit("piece", 0)
    snapshot.events["demo", "VAS", "RING"] = NamedEvent("VAS", "RING", prices)
    rig = rig_of(snapshot)
    made(rig, 1000)
    return rig


def test_a_reservation_s_name_is_no_other_reservation_s() -> None:
    rig = catalogue(EventPrice("", LIT, 3 * 10**9))
    assert granted(rig.ask(reserve("k1"))).granted == 1
    assert refusal(rig.ask(reserve("k2", 5))) is Refusal.CONFLICT
    assert refusal(rig.ask(reserve("k3", event=EventName("VAS", "RING", True)))) is Refusal.CONFLICT
    assert granted(rig.ask(reserve("k1"))).granted == 1
    assert rig.wallet().held == 3


def test_an_event_is_not_reserved_under_a_running_call_s_name() -> None:
    rig = catalogue(EventPrice("", LIT, 3 * 10**9))
    call = Authorize(
        Caller("api", wallet="1001"), "v", ("api:s1",), Service.VOICE, "4420", ask=100 * SECOND, begin=True
    )
    granted(rig.ask(call))
    held = rig.wallet().held
    assert refusal(rig.ask(reserve("k1", 2))) is Refusal.CONFLICT
    assert rig.wallet().held == held > 0


def test_more_events_than_were_reserved_are_not_confirmed_where_nothing_prices_them() -> None:
    rig = catalogue(EventPrice("", "piece", 1, money=False))
    rig.ask(Recharge("api", "1001", "p", Amount(2, "piece"), "pieces"))
    granted(rig.ask(reserve("k1")))
    confirm = Stop(Caller("api", wallet="1001"), "st", ("api:s1",), Total(50), service=Service.GENERIC)
    assert refusal(rig.ask(confirm)) is Refusal.INVALID
    assert settled(rig.ask(replace(confirm, key="st2", usage=Total(1)))).usage == 1
    assert [one.value for one in rig.wallet().buckets if one.balance_type == "pieces"] == [1]


def test_a_call_that_was_disconnected_before_it_began_does_not_begin() -> None:
    """It is told of all the same in the end: 50 s from when its Stop says that it began."""
    rig = rig_of(world())
    made(rig, 100)
    session = granted(rig.ask(ask(60, begin=False))).session
    rig.ask(DisconnectSession("api", session, "cut"))
    said = rig.ask(start("c1"))
    assert isinstance(said, Refused)
    assert said.refusal is Refusal.SESSION_CLOSED
    assert rig.session(session).started == 0
    rig.later(300)
    assert settled(rig.ask(end(50))).cost == 50
    assert rig.session(session).started == rig.clock - 50 * SECOND
    rig.proved()


def test_a_name_whose_records_are_another_tenant_s_is_not_given_again() -> None:
    rig = Rig(None, demo_snapshot())
    rig.snapshot.tenants.append("other")
    rig.ask(CreateWallet("api", "w", "make", "EUR", tenant="demo"))
    rig.ask(RemoveWallet("api", "w", "gone"))
    assert refusal(rig.ask(CreateWallet("api", "w", "again", "EUR", tenant="other"))) is Refusal.INVALID
