"""Requirement oracle_vws 7.3 and 7.4 through the whole engine: reservations, their ends, what pays, named events."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import (
    LIT,
    POLICY,
    TWO_A_SECOND,
    buckets,
    commit,
    cost,
    event,
    filled,
    initial,
    kinds,
    line_of,
    made,
    posted,
    priced,
    rig_of,
    seconds,
    subsequent,
    values,
    world,
)
from tests.engine.rig import Rig, authorize, caller, granted, refusal

from tollhouse.engine.book import encode_outcome, entry_of
from tollhouse.engine.policy import OnSilence
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Cascade, Product
from tollhouse.snapshot.rules import EventRules, ReservationRules, Rules
from tollhouse.values.commands import Recharge, Release
from tollhouse.values.instants import DAY, SECOND, parse_instant
from tollhouse.values.money import Amount
from tollhouse.values.recharges import ExpiryPolicy, Validity
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use


def reserved(rig: Rig) -> tuple[int, int, int]:
    """(total, reserved, available)."""
    shown = rig.wallet()
    return shown.balance, shown.held, shown.available


def rules(**changed: object) -> Rules:
    return Rules(reservation=replace(ReservationRules(), **changed))


@pytest.mark.parametrize("by_the_provider", [False, True])
def test_case_24_funds_without_end_are_granted_an_hour(by_the_provider: bool) -> None:
    """maxReservationLength=3600: as a setting, or as the provider's own rule under a setting of two hours."""
    policy = replace(POLICY, max_grant=7200 * SECOND) if by_the_provider else POLICY
    rig = rig_of(world(rules(longest_seconds=3600) if by_the_provider else None), policy)
    made(rig, 10**9)
    assert seconds(rig.ask(initial())) == 3600
    rig.proved()


def test_case_25_a_reservation_lapses_a_tolerance_after_its_grant() -> None:
    """600 at 1/s from 10:00:00: 600 s are granted, and 10:15:50 is 600 + 350 s later."""
    rig = rig_of(world())
    made(rig, 600, sessions=1)
    outcome = granted(rig.ask(initial()))
    assert outcome.granted == 600 * SECOND
    assert reserved(rig) == (600, 600, 0)
    assert rig.session(outcome.session).until == parse_instant("2026-04-30T10:15:50Z")
    assert rig.sweep(949) == 0
    assert rig.sweep(1) == 1
    assert reserved(rig) == (600, 0, 600)
    rig.proved()


def test_case_26_the_tolerance_lengthens_the_reservation_and_not_the_grant() -> None:
    """60 pays for 60 s, not for 410. At +400 s the commit finds it open."""
    rig = rig_of(world())
    made(rig, 60)
    assert seconds(rig.ask(initial())) == 60
    assert rig.sweep(400) == 0
    assert reserved(rig) == (60, 60, 0)
    assert cost(rig.ask(commit(used=60))) == 60
    assert reserved(rig) == (0, 0, 0)
    rig.proved()


def test_case_26_a_commit_after_it_has_lapsed_is_the_last_word_all_the_same() -> None:
    """At +411 s it has lapsed, and its money was free: so far as the case. A commit says what was used, and use is
    charged here, in a record of its own, for as long as the name of the call is remembered."""
    rig = rig_of(world())
    made(rig, 60)
    rig.ask(initial())
    assert rig.sweep(411) == 1
    assert reserved(rig) == (60, 0, 60)
    assert cost(rig.ask(commit(used=60))) == 60
    assert reserved(rig) == (0, 0, 0)
    assert kinds(rig) == ["open", "session", "session"]
    rig.proved()


def test_case_27_greedy_a_second_call_that_could_get_40_s_is_one_too_many() -> None:
    """MC 3, 100 at 1/s, greedy 60: the first gets max(60, 100 // 3 = 33); 40 are left, less than 60."""
    rig = rig_of(world(rules(greedy_below_seconds=60)))
    made(rig, 100, sessions=3)
    assert seconds(rig.ask(initial("c1"))) == 60
    assert refusal(rig.ask(initial("c2"))) is Refusal.SESSION_LIMIT
    assert reserved(rig) == (100, 60, 40)
    rig.proved()


def test_case_28_greedy_a_wallet_that_affords_30_s_serves_one_call() -> None:
    rig = rig_of(world(rules(greedy_below_seconds=60)))
    made(rig, 30, sessions=3)
    assert seconds(rig.ask(initial("c1"))) == 30
    assert refusal(rig.ask(initial("c2"))) is Refusal.SESSION_LIMIT
    assert reserved(rig) == (30, 30, 0)


def test_case_29_two_calls_at_a_time() -> None:
    """100000 // 2 = 50000 s each, so each gets the hour; the third is refused until one has ended."""
    rig = rig_of(world())
    made(rig, 100_000, sessions=2)
    assert [seconds(rig.ask(initial(call))) for call in ("c1", "c2")] == [3600, 3600]
    assert refusal(rig.ask(initial("c3"))) is Refusal.SESSION_LIMIT
    assert cost(rig.ask(commit("c1", 10))) == 10
    assert seconds(rig.ask(initial("c4"))) == 3600
    rig.proved()


def test_case_30_the_providers_limit_overrides_the_wallets() -> None:
    """50 for a wallet whose own is 2: the third is granted. That a limit of 0 is refused when it is loaded is
    tests/cachemanager/test_products.py's."""
    rig = rig_of(world(rules(max_sessions=50)))
    made(rig, 1_000_000, sessions=2)
    assert [seconds(rig.ask(initial(f"c{number}"))) for number in range(3)] == [3600, 3600, 3600]


def test_case_31_a_named_event_is_no_session() -> None:
    """100, a call holds 60 of them and the wallet serves one call: an event of 30 leaves 10 to be had."""
    rig = rig_of(world(rules(greedy_below_seconds=60)))
    made(rig, 100, sessions=3)
    assert seconds(rig.ask(initial())) == 60
    assert posted(rig.ask(event(30))).amount == -30
    assert reserved(rig) == (70, 60, 10)
    rig.proved()


@pytest.mark.parametrize(("worst", "longest"), [(True, 300), (False, 800)])
def test_cases_32_and_33_buckets_that_may_expire_in_the_course_of_a_call(worst: bool, longest: int) -> None:
    """12:00, the longest call ends at 13:00. B1 has a start and an expiry, 100; B2 expires at 12:30, 500; B3 at 15:00,
    200. By default here it is as in case 33 (the source's default is case 32): what is held stays the call's own."""
    rig = rig_of(world(rules(worst_case_buckets=worst)), at="2026-06-01T12:00:00Z")
    made(rig)
    for value, start, expiry in ((100, "11:00", "12:40"), (500, "", "12:30"), (200, "", "15:00")):
        dated = Validity(ExpiryPolicy.ABSOLUTE, date=parse_instant(f"2026-06-01T{expiry}:00Z"))
        begins = parse_instant(f"2026-06-01T{start}:00Z") if start else 0
        filled(rig, value, "bonus", dated, start=begins)
    assert seconds(rig.ask(initial())) == longest
    rig.proved()


def test_case_33_a_bucket_that_expires_in_the_course_of_the_call_pays_for_it() -> None:
    """500 that end at 12:30 are held at 12:00; at 12:40 the call has used 2400 s, and 500 are charged from there."""
    rig = rig_of(world(rules(worst_case_buckets=False)), at="2026-06-01T12:00:00Z")
    made(rig, 3000)
    filled(rig, 500, "bonus", Validity(ExpiryPolicy.FROM_TODAY, 1800 * SECOND))
    assert seconds(rig.ask(initial())) == 3500
    rig.sweep(2400)
    assert cost(rig.ask(commit(used=2400))) == 2400
    assert values(rig) == {1: 1100}
    assert [(one.bucket, one.amount) for one in rig.records()[-1].postings] == [(2, -500), (1, -1900)]
    rig.proved()


def test_case_34_a_balance_of_which_nothing_can_be_reserved_is_passed_over() -> None:
    """30 s that pay whole minutes only pay none; the next has 50 at 1/s. (That the search may end there instead,
    skipZeroBalances=false, waits: docs/cases.md.)"""
    free = BalanceType("free", "second", 0, "voice", SECOND)
    rig = rig_of(world(types=(free,)))
    made(rig, 50)
    rig.ask(Recharge("api", "1001", "r", Amount(30, "second"), "free", use=Use(subject="*zero1m")))
    assert values(rig) == {1: 50, 2: 30}
    assert seconds(rig.ask(initial())) == 50
    assert [one.held for one in buckets(rig)] == [0, 50]
    rig.proved()


def test_cases_35_and_36_held_60_charged_45() -> None:
    rig = rig_of(world())
    made(rig, 100)
    rig.ask(initial(ask=60))
    assert reserved(rig) == (100, 60, 40)
    assert cost(rig.ask(commit(used=45))) == 45
    assert reserved(rig) == (55, 0, 55)
    assert kinds(rig) == ["open", "session"]
    line = line_of(rig, rig.records()[-1])
    assert (line["CDR_TYPE"], line["COSTS"], line["BALANCES"]) == (("1",), ("45",), ("100",))
    rig.proved()


@pytest.mark.parametrize("begun", [False, True])
def test_case_37_revoked_it_costs_nothing(begun: bool) -> None:
    """A call that never began is released; one that has begun ends after no time."""
    rig = rig_of(world())
    made(rig, 100)
    if begun:
        rig.ask(initial(ask=60))
        assert reserved(rig) == (100, 60, 40)
        assert cost(rig.ask(commit())) == 0
    else:
        rig.ask(authorize(ask=60 * SECOND))
        assert reserved(rig) == (100, 60, 40)
        assert cost(rig.ask(Release(caller(), "rr", ("c1",)))) == 0
    assert reserved(rig) == (100, 0, 100)
    assert [record.postings for record in rig.records()[1:]] == [()] * begun
    rig.proved()


@pytest.mark.parametrize("client", ["nas", "api"])
@pytest.mark.parametrize("restarted", [False, True])
def test_case_38_a_commit_sent_again_is_answered_to_the_byte_and_moves_nothing(client: str, restarted: bool) -> None:
    rig = rig_of(world())
    made(rig, 100)
    rig.ask(initial(ask=60, client=client))
    first = rig.ask(commit(used=45, client=client))
    if restarted:
        rig.restart()
    rig.later(3600)
    again = rig.ask(commit(used=45, client=client))
    assert encode_outcome(again) == encode_outcome(first)
    assert (reserved(rig), kinds(rig)) == ((55, 0, 55), ["open", "session"])
    rig.proved()


def test_case_39_another_use_under_the_same_id_is_a_conflict() -> None:
    """To who chooses his ids; a switch's key is made of what tells two bodies apart, so it has the stored answer."""
    for client in ("api", "nas"):
        rig = rig_of(world())
        made(rig, 100)
        rig.ask(initial(ask=60, client=client))
        first = rig.ask(commit(used=45, client=client, key="cr"))
        other = rig.ask(commit(used=46, client=client, key="cr"))
        assert refusal(other) is Refusal.CONFLICT if client == "api" else other == first
        assert (reserved(rig), kinds(rig)) == ((55, 0, 55), ["open", "session"])
        rig.proved()


def test_case_40_there_is_nothing_to_go_on_with_after_the_end() -> None:
    """A further reservation is refused, and one that never was is unknown; nothing moves."""
    rig = rig_of(world())
    made(rig, 100)
    rig.ask(authorize(ask=60 * SECOND))
    rig.ask(Release(caller(), "rr", ("c1",)))
    assert refusal(rig.ask(subsequent("c1", 10))) is Refusal.SESSION_CLOSED
    assert refusal(rig.ask(Release(caller(), "rr2", ("c1",)))) is Refusal.SESSION_CLOSED
    assert refusal(rig.ask(commit("never", 10))) is Refusal.UNKNOWN_SESSION
    assert (reserved(rig), kinds(rig)) == ((100, 0, 100), ["open"])
    assert cost(rig.ask(commit("c1"))) == 0
    assert (reserved(rig), kinds(rig)) == ((100, 0, 100), ["open"])
    rig.proved()


def test_case_40_but_use_that_is_told_after_the_end_is_charged() -> None:
    """On purpose not as the case has it: a Stop tells what has taken place, and a call that its switch gave up too
    early was still talked on."""
    rig = rig_of(world())
    made(rig, 100)
    rig.ask(authorize(ask=60 * SECOND))
    rig.ask(Release(caller(), "rr", ("c1",)))
    assert cost(rig.ask(commit("c1", 45))) == 45
    assert (reserved(rig), kinds(rig)) == ((55, 0, 55), ["open", "session"])
    rig.proved()


@pytest.mark.parametrize(
    ("feature", "left", "recorded"), [(OnSilence.NOTHING, 1000, [0]), (OnSilence.REPORTED, 880, [120])]
)
def test_cases_41_and_42_silence_after_120_s_were_confirmed(feature: OnSilence, left: int, recorded: list[int]) -> None:
    """Off: the wallet is whole again. On: 120 are charged, the rest is released."""
    rig = rig_of(world(), replace(POLICY, on_silence=feature))
    made(rig, 1000)
    rig.ask(initial(ask=60))
    for used in (60, 120):
        rig.later(60)
        assert seconds(rig.ask(subsequent("c1", used, more=60 * SECOND))) == 60
    assert rig.sweep(60 + 349) == 0
    assert rig.sweep(1) == 1
    assert reserved(rig) == (left, 0, left)
    last = rig.records()[-1]
    assert last.call is not None
    assert (last.call.ended, [last.call.cost]) == ("silence", recorded)
    rig.proved()


def test_case_46_two_balances_three_buckets() -> None:
    """Cascade 41,40: 15 + 35 and 176. Of 60, 50 come from 41 and 10 from 40; 0, 0 and 166 are left."""
    product = Product("p", cascades=(("voice", "C"),))
    types = (BalanceType("41", LIT, 20), BalanceType("40", LIT, 0))
    rig = rig_of(world(products=(product,), cascades=(Cascade("C", ("41", "40")),), types=types))
    made(rig, 1000, product="p", types=())
    for kind, value, days in (("41", 15, 10), ("41", 35, 20), ("40", 176, 5)):
        filled(rig, value, kind, Validity(ExpiryPolicy.ABSOLUTE, date=rig.clock + days * DAY))
    rig.ask(initial(ask=60))
    assert cost(rig.ask(commit(used=60))) == 60
    assert values(rig) == {1: 1000, 2: 0, 3: 0, 4: 166}
    line = line_of(rig, rig.records()[-1])
    assert (line["BALANCE_TYPES"], line["BALANCES"], line["COSTS"]) == (("41", "40"), ("50", "176"), ("50", "10"))
    rig.proved()


def in_debt() -> Rig:
    """A credit limit of 100, 10 until 1 May and 20 until 1 June."""
    rig = rig_of(world())
    made(rig, credit=100)
    for value, date in ((10, "2026-05-01"), (20, "2026-06-01")):
        filled(rig, value, "cash", Validity(ExpiryPolicy.ABSOLUTE, date=parse_instant(f"{date}T00:00:00Z")))
    assert reserved(rig) == (30, 0, 130)
    return rig


def test_case_50_a_debt_is_the_main_buckets() -> None:
    """A cost of 60 is 10 and 20, and 30 owed. On purpose not in the bucket of 1 May, as the case has it: there the
    debt would be gone on 1 May. So it stands after both dates."""
    rig = in_debt()
    rig.ask(initial(ask=60))
    assert cost(rig.ask(commit(used=60))) == 60
    assert values(rig) == {2: 0, 3: 0, 1: -30}
    rig.sweep(40 * 86_400)
    assert (values(rig), reserved(rig)) == ({1: -30}, (-30, 0, 70))
    rig.proved()


def test_case_50_a_cost_of_200_is_refused_when_it_is_reserved() -> None:
    """All that there is is 130. An event is refused; a call of 200 s is granted what is there."""
    rig = in_debt()
    assert refusal(rig.ask(event(200))) in (Refusal.INSUFFICIENT_FUNDS, Refusal.CREDIT_LIMIT)
    assert (values(rig), kinds(rig)) == ({2: 10, 3: 20, 1: 0}, ["open", "recharge", "recharge"])
    assert seconds(rig.ask(initial(ask=200))) == 130
    assert cost(rig.ask(commit(used=130))) == 130
    assert values(rig) == {2: 0, 3: 0, 1: -100}
    rig.proved()


def test_case_51_a_session_stays_on_the_prices_it_began_with() -> None:
    """1/s when it began, 2/s compiled in mid-call: 60 s more of it cost 60, a session that begins then pays 2/s."""
    snapshot = world()
    rig = rig_of(snapshot)
    made(rig, 1000)
    rig.ask(initial("old", ask=60))
    priced(snapshot, "RP_TWO", TWO_A_SECOND)
    assert seconds(rig.ask(subsequent("old", 60, more=60 * SECOND))) == 60
    rig.restart()
    assert seconds(rig.ask(initial("new", ask=60))) == 60
    assert rig.wallet().held == 60 + 120
    assert [cost(rig.ask(commit(call, used))) for call, used in (("old", 120), ("new", 60))] == [120, 120]
    assert reserved(rig) == (760, 0, 760)
    rig.proved()


def test_case_52_a_bucket_id_beyond_31_bits() -> None:
    """2148024856 is more than 2^31 - 1: the same bucket is filled, held, debited and read again."""
    rig = rig_of(world())
    made(rig)
    wallet = rig.engine.book.wallet("1001")
    assert wallet is not None
    entry = entry_of(replace(wallet, next_bucket=2_148_024_856), rig.snapshot)
    rig.store.append(rig.clock, [entry], [])
    rig.restart()
    filled(rig, 100, "bonus")
    rig.ask(initial(ask=60))
    rig.restart()
    assert [(one.id, one.held) for one in buckets(rig)] == [(2_148_024_856, 60), (1, 0)]
    assert cost(rig.ask(commit(used=45))) == 45
    assert values(rig) == {2_148_024_856: 55, 1: 0}
    rig.proved()


def test_case_53_what_is_charged_is_never_less_than_what_was_used() -> None:
    """22.4 s at a resolution of 1 s are charged as 23; so are 23.0."""
    for used in (22_400_000, 23_000_000):
        rig = rig_of(world())
        made(rig, 100)
        rig.ask(initial(ask=60))
        assert cost(rig.ask(commit(microseconds=used))) == 23
        line = line_of(rig, rig.records()[-1])
        assert float(line["DURATION_CHARGED"][0]) >= float(line["DURATION"][0])
        rig.proved()


@pytest.mark.parametrize("activates", [True, False])
def test_case_55_a_named_event_may_be_the_first_use(activates: bool) -> None:
    """activatePreuseAccount=true: active, then charged. false: refused, still PreUse. A session activates in any case.
    (That a reservation of a named event does so, too, waits for those.)"""
    rig = rig_of(world(Rules(event=EventRules(activates_preuse=activates)), products=(Product("p"),)))
    made(rig, 100, product="p")
    outcome = rig.ask(event(30))
    if activates:
        assert posted(outcome).balance == 70
        assert (rig.wallet().state, kinds(rig)) == ("active", ["open", "activation", "charge"])
    else:
        assert refusal(outcome) is Refusal.WALLET_SUSPENDED
        assert (rig.wallet().state, rig.wallet().balance, kinds(rig)) == ("preuse", 100, ["open"])
        assert seconds(rig.ask(initial())) == 100
        assert rig.wallet().state == "active"
    rig.proved()


def test_the_worked_session_of_5_7_without_its_discount() -> None:
    """60 s of free time, 500 at 2/s: IR holds 60 and 500 for 310 s; SR at 200; CR at 250: 60 and 190 x 2 = 380."""
    snapshot = world(types=(BalanceType("free", "second", 0, "voice", SECOND),))
    priced(snapshot, "RP_TWO", TWO_A_SECOND)
    rig = rig_of(snapshot)
    made(rig, 500, sessions=1)
    rig.ask(Recharge("api", "1001", "r", Amount(60, "second"), "free"))
    assert seconds(rig.ask(initial())) == 310
    assert [one.held for one in buckets(rig)] == [60, 500]
    assert seconds(rig.ask(subsequent("c1", 200))) == 110
    assert [(one.value, one.held) for one in buckets(rig)] == [(0, 0), (220, 220)]  # 60 and 140 x 2 are posted
    assert cost(rig.ask(commit(used=250))) == 380
    assert values(rig) == {2: 0, 1: 120}
    rig.proved()
