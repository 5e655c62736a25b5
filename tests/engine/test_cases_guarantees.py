"""Requirement oracle_vws 7.10 through the whole engine: what holds whatever is asked, in whatever order, how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace
from tests.engine.cases_rig import (
    LIT,
    POLICY,
    commit,
    cost,
    event,
    filled,
    initial,
    made,
    posted,
    rig_of,
    seconds,
    subsequent,
    world,
)
from tests.engine.rig import Rig, authorize, caller, granted, refusal
from tests.snapshot_dict import DictSnapshot

from tollhouse.engine.book import encode_outcome
from tollhouse.records.record import Record
from tollhouse.records.text import BucketKind, Event, Owner, kinds_of, parse, tags, text
from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Product, Promotion
from tollhouse.snapshot.rules import (
    ActivationRules,
    EventRules,
    ExpiryRules,
    RechargeRules,
    Recorded,
    ReservationRules,
    Rules,
)
from tollhouse.values.commands import ChangeWallet, Command, Recharge, Refund, Release, Sweep, Transfer
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.funds import by_bucket

NAMES = ("1001", "1002", "1003")


def test_case_140_killed_between_the_durable_reservation_and_its_answer() -> None:
    """The request is repeated with its id: the same reservation, held once."""
    rig = rig_of(world())
    made(rig, 100)
    rig.submit(initial(ask=60))
    rig.soon.pop(0)()  # durable; the answer is lost with the process
    rig.restart()
    assert rig.wallet().held == 60
    again = granted(rig.ask(initial(ask=60)))
    assert again.granted == 60 * SECOND
    assert [one.id for one in rig.engine.book.open_sessions_of("1001")] == [again.session]
    assert (rig.wallet().held, rig.wallet().available) == (60, 40)
    rig.proved()


def test_case_140_killed_before_it_was_durable() -> None:
    """Nothing was held, and the repeat is the first that is heard of it."""
    rig = rig_of(world())
    made(rig, 100)
    lost = rig.submit(initial(ask=60))
    rig.restart()
    assert (lost, rig.wallet().held) == ([], 0)
    assert seconds(rig.ask(initial(ask=60))) == 60
    assert rig.wallet().held == 60
    rig.proved()


@pytest.mark.parametrize("restarted", [False, True])
def test_case_141_what_moved_nothing_may_be_decided_anew_and_what_is_a_request_of_its_own_sticks(
    restarted: bool,
) -> None:
    """Refused for lack of money, then a recharge, then the same id. On purpose not as the case has it for the opening
    of a session: that left nothing behind, and who topped up gets through under the same id. A one-shot charge and a
    further reservation of a running session are refused again; a new id is accepted."""
    rig = rig_of(world())
    made(rig, 10)
    rig.ask(initial("runs"))
    rig.later(10)
    asked = (initial("late"), event(30, "ne"), subsequent("runs", 10))
    refused = [rig.ask(command) for command in asked]
    assert [refusal(outcome) for outcome in refused] == [Refusal.NO_FUNDS] * 3
    filled(rig, 1000)
    if restarted:
        rig.restart()
    assert seconds(rig.ask(asked[0])) == 1000
    assert cost(rig.ask(commit("late"))) == 0
    assert [rig.ask(command) for command in asked[1:]] == refused[1:]
    assert posted(rig.ask(event(30, "ne2"))).amount == -30
    assert seconds(rig.ask(replace(subsequent("runs", 10), key="sr2"))) == 970
    rig.proved()


class Traffic:
    """Random commands on three wallets under random rules, with repeats, lost answers, restarts and jumps of time."""

    def __init__(self, seed: int, *, sweeps: bool = True) -> None:
        self.dice = random.Random(seed)
        self.sweeps = sweeps
        self.rig = rig_of(self._world(), replace(POLICY, setup_window=60 * SECOND))
        self.number = 0
        self.calls: list[tuple[str, str]] = []
        self.sent: list[tuple[Command, Outcome]] = []
        self.kinds: dict[str, dict[int, BucketKind]] = {name: {} for name in NAMES}
        for name in NAMES:
            made(
                self.rig,
                self.dice.choice((0, 100, 2000)),
                credit=self.dice.choice((0, 0, 50)),
                product=self.dice.choice(("", "p", "q")),
                sessions=self.dice.choice((0, 1, 2, 5)),
                name=name,
            )

    def _world(self) -> DictSnapshot:
        dice = self.dice

        def flip() -> bool:
            return dice.random() < 0.5

        rules = Rules(
            reservation=ReservationRules(
                greedy_below_seconds=dice.choice((0, 60)),
                worst_case_buckets=flip(),
                max_sessions=dice.choice((0, 0, 3)),
            ),
            event=EventRules(activates_preuse=flip()),
            activation=ActivationRules(flip(), flip(), flip(), flip()),
            expiry=ExpiryRules(
                recorded=dice.choice(tuple(Recorded)),
                delete_empty_balances=flip(),
                wallet_states=dice.choice(("AD", "ADS", "ADFPST")),
                records_buckets_of_expired_wallet=flip(),
                expire_at_midnight_zone=dice.choice(("", "Asia/Tokyo")),
            ),
            recharge=RechargeRules(flip(), flip(), flip(), flip(), dice.random() < 0.8, flip(), flip(), flip()),
        )
        products = (
            Product("p", initial=9 * DAY, promotions=(Promotion("gift", 50, 3 * DAY),)),
            Product("q", dormant=4 * DAY, terminated=4 * DAY, bucket_lasts=(("bonus", 2 * DAY),)),
        )
        types = (
            BalanceType("gift", LIT, 2, deletable=False),
            BalanceType("free", "second", 0, "voice", SECOND),
        )
        return world(rules, products=products, types=types)

    def step(self) -> None:
        """One command, perhaps one that was sent before; then everything is looked at."""
        if self.dice.random() < 0.2 and self.sent:
            self.again()
        else:
            command = self.next()
            self.sent.append((command, self.rig.ask(command)))
        self.rig.later(90_000 if self.dice.random() < 0.03 else self.dice.choice((0, 0, 0, 1, 20, 61, 400, 4000)))
        if self.dice.random() < 0.03:
            self.rig.restart()
        if self.dice.random() < 0.3 and self.sweeps:
            self.rig.ask(Sweep())

    def again(self) -> None:
        """A repeat of a one-shot that was done is answered alike; nothing moves twice: the audit would see it."""
        command, outcome = self.dice.choice(self.sent[-12:])
        said = self.rig.ask(command)
        if isinstance(command, (Recharge, Transfer, Refund)) and not isinstance(outcome, Refused):
            assert encode_outcome(said) == encode_outcome(outcome), command

    def next(self) -> Command:
        self.number += 1
        makers: tuple[Callable[[], Command], ...] = (
            *(self.opening, self.opening, self.report, self.report, self.ending, self.ending),
            *(self.recharging, self.recharging, self.moving, self.changing, self.at_once),
        )
        return self.dice.choice(makers)()

    def key(self) -> str:
        return f"k{self.number}"

    def name(self) -> str:
        return self.dice.choice(NAMES)

    def opening(self) -> Command:
        call, name = f"c{self.number}", self.name()
        self.calls.append((call, name))
        ask = self.dice.choice((None, 30, 600))
        if self.dice.random() < 0.3:
            return authorize(call, name=name, ask=None if ask is None else ask * SECOND)
        return initial(call, ask=ask, name=name)

    def call(self) -> tuple[str, str]:
        return self.dice.choice(self.calls[-6:]) if self.calls else ("none", "1001")

    def report(self) -> Command:
        call, name = self.call()
        return replace(subsequent(call, self.dice.randrange(900), name=name), key=self.key())

    def ending(self) -> Command:
        call, name = self.call()
        if self.dice.random() < 0.2:
            return Release(caller(name), self.key(), (call,))
        return commit(call, self.dice.randrange(900), key=self.key(), name=name)

    def recharging(self) -> Command:
        lines = tuple(self.line() for _ in range(self.dice.choice((1, 1, 3))))
        extension = self.dice.choice((Validity(), Validity(ExpiryPolicy.EXTEND_FROM_EXPIRY, 5 * DAY)))
        amount = Amount(self.dice.choice((0, 40)), LIT)
        return Recharge("api", self.name(), self.key(), amount, lines=lines, extension=extension)

    def line(self) -> Line:
        policy = self.dice.choice(tuple(ExpiryPolicy))
        date = self.rig.clock + self.dice.randrange(1, 5) * DAY
        return Line(
            self.dice.choice(("cash", "bonus", "bonus", "gift", "free")),
            self.dice.randrange(300),
            Validity(policy, self.dice.randrange(1, 5) * DAY, date),
            weight=self.dice.choice((0, 0, 10)),
            replace=self.dice.random() < 0.2,
        )

    def moving(self) -> Command:
        kind, unit = self.dice.choice((("cash", LIT), ("bonus", LIT), ("free", "second")))
        amount = Amount(self.dice.randrange(1, 80), unit)
        return Transfer("api", self.name(), self.name(), self.key(), amount, kind)

    def changing(self) -> Command:
        dice = self.dice
        change = ChangeWallet("api", self.name(), self.key())
        return dice.choice(
            (
                replace(change, state=dice.choice(("suspended", "frozen", "terminated"))),
                replace(change, state="active"),
                replace(change, state="active"),
                replace(change, expiry=self.rig.clock + dice.randrange(1, 9) * DAY),
                replace(change, credit_limit=dice.choice((0, 50))),
                replace(change, max_sessions=dice.choice((0, 1, 3))),
            )
        )

    def at_once(self) -> Command:
        name, amount = self.name(), self.dice.randrange(120)
        if self.dice.random() < 0.3:
            return Refund(replace(event(0, name=name).caller), self.key(), Amount(amount, LIT))
        return event(amount, self.key(), name)

    def looked_at(self) -> None:
        """The invariants of requirement oracle_vws 3."""
        self.rig.proved()
        assert self.rig.tally.counts.get(("engine_bugs", ""), 0) == 0
        for name in NAMES:
            wallet = self.rig.engine.book.wallet(name)
            assert wallet is not None
            sessions = self.rig.engine.book.open_sessions_of(name)
            held = by_bucket([line for session in sessions for line in session.lines])
            for one in wallet.buckets:
                assert one.held == held.get(one.id, 0)
                assert one.id == 1 or 0 <= one.held <= one.value
            self.kinds[name] |= kinds_of(wallet)


@pytest.mark.parametrize("seed", range(20))
def test_case_143_random_operations_repeated_and_reordered(seed: int) -> None:
    """20 x 500 = 10,000: the invariants hold, and a process that reads what is stored knows the same. (Power cuts at
    every point, the real store and lost packets are tests/model's.)"""
    traffic = Traffic(seed)
    for number in range(500):
        traffic.step()
        if number % 10 == 9:
            traffic.looked_at()
    shown = [traffic.rig.wallet(name) for name in NAMES]
    traffic.rig.restart()
    assert [traffic.rig.wallet(name) for name in NAMES] == shown
    done = [outcome for _, outcome in traffic.sent if not isinstance(outcome, Refused)]
    assert len(done) > 50


def totals(rig: Rig, name: str, upto: int, known: Mapping[int, BucketKind]) -> dict[str, int]:
    """By their records: balance type -> value behind record `upto`."""
    found: dict[str, int] = {}
    for record in rig.records(name):
        for one in record.postings if record.sequence <= upto else ():
            kind = known[one.bucket].balance_type
            found[kind] = found.get(kind, 0) + one.amount
    return found


def costs(record: Record, known: Mapping[int, BucketKind]) -> dict[str, int]:
    """Balance type -> COSTS of the record's line."""
    line = parse(text(tags(Event(record), Owner("e", "demo", 0), known, {})))
    names = line.get("BALANCE_TYPES", ())
    return {name: int(told) for name, told in zip(names, line.get("COSTS", ()), strict=True)}


@pytest.mark.parametrize("seed", range(20, 26))
def test_case_144_costs_of_any_interval_are_what_the_balances_fell(seed: int) -> None:
    """Per wallet and balance type, between any two of its records; at the end it is what the buckets hold."""
    traffic = Traffic(seed)
    for _ in range(200):
        traffic.step()
        for name in NAMES:
            wallet = traffic.rig.engine.book.wallet(name)
            assert wallet is not None
            traffic.kinds[name] |= kinds_of(wallet)
    for name in NAMES:
        records, known = traffic.rig.records(name), traffic.kinds[name]
        for _ in range(20):
            first, last = sorted(traffic.dice.choices(range(len(records) + 1), k=2))
            opening, closing = totals(traffic.rig, name, first, known), totals(traffic.rig, name, last, known)
            spent: dict[str, int] = {}
            for record in records[first:last]:
                for kind, amount in costs(record, known).items():
                    spent[kind] = spent.get(kind, 0) + amount
            for kind in opening.keys() | closing.keys():
                assert spent.get(kind, 0) == opening.get(kind, 0) - closing.get(kind, 0)
        wallet = traffic.rig.engine.book.wallet(name)
        assert wallet is not None
        held: dict[str, int] = {}
        for bucket in wallet.buckets:
            held[bucket.balance_type] = held.get(bucket.balance_type, 0) + bucket.value
        now = totals(traffic.rig, name, len(records), known)
        assert {kind: value for kind, value in held.items() if value} == {k: v for k, v in now.items() if v}
