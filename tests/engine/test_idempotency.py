"""The same request twice is one request: by key, by cumulative counters, by row; and another body moves nothing."""

from __future__ import annotations

import msgspec
import pytest
from tests.engine.rig import EUR, Rig, authorize, caller, granted, refusal, rig_with, settled, start, stop, update

from tollhouse.engine.decision import body_hash
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Charge,
    Command,
    CreateWallet,
    Delta,
    Pap,
    Recharge,
    Refund,
    Release,
    Service,
    Start,
    Stop,
    Total,
    Transfer,
    Update,
)
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Posted
from tollhouse.values.recharges import Line
from tollhouse.values.refusals import Refusal


def state(rig: Rig) -> tuple[int, int, int]:
    """(balance, held, number of records) of wallet 1001."""
    view = rig.wallet()
    return view.balance, view.held, view.records


def ccr_update(number: int, seconds: int) -> Update:
    """CCR-U: so many seconds since the report before, and a minute more is asked for."""
    return Update(caller(), f"ccr:2:{number}", ("c1",), Delta(seconds * SECOND), 60 * SECOND, called="4420")


def test_every_request_of_a_call_asked_again_is_answered_alike_and_moves_nothing() -> None:
    """Cases oracle 38 and 140: at each step, and after a restart."""
    rig = rig_with()
    for command in (authorize(), start(), update(seconds=30), update(seconds=85, more=60 * SECOND), stop(seconds=85)):
        first = rig.ask(command)
        after = state(rig)
        assert rig.ask(command) == first
        rig.restart()
        assert rig.ask(command) == first
        assert state(rig) == after
    rig.proved()


def test_a_stop_under_another_key_moves_nothing() -> None:
    """The issue: a Stop sent again with a new id, authenticator and Acct-Delay-Time changes nothing."""
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    first = settled(rig.ask(stop(seconds=85)))
    after = state(rig)
    assert after[0] == 9_358_300
    assert rig.ask(stop(seconds=85, key="other")) == first
    assert rig.ask(stop(seconds=84, key="less")) == first
    assert state(rig) == after


@pytest.mark.parametrize("seconds", [0, 30, 59, 60])
def test_lower_or_equal_counters_move_nothing_whatever_their_key(seconds: int) -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    rig.ask(update(seconds=60))
    after = state(rig)
    rig.ask(update(seconds=seconds, key="other"))
    assert state(rig) == after
    assert settled(rig.ask(stop(seconds=seconds))).usage == 60 * SECOND


def test_increments_count_once_per_key() -> None:
    """CC-Request-Number names the request: 20 + 40 + 25 s, each sent twice, are 85 s."""
    rig = rig_with()
    rig.ask(authorize(begin=True, ask=60 * SECOND))
    for number, seconds in ((1, 20), (2, 40)):
        assert rig.ask(ccr_update(number, seconds)) == rig.ask(ccr_update(number, seconds))
    last = Stop(caller(), "ccr:3:3", ("c1",), Delta(25 * SECOND), called="4420")
    first = settled(rig.ask(last))
    assert (first.usage, first.cost) == (85 * SECOND, 641_700)
    assert rig.ask(last) == first


def test_sixteen_outcomes_are_kept_and_the_opening_is_always_among_them() -> None:
    rig = rig_with()
    opening = authorize(begin=True, ask=60 * SECOND)
    first = rig.ask(opening)
    answers = {number: rig.ask(ccr_update(number, 1)) for number in range(1, 31)}
    used = rig.session(granted(first).session).used
    for number in range(16, 31):
        assert rig.ask(ccr_update(number, 1)) == answers[number]
    assert rig.ask(opening) == first
    assert rig.session(granted(first).session).used == used == 30 * SECOND
    rig.ask(ccr_update(15, 1))  # forgotten: it counts as a new one
    assert rig.session(granted(first).session).used == 31 * SECOND


def test_another_body_under_a_key_gets_a_switch_the_stored_answer() -> None:
    rig = rig_with()
    asked = (authorize(ask=60 * SECOND), start(), update(seconds=30))
    answers = [rig.ask(one) for one in asked]
    after = state(rig)
    others = (
        authorize(ask=30 * SECOND),
        Start(caller(), "start:c1", ("c1",), Service.VOICE, "331"),
        update(seconds=50, key="update:c1:30"),
    )
    assert [rig.ask(one) for one in others] == answers
    assert state(rig) == after


API = Caller("api", wallet="1001")


@pytest.mark.parametrize(
    ("command", "other"),
    [
        (
            Authorize(API, "r1", ("api:c1",), Service.VOICE, "4420", ask=60 * SECOND),
            Authorize(API, "r1", ("api:c1",), Service.VOICE, "4420", ask=90 * SECOND),
        ),
        (
            Update(API, "r3", ("api:c1",), Total(30 * SECOND), 60 * SECOND),
            Update(API, "r3", ("api:c1",), Total(45 * SECOND), 60 * SECOND),
        ),
        (Stop(API, "r4", ("api:c1",), Total(30 * SECOND)), Stop(API, "r4", ("api:c1",), Total(85 * SECOND))),
    ],
)
def test_another_body_under_a_request_id_is_a_conflict(command: Command, other: Command) -> None:
    """Case oracle 39: same id with a different used amount; conflict, nothing moves."""
    rig = rig_with()
    rig.ask(Authorize(API, "r1", ("api:c1",), Service.VOICE, "4420", ask=60 * SECOND))
    if not isinstance(command, Authorize):
        rig.ask(Start(API, "r2", ("api:c1",), Service.VOICE, "4420"))
    first = rig.ask(command)
    after = state(rig)
    assert refusal(rig.ask(other)) is Refusal.CONFLICT
    assert rig.ask(command) == first
    assert state(rig) == after


ONE_SHOTS: list[tuple[Command, Command, int]] = [
    (Charge(API, "k", Amount(EUR, "EUR")), Charge(API, "k", Amount(2 * EUR, "EUR")), 9 * EUR),
    (Charge(API, "k", called="1", units=3), Charge(API, "k", called="1", units=4), 10 * EUR - 150_000),  # 3 x 0.05
    (Refund(API, "k", Amount(EUR, "EUR")), Refund(API, "k", Amount(2 * EUR, "EUR")), 11 * EUR),
    (
        Recharge("api", "1001", "k", Amount(EUR, "EUR")),
        Recharge("api", "1001", "k", Amount(EUR, "EUR"), note="again"),
        11 * EUR,
    ),
]


@pytest.mark.parametrize(("command", "other", "balance"), ONE_SHOTS)
def test_one_shots_move_once_for_thirty_days(command: Command, other: Command, balance: int) -> None:
    rig = rig_with()
    first = rig.ask(command)
    assert isinstance(first, Posted)
    assert first.balance == balance
    rig.restart()
    rig.sweep(30 * 86_400 - 1)
    assert rig.ask(command) == first
    assert refusal(rig.ask(other)) is Refusal.CONFLICT
    assert rig.wallet().balance == balance
    rig.sweep(1)
    assert rig.ask(other) != first
    assert rig.wallet().balance != balance
    rig.proved()


def test_keys_are_each_clients_own() -> None:
    rig = rig_with()
    for client in ("one", "two"):
        assert isinstance(rig.ask(Charge(Caller(client, wallet="1001"), "k", Amount(EUR, "EUR"))), Posted)
        rig.ask(authorize(client=client, ask=60 * SECOND))
    view = rig.wallet()
    assert (view.balance, view.held) == (8 * EUR, 1_200_000)


def test_a_refusal_for_lack_of_money_sticks_to_a_one_shot() -> None:
    """Case oracle 141: refused, money comes, the same id is refused again; a new id is accepted."""
    rig = rig_with(opening=0)
    charge = Charge(API, "k", Amount(EUR, "EUR"))
    assert refusal(rig.ask(charge)) is Refusal.NO_FUNDS
    rig.ask(Recharge("api", "1001", "r", Amount(5 * EUR, "EUR")))
    assert refusal(rig.ask(charge)) is Refusal.NO_FUNDS
    assert isinstance(rig.ask(Charge(API, "k2", Amount(EUR, "EUR"))), Posted)


LACKING: list[tuple[Command, Command]] = [
    (
        Transfer("api", "1001", "1002", "k", Amount(6 * EUR, "EUR")),
        Transfer("api", "1001", "1002", "k", Amount(EUR, "EUR")),
    ),
    (
        Recharge("api", "1001", "k", Amount(EUR, "EUR"), lines=(Line("cash", -6 * EUR, adjust=True),)),
        Recharge("api", "1001", "k", Amount(EUR, "EUR"), lines=(Line("cash", -EUR, adjust=True),)),
    ),
]


@pytest.mark.parametrize(("command", "other"), LACKING)
def test_a_refusal_for_lack_of_money_sticks_to_transfers_and_recharges(command: Command, other: Command) -> None:
    """Case oracle 141: of 4 euros 6 are refused; when 10 more are there it is refused again, nothing moves, and another
    body is a conflict. Under a new key it is done."""
    rig = rig_with(opening=4 * EUR)
    rig.ask(CreateWallet("api", "1002", "made", "EUR"))
    first = rig.ask(command)
    assert refusal(first) is Refusal.INSUFFICIENT_FUNDS
    rig.ask(Recharge("api", "1001", "r", Amount(10 * EUR, "EUR")))
    after = state(rig)
    assert rig.ask(command) == first
    rig.restart()
    assert rig.ask(command) == first
    assert refusal(rig.ask(other)) is Refusal.CONFLICT
    assert state(rig) == after
    assert isinstance(rig.ask(msgspec.structs.replace(command, key="k2")), Posted)
    rig.proved()


def test_a_refusal_for_lack_of_money_sticks_to_an_update() -> None:
    rig = rig_with(opening=600_000)
    rig.ask(authorize(begin=True, ask=60 * SECOND))
    more = ccr_update(1, 60)
    assert refusal(rig.ask(more)) is Refusal.NO_FUNDS
    rig.ask(Recharge("api", "1001", "r", Amount(5 * EUR, "EUR")))
    assert refusal(rig.ask(more)) is Refusal.NO_FUNDS
    assert granted(rig.ask(ccr_update(2, 0))).granted == 60 * SECOND


def test_a_refused_opening_is_decided_anew() -> None:
    """It moved nothing and left nothing: who has topped up gets through under the same key."""
    rig = rig_with(opening=0)
    assert refusal(rig.ask(authorize())) is Refusal.NO_FUNDS
    rig.ask(Recharge("api", "1001", "r", Amount(5 * EUR, "EUR")))
    granted(rig.ask(authorize()))


def test_a_tombstone_answers_for_24_hours() -> None:
    rig = rig_with()
    rig.ask(authorize())
    rig.ask(start())
    first = settled(rig.ask(stop(seconds=85)))
    assert rig.sweep(86_399) == 0
    assert rig.ask(stop(seconds=85)) == first
    rig.later(DAY // SECOND)
    rig.sweep()
    assert refusal(rig.ask(stop(seconds=85, open_unknown=False))) is Refusal.UNKNOWN_SESSION


def test_a_release_asked_again_is_answered_alike() -> None:
    """Case oracle 40: after it, no other message finds anything to move."""
    rig = rig_with()
    rig.ask(authorize())
    release = Release(caller(), "cancel", ("c1",))
    first = settled(rig.ask(release))
    assert rig.ask(release) == first
    assert refusal(rig.ask(Release(caller(), "other", ("c1",)))) is Refusal.SESSION_CLOSED
    assert refusal(rig.ask(update(seconds=10))) is Refusal.SESSION_CLOSED
    assert state(rig) == (10 * EUR, 0, 1)


def test_a_repeat_with_a_wrong_password_is_not_let_in() -> None:
    rig = rig_with()

    def asked(password: bytes) -> Authorize:
        proof = Pap(password)
        return Authorize(Caller("nas", name="1001", proof=proof), "auth", ("c1",), Service.VOICE, "4420")

    first = granted(rig.ask(asked(b"secret")))
    assert refusal(rig.ask(asked(b"guessed"))) is Refusal.BAD_PASSWORD
    assert rig.ask(asked(b"secret")) == first


def test_a_request_that_says_no_more_is_the_same_in_a_release_whose_commands_may() -> None:
    """What a command leaves at its default behind what it says does not count; what stands before that does."""
    plain = Charge(Caller("api", wallet="1001"), "k", Amount(5, "EUR"))
    assert body_hash(plain).hex() == "7a624e9c53d0e75d9d64b59f8f5d5e47"
    assert body_hash(msgspec.structs.replace(plain, deadline=7)) == body_hash(plain)
    assert body_hash(msgspec.structs.replace(plain, amount=Amount(6, "EUR"))) != body_hash(plain)
    assert body_hash(Refund(plain.caller, "k", Amount(5, "EUR"))) != body_hash(plain)


def test_what_is_added_to_a_command_with_a_default_changes_no_hash() -> None:
    class Later(Charge, frozen=True, gc=False, array_like=True, tag=Charge.__struct_config__.tag):
        more: str = ""

    Later.__name__ = "Charge"
    asked = (Caller("api", wallet="1001"), "k", Amount(5, "EUR"))
    assert body_hash(Later(*asked)) == body_hash(Charge(*asked))
    assert body_hash(Later(*asked, more="x")) != body_hash(Charge(*asked))
