"""The proof of all balances: every wallet from its own records, every hold from its sessions, every unit to zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from tollhouse.engine.book import COUNT, OPEN_SESSIONS, SESSION, WALLET, Count, DamagedError, decode_image
from tollhouse.engine.session import CLOSED, Session, wallet_key
from tollhouse.records.record import decode, digest
from tollhouse.store.interface import RecordEntry
from tollhouse.wallet.state import Wallet

PAGE = 500


class Readable(Protocol):
    """What an audit reads: a store, or a store's disk with no engine running."""

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest image of the entity."""

    def find(self, index_key: bytes) -> list[tuple[int, bytes]]:
        """Entities whose newest image names this index key."""

    def scan(self, kind: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """(key, newest image) with key > `after`."""

    def records(self, wallet: str, after: int, limit: int) -> list[RecordEntry]:
        """The wallet's records with a sequence > `after`."""


class Proof(msgspec.Struct, frozen=True):
    """One wallet proved: its records, what they moved per counter-account, and the faults found (none = proved)."""

    wallet: str
    unit: str
    balance: int
    records: int
    counters: dict[str, int]
    faults: tuple[str, ...]


class AuditReport(msgspec.Struct, frozen=True):
    """`faults` is empty when every balance is proved. `counters`: per unit, what the counter-accounts hold."""

    wallets: int
    sessions: int
    records: int
    balances: dict[str, int]
    counters: dict[str, dict[str, int]]
    faults: tuple[str, ...]


def audit(store: Readable) -> AuditReport:
    """Prove every wallet, that no session holds money of a wallet that is not there, and the count of open ones."""
    faults: list[str] = []
    balances: dict[str, int] = {}
    counters: dict[str, dict[str, int]] = {}
    wallets = records = 0
    for proof in proofs(store, ""):
        wallets += 1
        records += proof.records
        faults += proof.faults
        balances[proof.unit] = balances.get(proof.unit, 0) + proof.balance
        moved = counters.setdefault(proof.unit, {})
        for counter, amount in proof.counters.items():
            moved[counter] = moved.get(counter, 0) + amount
    sessions = open_ones = 0
    for key, image in _all(store, SESSION, b""):
        sessions += 1
        try:
            session = decode_image(SESSION, image)
        except DamagedError as error:
            faults.append(f"session {key.decode(errors='replace')}: {error}")
            continue
        open_ones += isinstance(session, Session) and session.state != CLOSED
        if isinstance(session, Session) and session.lines:
            if session.state == CLOSED:
                faults.append(f"session {session.id} is closed and holds money")
            if store.load(WALLET, session.wallet.encode()) is None:
                faults.append(f"session {session.id} holds money of wallet {session.wallet}, which is not there")
    faults += _miscounted(store, open_ones)
    faults += [
        f"{unit}: balances and counter-accounts do not sum to zero"
        for unit, balance in balances.items()
        if balance + sum(counters[unit].values())
    ]
    return AuditReport(wallets, sessions, records, balances, counters, tuple(faults))


def proofs(store: Readable, after: str) -> Iterator[Proof]:
    """The proof of each wallet whose name comes after `after`, in order of name."""
    return (proof for proof in steps(store, after) if proof is not None)


def steps(store: Readable, after: str) -> Iterator[Proof | None]:
    """The same in small steps, with None after each page of a wallet's records.

    Others may change the store between two steps: each wallet is proved as it stood when its first step was taken.
    """
    for key, _ in _all(store, WALLET, after.encode()):
        name = key.decode(errors="replace")
        image = store.load(WALLET, key)
        try:
            wallet = decode_image(WALLET, image) if image is not None else None
        except DamagedError as error:
            yield Proof(name, "", 0, 0, {}, (f"wallet {name}: {error}",))
            continue
        if isinstance(wallet, Wallet):
            yield from _prove(store, wallet)


def _prove(store: Readable, wallet: Wallet) -> Iterator[Proof | None]:
    """One wallet: its holds from its open sessions, its chain link by link, its buckets from its postings."""
    faults: list[str] = []
    held = _held_by_sessions(store, wallet.name, faults)
    chain = _Chain(wallet.name, faults)
    while page := store.records(wallet.name, chain.sequence, PAGE):
        for entry in page:
            if entry.sequence <= wallet.records:
                chain.follow(entry)
        if (last := page[-1].sequence) > wallet.records:
            if last > _records_of(store, wallet.name):
                faults.append(f"wallet {wallet.name}: {wallet.records} records expected, there is one numbered {last}")
            break
        yield None
    if (chain.sequence, chain.previous) != (wallet.records, wallet.chain):
        faults.append(f"wallet {wallet.name}: {wallet.records} records expected, the chain ends at {chain.sequence}")
    values = {bucket.id: bucket.value for bucket in wallet.buckets}
    faults += _differences(wallet.name, "has", values, "its records", chain.buckets)
    stated = {bucket.id: bucket.held for bucket in wallet.buckets}
    faults += _differences(wallet.name, "holds", stated, "its sessions", held)
    yield Proof(wallet.name, wallet.unit, wallet.balance(), chain.sequence, chain.counters, tuple(faults))


def _records_of(store: Readable, wallet: str) -> int:
    """How many records the wallet says that it has by now."""
    image = store.load(WALLET, wallet.encode())
    try:
        found = decode_image(WALLET, image) if image is not None else None
    except DamagedError:
        return 0
    return found.records if isinstance(found, Wallet) else 0


class _Chain:
    """A wallet's records followed one by one: what they moved, and where they do not hang together."""

    def __init__(self, wallet: str, faults: list[str]) -> None:
        self.buckets: dict[int, int] = {}
        self.counters: dict[str, int] = {}
        self.previous, self.sequence = b"", 0
        self._wallet = wallet
        self._faults = faults

    def follow(self, entry: RecordEntry) -> None:
        """The next record."""
        before, self.previous = self.previous, digest(entry.body)
        expected, self.sequence = self.sequence + 1, entry.sequence
        at = f"wallet {self._wallet}: record {entry.sequence}"
        try:
            record = decode(entry.body)
        except ValueError as error:
            self._faults.append(f"{at}: {error}")
            return
        if (record.sequence, entry.sequence, record.previous) != (expected, expected, before):
            self._faults.append(f"{at} does not follow record {expected - 1}")
        for posting in record.postings:
            self.buckets[posting.bucket] = self.buckets.get(posting.bucket, 0) + posting.amount
            self.counters[posting.counter] = self.counters.get(posting.counter, 0) - posting.amount
        if record.balance != sum(self.buckets.values()):
            self._faults.append(f"{at} states another balance than its records")


def _differences(wallet: str, verb: str, stated: dict[int, int], source: str, proved: dict[int, int]) -> list[str]:
    return [
        f"wallet {wallet}: bucket {bucket} {verb} {stated.get(bucket, 0)}, {source} say {proved.get(bucket, 0)}"
        for bucket in sorted(stated.keys() | proved.keys())
        if stated.get(bucket, 0) != proved.get(bucket, 0)
    ]


def _held_by_sessions(store: Readable, wallet: str, faults: list[str]) -> dict[int, int]:
    held: dict[int, int] = {}
    for kind, key in store.find(wallet_key(wallet)):
        image = store.load(kind, key)
        try:
            session = decode_image(kind, image) if image is not None else None
        except DamagedError as error:
            faults.append(f"session {key.decode(errors='replace')}: {error}")
            continue
        if isinstance(session, Session) and session.wallet == wallet:
            for bucket, amount in session.lines:
                held[bucket] = held.get(bucket, 0) + amount
    return held


def _miscounted(store: Readable, open_sessions: int) -> list[str]:
    image = store.load(COUNT, OPEN_SESSIONS)
    try:
        stored = decode_image(COUNT, image) if image is not None else None
    except DamagedError as error:
        return [f"count of open sessions: {error}"]
    stated = stored.value if isinstance(stored, Count) else 0
    return [] if stated == open_sessions else [f"{open_sessions} sessions are open, {stated} are counted"]


def _all(store: Readable, kind: int, after: bytes) -> Iterator[tuple[bytes, bytes]]:
    while page := store.scan(kind, after, PAGE):
        yield from page
        after = page[-1][0]
