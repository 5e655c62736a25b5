"""The proof of all balances: every wallet from its own records, every hold from the sessions, every unit to zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from tollhouse.engine.book import SESSION, WALLET, decode_image
from tollhouse.engine.session import CLOSED, Session
from tollhouse.records.record import decode, digest
from tollhouse.store.interface import RecordEntry
from tollhouse.wallet.state import Wallet

PAGE = 500


class Readable(Protocol):
    """What an audit reads: a store, or a store's disk with no engine running."""

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) with key > `after`."""

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`."""


class AuditReport(msgspec.Struct, frozen=True):
    """`faults` is empty when every balance is proved. `counters`: per unit, what the counter-accounts moved."""

    wallets: int
    sessions: int
    records: int
    balances: dict[str, int]
    counters: dict[str, dict[str, int]]
    faults: tuple[str, ...]


def audit(store: Readable) -> AuditReport:
    """Walk everything once, a page at a time."""
    faults: list[str] = []
    held: dict[tuple[str, int], int] = {}
    sessions = 0
    for image in _all(store, SESSION):
        session = decode_image(SESSION, image)
        assert isinstance(session, Session)
        sessions += 1
        if session.state == CLOSED and session.lines:
            faults.append(f"session {session.id} is closed and holds money")
        for bucket_id, amount in session.lines:
            held[session.wallet, bucket_id] = held.get((session.wallet, bucket_id), 0) + amount
    wallets = records = 0
    balances: dict[str, int] = {}
    counters: dict[str, dict[str, int]] = {}
    for image in _all(store, WALLET):
        wallet = decode_image(WALLET, image)
        assert isinstance(wallet, Wallet)
        wallets += 1
        balances[wallet.unit] = balances.get(wallet.unit, 0) + wallet.balance()
        records += _prove(store, wallet, counters.setdefault(wallet.unit, {}), faults)
        for bucket in wallet.buckets:
            owed = held.pop((wallet.name, bucket.id), 0)
            if owed != bucket.held:
                faults.append(f"wallet {wallet.name} bucket {bucket.id} holds {bucket.held}, its sessions {owed}")
    faults += [f"sessions hold {amount} of wallet {name} bucket {bucket}" for (name, bucket), amount in held.items()]
    for unit, balance in balances.items():
        if balance + sum(counters[unit].values()):
            faults.append(f"{unit}: balances and counter-accounts do not sum to zero")
    return AuditReport(wallets, sessions, records, balances, counters, tuple(faults))


def _prove(store: Readable, wallet: Wallet, counters: dict[str, int], faults: list[str]) -> int:
    """One wallet's chain, link by link, and its buckets from its postings."""
    buckets: dict[int, int] = {}
    previous, sequence = b"", 0
    for entry in _records(store, wallet.name):
        record = decode(entry.body)
        if record.sequence != sequence + 1 or record.previous != previous:
            faults.append(f"wallet {wallet.name}: record {record.sequence} does not follow record {sequence}")
        for posting in record.postings:
            buckets[posting.bucket] = buckets.get(posting.bucket, 0) + posting.amount
            counters[posting.counter] = counters.get(posting.counter, 0) - posting.amount
        if record.balance != sum(buckets.values()):
            faults.append(f"wallet {wallet.name}: record {record.sequence} states another balance than its records")
        previous, sequence = digest(entry.body), record.sequence
    if (sequence, previous) != (wallet.records, wallet.chain):
        faults.append(f"wallet {wallet.name}: {wallet.records} records expected, the chain ends at {sequence}")
    values = {bucket.id: bucket.value for bucket in wallet.buckets}
    faults += [
        f"wallet {wallet.name} bucket {bucket_id}: balance and records differ"
        for bucket_id in sorted(values.keys() | buckets.keys())
        if values.get(bucket_id, 0) != buckets.get(bucket_id, 0)
    ]
    return sequence


def _all(store: Readable, kind: int) -> Iterator[bytes]:
    after = b""
    while page := store.scan(kind, after, PAGE):
        for _, image in page:
            yield image
        after = page[-1][0]


def _records(store: Readable, wallet: str) -> Iterator[RecordEntry]:
    after = 0
    while page := store.records(wallet, after, PAGE):
        yield from page
        after = page[-1].sequence
