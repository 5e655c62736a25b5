"""The audit proves every balance, and finds each kind of damage."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.engine.rig import EUR, Rig, authorize, caller, rig_with, start, stop, update
from tests.snapshot_dict import DictSnapshot

from tollhouse.engine.audit import audit
from tollhouse.engine.book import SESSION, WALLET, decode_image, entry_of
from tollhouse.engine.session import Session
from tollhouse.records.record import Record, decode, encode
from tollhouse.store.interface import RecordEntry
from tollhouse.values.commands import Caller, Charge, CreateWallet, Recharge, Refund
from tollhouse.values.money import Amount
from tollhouse.wallet.state import Posting, Wallet

API = Caller("api", wallet="1001")


def busy() -> Rig:
    """Every kind of movement, one call that runs and one that has ended."""
    rig = rig_with()
    rig.ask(CreateWallet("api", "1002", "make-1002", "EUR", 5 * EUR))
    rig.ask(Recharge("api", "1001", "r", Amount(EUR, "EUR"), "bonus", expiry=rig.clock + 100_000_000))
    rig.ask(Charge(API, "c", Amount(2 * EUR, "EUR")))
    rig.ask(Refund(API, "f", Amount(EUR, "EUR")))
    for call in ("c1", "c2"):
        rig.ask(authorize(call, ask=60_000_000))
        rig.ask(start(call))
        rig.ask(update(call, 30))
    rig.ask(stop("c1", 85))
    rig.ask(authorize("c3", ask=60_000_000))
    rig.later(100)
    return rig


def test_all_is_proved_and_every_unit_sums_to_zero() -> None:
    """Oracle 144: the records sum to what the balances moved."""
    rig = busy()
    report = audit(rig.store)
    assert report.faults == ()
    assert (report.wallets, report.sessions) == (2, 3)
    assert report.balances["EUR"] + sum(report.counters["EUR"].values()) == 0
    # issue: 10 + 1 + 5; revenue: 2 charged, 1 refunded, calls of 0.6417 and 0.6
    assert report.counters["EUR"] == {"issue": -16 * EUR, "revenue": 2_241_700}


def wallet_of(rig: Rig) -> Wallet:
    wallet = decode_image(WALLET, rig.store.load(WALLET, b"1001") or b"")
    assert isinstance(wallet, Wallet)
    return wallet


def put(rig: Rig, image: Wallet | Session) -> None:
    entry = entry_of(image, DictSnapshot())
    rig.store.entries[entry.kind, entry.key] = entry


def first_session(rig: Rig, state: str) -> Session:
    for (kind, _), entry in rig.store.entries.items():
        session = decode_image(SESSION, entry.image or b"") if kind == SESSION else None
        if isinstance(session, Session) and session.state == state:
            return session
    raise AssertionError(state)


def change_balance(rig: Rig) -> None:
    wallet = wallet_of(rig)
    main = next(bucket for bucket in wallet.buckets if bucket.id == 1)
    richer = replace(main, value=main.value + 1)
    put(rig, replace(wallet, buckets=tuple(richer if one is main else one for one in wallet.buckets)))


def change_hold(rig: Rig) -> None:
    wallet = wallet_of(rig)
    main = next(bucket for bucket in wallet.buckets if bucket.id == 1)
    freer = replace(main, held=main.held - 1)
    put(rig, replace(wallet, buckets=tuple(freer if one is main else one for one in wallet.buckets)))


def lose_session(rig: Rig) -> None:
    del rig.store.entries[SESSION, first_session(rig, "authorised").id.encode()]


def hold_when_closed(rig: Rig) -> None:
    put(rig, replace(first_session(rig, "closed"), lines=((1, 5),)))


def orphan(rig: Rig) -> None:
    put(rig, replace(first_session(rig, "authorised"), wallet="nobody", id="x"))


def lose_record(rig: Rig) -> None:
    del rig.store.chains["1001"][2]


def lose_last_record(rig: Rig) -> None:
    rig.store.chains["1001"].pop()


def double_record(rig: Rig) -> None:
    rig.store.chains["1001"].insert(2, rig.store.chains["1001"][2])


def swap_records(rig: Rig) -> None:
    chain = rig.store.chains["1001"]
    chain[2], chain[3] = chain[3], chain[2]


def rewritten(rig: Rig, place: int, change: Callable[[Record], Record]) -> None:
    entry = rig.store.chains["1001"][place]
    rig.store.chains["1001"][place] = RecordEntry(
        entry.wallet, entry.sequence, entry.at, encode(change(decode(entry.body)))
    )


def change_note(rig: Rig) -> None:
    rewritten(rig, 2, lambda record: replace(record, note="nothing happened"))


def change_posting(rig: Rig) -> None:
    rewritten(rig, 2, lambda record: replace(record, postings=(Posting(1, -1, "revenue"),)))


def change_last_time(rig: Rig) -> None:
    rewritten(rig, -1, lambda record: replace(record, at=record.at + 1))


def spoil_record(rig: Rig) -> None:
    entry = rig.store.chains["1001"][2]
    rig.store.chains["1001"][2] = RecordEntry(entry.wallet, entry.sequence, entry.at, entry.body[:-3])


def unknown_format(rig: Rig) -> None:
    entry = rig.store.chains["1001"][2]
    rig.store.chains["1001"][2] = RecordEntry(entry.wallet, entry.sequence, entry.at, b"\x09" + entry.body[1:])


def change_chain(rig: Rig) -> None:
    put(rig, replace(wallet_of(rig), chain=bytes(16)))


def change_count(rig: Rig) -> None:
    wallet = wallet_of(rig)
    put(rig, replace(wallet, records=wallet.records + 1))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (change_balance, "wallet 1001: bucket 1 has"),
        (change_hold, "wallet 1001: bucket 1 holds"),
        (lose_session, "its sessions say"),
        (hold_when_closed, "is closed and holds money"),
        (orphan, "holds money of wallet nobody, which is not there"),
        (lose_record, "wallet 1001: record 4 does not follow record 2"),
        (lose_last_record, "records expected, the chain ends at"),
        (double_record, "wallet 1001: record 3 does not follow record 3"),
        (swap_records, "wallet 1001: record 4 does not follow record 2"),
        (change_note, "wallet 1001: record 4 does not follow record 3"),
        (change_posting, "wallet 1001: record 3 states another balance than its records"),
        (change_last_time, "records expected, the chain ends at"),
        (spoil_record, "wallet 1001: record 3: Input data was truncated"),
        (unknown_format, "wallet 1001: record 3: record format '09' is unknown"),
        (change_chain, "records expected, the chain ends at"),
        (change_count, "records expected, the chain ends at"),
    ],
)
def test_each_kind_of_damage_is_found(damage: Callable[[Rig], None], says: str) -> None:
    rig = busy()
    damage(rig)
    faults = audit(rig.store).faults
    assert any(says in fault for fault in faults), faults


def test_an_undamaged_neighbour_is_not_blamed() -> None:
    rig = busy()
    change_balance(rig)
    assert not any("1002" in fault for fault in audit(rig.store).faults)
    assert caller().client == "nas"
