"""Days of records go once they are brought forward: every balance stays proved, whatever stops the work half-way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, rig_with
from tests.snapshot_dict import DictSnapshot
from tests.store.rig import NOON, Countdown, Crash
from tests.store.rig import Rig as Machine

from tollhouse.engine.audit import audit
from tollhouse.engine.book import entry_of
from tollhouse.engine.chain import FORWARD
from tollhouse.engine.retention import RECORDS, WALLETS, Retention
from tollhouse.engine.tally import Tally
from tollhouse.engine.timers import Timers
from tollhouse.main.auditing import STEPS, Auditor
from tollhouse.main.reading import StoreReading
from tollhouse.records.forward import BroughtForward, decode, encode
from tollhouse.records.record import enter
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.values.commands import Caller, Charge, CreateWallet, Recharge
from tollhouse.values.instants import DAY, SECOND
from tollhouse.values.money import Amount
from tollhouse.wallet.state import Posting, new_wallet

A_DAY = DAY // SECOND


def charge(rig: Rig, key: str, name: str = "1001") -> None:
    rig.ask(Charge(Caller("api", wallet=name), key, Amount(EUR, "EUR")))


def aged() -> Rig:
    """2026-11-18: 1001 opens with 10, gets a bonus of 3, pays 1; 1002 opens with 5. A day on: 1001 pays 1.

    400 days of retention: 401 days later the first day goes, 402 days later the second.
    """
    rig = rig_with()
    rig.ask(Recharge("api", "1001", "r", Amount(3 * EUR, "EUR"), "bonus"))
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR))
    charge(rig, "c1")
    rig.later(A_DAY)
    charge(rig, "c2")
    return rig


def retire(rig: Rig) -> None:
    """Until nothing is left to do today."""
    retention = Retention(rig.store, rig.engine.now, rig.tally)
    while retention.step():
        pass


def forward_of(rig: Rig, name: str = "1001") -> BroughtForward:
    return decode(rig.store.load(FORWARD, name.encode()) or b"")


def test_a_day_is_brought_forward_and_the_rest_proves_from_there() -> None:
    rig = aged()
    rig.later(399 * A_DAY)
    retire(rig)
    assert len(rig.records()) == 4
    rig.later(A_DAY)
    retire(rig)
    assert [one.sequence for one in rig.records()] == [4]
    assert rig.records("1002") == []
    first, other = forward_of(rig), forward_of(rig, "1002")
    # the bonus pays first: 10 in the main bucket, 3 - 1 in the second
    assert (first.sequence, first.buckets) == (3, ((1, 10 * EUR), (2, 2 * EUR)))
    assert first.counters == (("issue", -13 * EUR), ("revenue", EUR))
    assert (other.sequence, other.buckets) == (1, ((1, 5 * EUR),))
    assert rig.records()[0].previous == first.chain
    report = audit(rig.store)
    assert (report.faults, report.records) == ((), 1)
    assert report.counters["EUR"] == {"issue": -18 * EUR, "revenue": 2 * EUR}
    rig.later(A_DAY)
    retire(rig)
    assert forward_of(rig).counters == (("issue", -13 * EUR), ("revenue", 2 * EUR))
    charge(rig, "c3")
    assert [one.sequence for one in rig.records()] == [5]
    rig.proved()
    assert rig.tally.counts["store_days_dropped", ""] == 2


def test_the_timers_do_it_by_the_clock_once_a_day() -> None:
    rig = aged()
    timers = Timers(rig.engine, rig.store)
    for days in (0, 400, 1):
        rig.later(days * A_DAY)
        for _ in range(20):
            timers.tick()
            rig.turn()
    assert rig.store.days() == []
    rig.proved()


def test_what_was_brought_forward_is_listed_before_the_records_that_are_kept() -> None:
    rig = aged()
    rig.later(400 * A_DAY)
    retire(rig)
    reading = StoreReading(rig.store, lambda: rig.clock)
    first, second = reading.records("1001", 0, 10)
    assert (first["sequence"], first["kind"], first["balance"]) == (3, "brought forward", "12")
    assert (second["sequence"], second["balance"]) == (4, "11")
    assert [one["sequence"] for one in reading.records("1001", 0, 1)] == [3]
    assert [one["sequence"] for one in reading.records("1001", 3, 10)] == [4]


def doctor(rig: Rig, change: Callable[[BroughtForward], BroughtForward], *, seal: bool = True) -> None:
    """Rewritten, with a seal that is right or with the one it had."""
    before = forward_of(rig)
    after = change(before)
    image = encode(after)
    if not seal:
        image = image.replace(decode(image).seal, before.seal)
    rig.store.append(rig.clock, [Entry(FORWARD, b"1001", image)], ())


def lose_forward(rig: Rig) -> None:
    rig.store.append(rig.clock, [Entry(FORWARD, b"1001", None)], ())


def of_another_format(rig: Rig) -> None:
    rig.store.append(rig.clock, [Entry(FORWARD, b"1001", b"\x09")], ())


def cut_short(rig: Rig) -> None:
    rig.store.append(rig.clock, [Entry(FORWARD, b"1001", encode(forward_of(rig))[:-3])], ())


RICH = ((1, 11 * EUR), (2, 2 * EUR))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lose_forward, "wallet 1001: record 4 does not follow record 0"),
        (of_another_format, "wallet 1001: what was brought forward: format '09' is unknown"),
        (cut_short, "wallet 1001: what was brought forward: "),
        (partial(doctor, change=lambda one: replace(one, buckets=RICH)), "what was brought forward: it does not sum"),
        (
            partial(doctor, change=lambda one: replace(one, buckets=RICH, counters=(("issue", -13 * EUR),))),
            "wallet 1001: bucket 1 has 10000000, its records say 11000000",
        ),
        (partial(doctor, change=lambda one: replace(one, chain=bytes(16))), "record 4 does not follow record 3"),
        (partial(doctor, change=lambda one: replace(one, sequence=2)), "record 4 does not follow record 2"),
        (partial(doctor, change=lambda one: replace(one, sequence=4)), "4 records expected, the chain ends at 4"),
        (partial(doctor, change=lambda one: replace(one, unit="USD")), "record 4 is in EUR, those before it in USD"),
        (
            partial(doctor, change=lambda one: replace(one, wallet="1002")),
            "what was brought forward: it is wallet 1002",
        ),
        (
            partial(doctor, change=lambda one: replace(one, counters=(("issue", -12 * EUR),)), seal=False),
            "what was brought forward: it is not as it was sealed",
        ),
    ],
)
def test_each_kind_of_damage_to_it_is_found(damage: Callable[[Rig], None], says: str) -> None:
    rig = aged()
    rig.later(400 * A_DAY)
    retire(rig)
    assert audit(rig.store).faults == ()
    damage(rig)
    faults = audit(rig.store).faults
    assert any(says in fault for fault in faults), faults
    assert not any("1002:" in fault for fault in faults)


def lose_record(rig: Rig) -> None:
    del rig.store.chains["1001"][1]


def spoil_record(rig: Rig) -> None:
    chain = rig.store.chains["1001"]
    chain[1] = replace(chain[1], body=b"")


def ruin_day(rig: Rig) -> None:
    rig.store.ruined["2026-11-18"] = "records of 2026-11-18 cannot be read: for a test"


@pytest.mark.parametrize("damage", [lose_record, spoil_record, ruin_day])
def test_a_day_that_does_not_prove_is_kept_and_counted_once_a_day(damage: Callable[[Rig], None]) -> None:
    rig = aged()
    damage(rig)
    rig.later(400 * A_DAY)
    retention = Retention(rig.store, rig.engine.now, rig.tally)
    for days in (0, 0, 1):
        rig.later(days * A_DAY)
        while retention.step():
            pass
    assert rig.store.days() == ["2026-11-18", "2026-11-19"]
    assert rig.tally.counts["store_days_kept", "unproved"] == 2
    assert audit(rig.store).faults != ()


def test_a_wallet_with_more_than_a_step_of_records_and_more_wallets_than_a_step() -> None:
    """1001 has 2201 records: two steps of 1000 and a rest; with it there are 131 wallets: three steps of 64."""
    assert (WALLETS, RECORDS) == (64, 1000)
    rig = rig_with(opening=10_000 * EUR)
    for number in range(2200):
        rig.submit(Charge(Caller("api", wallet="1001"), f"k{number}", Amount(1, "EUR")))
    for number in range(130):
        rig.submit(CreateWallet("api", f"w{number}", f"make-{number}", "EUR", EUR))
    rig.turn()
    rig.later(401 * A_DAY)
    before = rig.store.batches
    retire(rig)
    assert (rig.store.days(), rig.store.batches - before) == ([], 3)
    report = audit(rig.store)
    assert (report.faults, report.wallets, report.records) == ((), 131, 0)


def test_a_day_that_goes_while_its_wallet_is_audited_is_no_finding() -> None:
    """3001 records are seven pages of 500, four in the audit's first turn; then the day they are of is dropped."""
    rig = rig_with()
    for number in range(3000):
        rig.submit(Charge(Caller("api", wallet="1001"), f"k{number}", Amount(1, "EUR")))
    rig.turn()
    rig.later(401 * A_DAY)
    waiting: list[Callable[[], None]] = []
    pages: list[object] = []
    Auditor(rig.store, waiting.append)("", 10, pages.append)
    assert (STEPS, pages) == (4, [])
    retire(rig)
    charge(rig, "later")
    while waiting:
        waiting.pop(0)()
    assert [(page.findings, page.next) for page in pages] == [((), "")]  # type: ignore[attr-defined]


def fill(machine: Machine) -> None:
    """Two wallets: three records each on the first day, one on the next; carried into the files."""
    for name in ("a", "b"):
        wallet = new_wallet(name, "t", "EUR", 6, 0, 1)
        for at, amount in ((NOON, 7), (NOON, -2), (NOON, -1), (NOON + DAY, -1)):
            bucket = wallet.buckets[0]
            wallet = replace(wallet, buckets=(replace(bucket, value=bucket.value + amount),))
            wallet, record, body = enter(wallet, at, "charge", "api", "", (Posting(1, amount, "revenue"),))
            machine.put(entry_of(wallet, DictSnapshot()), records=[RecordEntry(name, record.sequence, at, body)], at=at)
    machine.checkpoint()


def test_a_crash_between_any_two_steps_loses_nothing() -> None:
    """The start, bringing forward, its checkpoint, the drop: a power cut at each point in turn, then all to its end."""
    later = NOON + 401 * DAY
    hit: set[str] = set()
    point = 0
    while True:
        point += 1
        machine = Machine(seed=point)
        fill(machine)
        machine.plan(Countdown(point))
        crashed = True
        try:
            run(machine, later)
            machine.checkpoint()
            crashed = False
        except Crash as crash:
            hit.add(str(crash))
        machine.crash()
        assert audit(machine.store).faults == (), point
        run(machine, later)
        assert machine.store.days() == ["2024-10-05"], point
        report = audit(machine.store)
        assert (report.faults, report.records, report.balances) == ((), 2, {"EUR": 6}), point
        if not crashed:
            break
    assert {"pwrite:before", "fdatasync:before", "fdatasync:after", "drop_day:before", "drop_day:after"} <= hit


def run(machine: Machine, now: int) -> None:
    retention = Retention(machine.store, lambda: now, Tally())
    while retention.step():
        pass
