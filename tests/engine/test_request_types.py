"""Request types (requirement cgrates 5): what each answers, holds and charges. A call costs one little a second."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import LIT, POLICY, cost, made, posted, rig_of, seconds, world
from tests.engine.rig import Rig, caller, granted, refusal, settled
from tests.snapshot_dict import interval

from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.snapshot.accounts import Account, BalanceType
from tollhouse.snapshot.tariff import Activation, Profile, Slot
from tollhouse.values.commands import (
    Authorize,
    Caller,
    ChangeWallet,
    Recharge,
    RequestType,
    Service,
    Start,
    Stop,
    Total,
    Update,
)
from tollhouse.values.instants import SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use

UNHELD = [RequestType.PSEUDOPREPAID, RequestType.POSTPAID, RequestType.RATED, RequestType.NONE]
DEFERRED = UNHELD[:2]


def rig_with(opening: int = 100, *, credit: int = 0, sessions: int = 0, policy: Policy = POLICY) -> Rig:
    """1001 has so much, and an hour's call costs 3600."""
    rig = rig_of(world(), policy)
    made(rig, opening, credit=credit, sessions=sessions)
    return rig


def ask(kind: RequestType | None, call: str = "c1", want: int | None = None, *, called: str = "4420") -> Authorize:
    """The call begins."""
    wish = None if want is None else want * SECOND
    return Authorize(
        *(caller(), f"ask:{call}", (call,), Service.VOICE, called), ask=wish, begin=True, request_type=kind
    )


def report(used: int, more: int | None = 0, call: str = "c1") -> Update:
    wish = None if more is None else more * SECOND
    return Update(caller(), f"report:{call}:{used}", (call,), Total(used * SECOND), wish, called="4420")


def end(used: int, call: str = "c1", key: str = "") -> Stop:
    return Stop(caller(), key or f"end:{call}", (call,), Total(used * SECOND), called="4420", open_unknown=True)


def money(rig: Rig) -> tuple[int, int]:
    """(balance, held)."""
    seen = rig.wallet()
    return seen.balance, seen.held


def calls(rig: Rig) -> list[tuple[str, int, int, int]]:
    """Of each record of a session: its type, usage in seconds, cost, and what it moved."""
    return [
        (one.call.request_type, one.call.usage // SECOND, one.call.cost, sum(moved.amount for moved in one.postings))
        for one in rig.records()
        if one.call is not None
    ]


@pytest.mark.parametrize(
    ("kind", "grant", "held"),
    [
        (RequestType.PREPAID, 100, 100),
        (RequestType.PSEUDOPREPAID, 100, 0),
        (RequestType.POSTPAID, 3600, 0),
        (RequestType.RATED, 3600, 0),
        (RequestType.NONE, 3600, 0),
    ],
)
def test_what_is_granted_and_held(kind: RequestType, grant: int, held: int) -> None:
    """100 littles are 100 s; whoever is not asked grants the hour that the policy grants at most."""
    rig = rig_with(100)
    answer = rig.ask(ask(kind))
    assert (seconds(answer), granted(answer).final) == (grant, grant == 100)
    assert money(rig) == (100, held)
    assert rig.session(granted(answer).session).request_type is kind
    rig.proved()


@pytest.mark.parametrize(
    ("kind", "running", "left", "told"),
    [
        (RequestType.PREPAID, 70, 55, 45),
        (RequestType.PSEUDOPREPAID, 100, 55, 45),
        (RequestType.POSTPAID, 100, 55, 45),
        (RequestType.RATED, 100, 100, 45),
        (RequestType.NONE, 100, 100, 0),
    ],
)
def test_what_a_report_and_the_end_charge(kind: RequestType, running: int, left: int, told: int) -> None:
    """30 s are reported, the call ends after 45: only prepaid is charged on the way."""
    rig = rig_with(100)
    rig.ask(ask(kind))
    rig.later(30)
    granted(rig.ask(report(30, None)))
    assert money(rig)[0] == running
    rig.later(15)
    assert cost(rig.ask(end(45))) == told
    assert money(rig) == (left, 0)
    assert calls(rig)[-1] == (kind.value, 45, told, left - running)
    rig.proved()


@pytest.mark.parametrize("kind", UNHELD)
def test_one_record_tells_all_of_it(kind: RequestType) -> None:
    rig = rig_with(100)
    rig.ask(ask(kind))
    rig.ask(report(10))
    rig.ask(report(20))
    rig.ask(end(30))
    assert len(calls(rig)) == 1


def test_pseudoprepaid_goes_on_as_far_as_its_money_would() -> None:
    """Of 100 s, 60 have run: 40 more. Nothing was taken yet, and still the money is counted from the beginning."""
    rig = rig_with(100)
    rig.ask(ask(RequestType.PSEUDOPREPAID, want=60))
    assert seconds(rig.ask(report(60))) == 40
    assert refusal(rig.ask(report(100))) is Refusal.INSUFFICIENT_FUNDS
    assert cost(rig.ask(end(100))) == 100
    assert money(rig) == (0, 0)
    rig.proved()


def test_two_of_pseudoprepaid_are_each_granted_all_there_is() -> None:
    """Nothing is held, so 100 s are granted twice; the second to end owes what the first one took."""
    rig = rig_with(100)
    assert [seconds(rig.ask(ask(RequestType.PSEUDOPREPAID, call))) for call in ("c1", "c2")] == [100, 100]
    assert settled(rig.ask(end(100, "c1"))).overdrawn == 0
    assert settled(rig.ask(end(80, "c2"))).overdrawn == 80
    assert money(rig) == (-80, 0)
    rig.proved()


@pytest.mark.parametrize(
    ("kind", "charged", "left"),
    [(RequestType.PREPAID, 100, 0), (RequestType.PSEUDOPREPAID, 100, 0), (RequestType.POSTPAID, 120, -20)],
)
def test_a_cap_on_overruns_spares_who_pays_before_not_who_pays_after(
    kind: RequestType, charged: int, left: int
) -> None:
    rig = rig_with(100, policy=replace(POLICY, on_overrun=OnOverrun.CAP))
    rig.ask(ask(kind))
    assert cost(rig.ask(end(120))) == charged
    assert money(rig) == (left, 0)
    rig.proved()


def test_postpaid_is_taken_from_money_then_credit_then_owed() -> None:
    """10 of its own, 50 of credit, 30 more owed: 90 s."""
    rig = rig_with(10, credit=50)
    rig.ask(ask(RequestType.POSTPAID))
    assert settled(rig.ask(end(90))).overdrawn == 30
    assert money(rig) == (-80, 0)
    assert seconds(rig.ask(ask(RequestType.POSTPAID, "c2"))) == 3600
    rig.proved()


def test_without_a_tariff_only_none_goes_ahead() -> None:
    rig = rig_with(100)
    for kind in RequestType:
        answer = rig.ask(ask(kind, kind.value, called="99"))
        if kind is RequestType.NONE:
            assert (seconds(answer), granted(answer).unit) == (3600, LIT)
        else:
            assert refusal(answer) is Refusal.NO_RATE


@pytest.mark.parametrize(
    ("state", "kind", "refused"),
    [
        ("suspended", RequestType.PREPAID, Refusal.WALLET_SUSPENDED),
        ("suspended", RequestType.PSEUDOPREPAID, Refusal.WALLET_SUSPENDED),
        ("suspended", RequestType.POSTPAID, Refusal.WALLET_SUSPENDED),
        ("terminated", RequestType.POSTPAID, Refusal.WALLET_EXPIRED),
        ("suspended", RequestType.RATED, None),
        ("terminated", RequestType.NONE, None),
    ],
)
def test_a_wallet_out_of_use_only_keeps_records(state: str, kind: RequestType, refused: Refusal | None) -> None:
    rig = rig_with(100)
    rig.ask(ChangeWallet("api", "1001", "off", state=state))
    answer = rig.ask(ask(kind))
    assert (answer.refusal if isinstance(answer, Refused) else None) is refused


@pytest.mark.parametrize("kind", [RequestType.RATED, RequestType.NONE])
def test_what_the_wallet_does_not_pay_is_no_use_of_it(kind: RequestType) -> None:
    rig = rig_with(100)
    rig.ask(ask(kind))
    rig.ask(end(30))
    assert rig.wallet().used == 0


def test_sessions_that_the_wallet_does_not_pay_are_not_counted() -> None:
    """One at a time: a rated one goes beside it, a second that is paid does not."""
    rig = rig_with(100, sessions=1)
    granted(rig.ask(ask(RequestType.RATED, "c1")))
    granted(rig.ask(ask(RequestType.POSTPAID, "c2")))
    granted(rig.ask(ask(RequestType.NONE, "c3")))
    assert refusal(rig.ask(ask(RequestType.PSEUDOPREPAID, "c4"))) is Refusal.SESSION_LIMIT


def with_default(kind: RequestType) -> Rig:
    """An account of that type, on wallet 1001."""
    snapshot = world()
    snapshot.accounts["1001"] = Account("1001", "demo", "demo", "1001", "1001", "call", b"", "", True, (), kind)
    rig = rig_of(snapshot)
    made(rig, 100)
    return rig


@pytest.mark.parametrize("kind", list(RequestType))
def test_the_account_says_where_the_request_does_not(kind: RequestType) -> None:
    rig = with_default(kind)
    assert rig.session(granted(rig.ask(ask(None))).session).request_type is kind
    named = granted(rig.ask(ask(RequestType.POSTPAID, "c2")))
    assert rig.session(named.session).request_type is RequestType.POSTPAID


@pytest.mark.parametrize("kind", list(RequestType))
def test_a_stop_alone_bills_by_the_account(kind: RequestType) -> None:
    """45 s: priced at 45 but for `none`, and taken where the wallet pays."""
    rig = with_default(kind)
    told = 0 if kind is RequestType.NONE else 45
    taken = 45 if kind in (RequestType.PREPAID, *DEFERRED) else 0
    assert cost(rig.ask(end(45))) == told
    assert money(rig) == (100 - taken, 0)
    assert calls(rig) == [(kind.value, 45, told, -taken)]
    rig.proved()


def test_a_start_that_nobody_announced_may_name_its_type() -> None:
    rig = rig_with(0)
    begun = Start(caller(), "s", ("c1",), Service.VOICE, "4420", request_type=RequestType.POSTPAID)
    assert seconds(rig.ask(begun)) == 3600
    assert cost(rig.ask(end(7))) == 7
    assert money(rig) == (-7, 0)


def test_a_session_keeps_the_type_that_it_was_opened_with() -> None:
    """The account's type changes, and a further request names another one: it stays postpaid."""
    rig = with_default(RequestType.POSTPAID)
    session = granted(rig.ask(ask(None))).session
    account = rig.snapshot.accounts["1001"]
    rig.snapshot.accounts["1001"] = replace(account, request_type=RequestType.PREPAID)
    rig.ask(replace(ask(RequestType.PREPAID), key="again", begin=False))
    assert rig.session(session).request_type is RequestType.POSTPAID
    assert money(rig) == (100, 0)


@pytest.mark.parametrize("kind", list(RequestType))
def test_the_same_request_again_has_the_same_answer_and_moves_nothing(kind: RequestType) -> None:
    rig = rig_with(100)
    requests = (ask(kind, want=50), report(20, 20), end(30))
    first = []
    for request in requests:
        first.append(rig.ask(request))
        before = rig.store.batches, money(rig), calls(rig)
        assert rig.ask(request) == first[-1]
        rig.restart()
        assert rig.ask(request) == first[-1]
        assert (money(rig), calls(rig)) == before[1:]
    assert rig.ask(requests[1]) == first[1]
    rig.proved()


@pytest.mark.parametrize("kind", UNHELD)
@pytest.mark.parametrize(
    ("on_silence", "usage"), [(OnSilence.REPORTED, 20), (OnSilence.GRANTED, 50), (OnSilence.NOTHING, 0)]
)
def test_silence_then_a_late_stop(kind: RequestType, on_silence: OnSilence, usage: int) -> None:
    """50 s granted, 20 reported, then nothing; the Stop says 40 s, and whatever was assumed they cost 40."""
    rig = rig_with(100, policy=replace(POLICY, on_silence=on_silence))
    rig.ask(ask(kind, want=50))
    rig.ask(report(20, None))
    rig.sweep(3600)
    pays, priced = kind in DEFERRED, kind is not RequestType.NONE
    assert money(rig) == (100 - usage * pays, 0)
    assert calls(rig)[-1][:3] == (kind.value, usage, usage * priced)
    assert cost(rig.ask(end(40))) == 40 * priced
    assert money(rig) == (100 - 40 * pays, 0)
    rig.proved()


@pytest.mark.parametrize("kind", DEFERRED)
def test_more_usage_after_the_end_is_charged_too(kind: RequestType) -> None:
    rig = rig_with(100)
    rig.ask(ask(kind))
    rig.ask(end(40))
    assert cost(rig.ask(end(60, key="late"))) == 60
    assert money(rig) == (40, 0)
    rig.proved()


@pytest.mark.parametrize("kind", DEFERRED)
def test_a_session_that_never_begins_costs_nothing(kind: RequestType) -> None:
    rig = rig_with(100)
    rig.ask(replace(ask(kind), begin=False))
    rig.sweep(3600)
    assert (money(rig), calls(rig)) == ((100, 0), [])
    assert rig.engine.book.open_sessions() == 0


def units(rig: Rig, amount: int, use: Use | None = None, kind: str = "minutes") -> None:
    unit = "second" if kind == "minutes" else LIT
    posted(rig.ask(Recharge("api", "1001", f"fill-{kind}", Amount(amount, unit), kind, use=use)))


def with_minutes(opening: int, amount: int, use: Use | None = None) -> Rig:
    """Seconds that pay before money."""
    snapshot = world(types=(BalanceType("minutes", "second", 0, "voice", SECOND),))
    rig = rig_of(snapshot)
    made(rig, opening)
    units(rig, amount, use)
    return rig


@pytest.mark.parametrize("kind", DEFERRED)
@pytest.mark.parametrize("silent", [False, True])
def test_units_pay_first_at_the_end_too(kind: RequestType, silent: bool) -> None:
    """60 s of minutes, then 30 littles: whether its Stop ends it, or silence after the report of as much."""
    rig = with_minutes(100, 60)
    rig.ask(ask(kind, want=90))
    rig.ask(report(90, None))
    if silent:
        rig.sweep(3600)
    else:
        assert cost(rig.ask(end(90))) == 30
    assert {one.balance_type: one.value for one in rig.wallet().buckets if one.value} == {"cash": 70}
    rig.proved()


@pytest.mark.parametrize("silent", [False, True])
def test_money_of_another_subject_pays_at_its_price_at_the_end(silent: bool) -> None:
    """`bonus` is for subject cheap, at half a little a second, a price that nobody has asked for before: 100 s take the
    20 that it has for 40 s, and 60 of cash."""
    snapshot = world()
    snapshot.plans["RP_CHEAP"] = {"44": (interval(Slot(0, 0, 1, 0, 2 * SECOND, 2 * SECOND), decimals=0),)}
    snapshot.profiles["demo", "call", Service.VOICE, "cheap"] = Profile((Activation(0, "RP_CHEAP"),), LIT, 0)
    rig = rig_of(snapshot)
    made(rig, 100)
    units(rig, 20, Use(subject="cheap"), "bonus")
    rig.ask(ask(RequestType.POSTPAID))
    rig.ask(report(100, None))
    if silent:
        rig.sweep(3600 + 3600)
    else:
        rig.ask(end(100))
    assert {one.balance_type: one.value for one in rig.wallet().buckets if one.value} == {"cash": 40}
    assert calls(rig)[-1][2] == 80
    rig.proved()


@pytest.mark.parametrize(("kind", "price"), [(RequestType.RATED, 90), (RequestType.POSTPAID, 90)])
def test_the_request_s_discount(kind: RequestType, price: int) -> None:
    """10 percent of 100."""
    rig = rig_with(200)
    rig.ask(replace(ask(kind), discount=1000))
    assert cost(rig.ask(end(100))) == price


# Units that pay where no plan prices the number (requirement cgrates 3.3; fact acct-065).


def test_units_pay_to_numbers_that_no_plan_knows() -> None:
    """Of 60 s of minutes 45 are used; the money stays, though there is some."""
    rig = with_minutes(100, 60)
    answer = rig.ask(ask(None, called="99"))
    assert (seconds(answer), granted(answer).final) == (60, True)
    assert rig.wallet().held == 0
    done = settled(rig.ask(replace(end(45), called="99")))
    assert done.cost == 0
    assert {one.balance_type: one.value for one in rig.wallet().buckets} == {"cash": 100, "minutes": 15}
    rig.proved()


def test_beyond_the_units_nothing_is_granted_and_no_money_taken() -> None:
    rig = with_minutes(100, 60)
    rig.ask(ask(None, called="99"))
    assert refusal(rig.ask(replace(report(60), called="99"))) is Refusal.NO_RATE
    assert settled(rig.ask(replace(end(75), called="99"))).cost == 0
    assert money(rig) == (100, 0)
    rig.proved()


@pytest.mark.parametrize(
    ("use", "refused"),
    [
        (Use(destinations=("OTHER",)), True),
        (Use(destinations=("FAR",)), False),
        (Use(categories=("premium",)), True),
    ],
)
def test_only_units_that_are_for_the_number_pay(use: Use, refused: bool) -> None:
    """The import knows 99 as FAR, though its plan has no price for it."""
    rig = with_minutes(100, 60, use)
    rig.snapshot.tags["99"] = ("FAR",)
    answer = rig.ask(ask(None, called="99"))
    assert (isinstance(answer, Refused) and answer.refusal is Refusal.NO_RATE) is refused
    assert refused or seconds(answer) == 60


def test_no_units_are_left_or_they_count_another_service() -> None:
    rig = with_minutes(100, 60)
    granted(rig.ask(ask(None, "c1", called="99")))
    assert refusal(rig.ask(ask(None, "c2", called="99"))) is Refusal.NO_RATE
    mms = Authorize(caller(), "mms", ("m",), Service.MMS, "99", ask=10, begin=True)
    assert refusal(rig.ask(mms)) is Refusal.NO_RATE


@pytest.mark.parametrize("kind", [RequestType.PREPAID, *DEFERRED])
def test_a_stop_alone_to_a_number_without_a_price(kind: RequestType) -> None:
    rig = with_minutes(100, 60)
    account = Account("1001", "demo", "demo", "1001", "1001", "call", b"", "", True, (), kind)
    rig.snapshot.accounts["1001"] = account
    assert settled(rig.ask(replace(end(45), called="99"))).cost == 0
    assert {one.balance_type: one.value for one in rig.wallet().buckets} == {"cash": 100, "minutes": 15}
    rig.proved()


def test_rated_needs_a_price_whatever_units_there_are() -> None:
    rig = with_minutes(100, 60)
    assert refusal(rig.ask(ask(RequestType.RATED, called="99"))) is Refusal.NO_RATE


def test_postpaid_to_such_a_number_goes_as_far_as_its_units() -> None:
    rig = with_minutes(100, 60)
    assert seconds(rig.ask(ask(RequestType.POSTPAID, called="99"))) == 60


def test_a_wallet_that_nobody_has_a_tariff_for_pays_in_units() -> None:
    """Neither the subject nor *any has a profile: the price is in the wallet's unit."""
    rig = with_minutes(100, 60)
    rig.snapshot.profiles.clear()
    assert seconds(rig.ask(ask(None, want=30))) == 30
    assert granted(rig.ask(report(10, None))).unit == LIT
    rig.ask(end(30))
    assert {one.balance_type: one.value for one in rig.wallet().buckets} == {"cash": 100, "minutes": 30}
    rig.proved()


def test_the_wallet_alone_is_asked_for_an_api_request() -> None:
    """A wallet that no account stands for is prepaid."""
    rig = rig_with(100)
    del rig.snapshot.accounts["1001"]
    asked = Authorize(Caller("api", wallet="1001"), "a", ("api:a",), Service.VOICE, "4420", ask=10 * SECOND)
    assert seconds(rig.ask(asked)) == 10
    assert money(rig) == (100, 10)
