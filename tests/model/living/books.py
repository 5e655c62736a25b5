"""What must hold of everything stored at any time, whoever asked: chains, sums, holds, no money made or lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec
from tests.model.chain import MAIN, Wrong
from tests.model.living.offer import Offer
from tests.model.living.rows import Rows, Session, Wallet

from tollhouse.store.interface import RecordEntry

UNASKED = frozenset({"expiry", "life", "activation", "removal", "open"})
"""Kinds of records that a request may cause beside its own."""


@dataclass
class Record:
    """One record as far as the auditor reads it."""

    wallet: str
    kind: str
    client: str
    request: str
    moves: dict[int, int]
    session: str = ""

    @property
    def loan(self) -> bool:
        """Whether it is one side of a loan within a group."""
        return self.kind == "transfer" and not self.request


@dataclass
class Book:
    """One wallet's records so far. `units`: of buckets that are not money; `counting`: those that only count, and may
    be below zero. `owed`: debts that records admit."""

    records: int = 0
    chain: bytes = b""
    buckets: dict[int, int] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)
    counting: set[int] = field(default_factory=set)
    owed: int = 0
    limit: int = 0
    began: int = 0
    moved_by: set[tuple[str, str, str]] = field(default_factory=set)


class Books:
    """Follows every wallet's chain record by record, and holds it against what the wallets say."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._books: dict[str, Book] = {}
        self._counters: dict[tuple[str, str], int] = {}
        """(unit, counter-account) -> what it holds."""
        self._sums: Counter[str] = Counter()
        """What all wallets hold of each unit."""
        self._seen: dict[str, tuple[Wallet, list[Session]]] = {}
        """As each wallet was looked at last, with its open sessions."""

    def known(self) -> list[str]:
        """Every wallet that ever had a record."""
        return list(self._books)

    def behind(self, wallet: str) -> int:
        """How many of the wallet's records have been followed."""
        return self._books[wallet].records if wallet in self._books else 0

    def follow(self, entries: list[RecordEntry]) -> list[Record]:
        """New records, in the order of their numbers."""
        return [self._follow(entry) for entry in entries]

    def _follow(self, entry: RecordEntry) -> Record:
        book = self._books.setdefault(entry.wallet, Book())
        fields = msgspec.msgpack.decode(entry.body[1:])
        name, sequence, _, kind, client, request, _, postings, balance, before, _, call = fields[:12]
        told = f"wallet {name}: record {sequence} ({kind})"
        if (name, sequence, before) != (entry.wallet, book.records + 1, book.chain):
            raise Wrong(f"{told} does not follow record {book.records}")
        book.records, book.chain = sequence, blake2b(entry.body, digest_size=16).digest()
        moves: Counter[int] = Counter()
        for bucket, amount, counter, unit in postings:
            if book.units.setdefault(bucket, unit) != unit:
                raise Wrong(f"{told} moves {unit} in a bucket of {book.units[bucket]}")
            book.buckets[bucket] = book.buckets.get(bucket, 0) + amount
            moves[bucket] += amount
            account = (unit or "EUR", counter)
            self._counters[account] = self._counters.get(account, 0) - amount
            if counter == "counting":
                book.counting.add(bucket)
            if counter == "expiry" and amount > 0 and bucket not in book.counting:
                raise Wrong(f"{told} makes {amount} by expiry")
        self._once(book, (kind, client, request), bool(postings), told)
        if balance != sum(value for bucket, value in book.buckets.items() if not book.units[bucket]):
            raise Wrong(f"{told} states a balance of {balance}")
        if call is not None:
            book.owed += call[9]
        if kind == "removal":
            book.moved_by = {one for one in book.moved_by if one[0] != "activation"}
            if any(book.buckets.values()):
                raise Wrong(f"{told} leaves {book.buckets}")
        return Record(name, kind, client, request, dict(moves), call[0] if call else "")

    @staticmethod
    def _once(book: Book, name: tuple[str, str, str], moved: bool, told: str) -> None:
        kind, _, request = name
        again = name in book.moved_by
        if moved and request and again and kind not in ("recharge", "expiry"):
            raise Wrong(f"{told}: {name} moved twice")
        if kind == "activation" and again:
            raise Wrong(f"{told}: it was activated before")
        if moved or kind == "activation":
            book.moved_by.add(name)

    def hold(self, rows: Rows) -> None:
        """What the wallets say is what their records and sessions say, and over all of them nothing is made or lost."""
        for name, book in self._books.items():
            wallet = rows.wallets.get(name) or rows.graves.get(name)
            if wallet is None:
                raise Wrong(f"wallet {name} is lost")
            seen = (wallet, rows.open_of(name))
            if self._seen.get(name) != seen:
                self._one(wallet, book, rows)
                self._add(name, wallet)
                self._seen[name] = seen
        sums = Counter(self._sums)
        if missing := (rows.wallets.keys() | rows.graves.keys()) - self._books.keys():
            raise Wrong(f"wallets {missing} have no record")
        for (unit, _), amount in self._counters.items():
            sums[unit] += amount
        if any(sums.values()):
            raise Wrong(f"units do not sum to zero: {sums}")
        if wrong := {unit: amount for (unit, name), amount in self._counters.items() if name == "transfer" and amount}:
            raise Wrong(f"transfers do not sum to zero: {wrong}")

    def _add(self, name: str, wallet: Wallet) -> None:
        before = self._seen.get(name)
        for sign, one in ((-1, before[0] if before else None), (1, wallet)):
            for bucket in one.buckets if one else ():
                self._sums[bucket.unit or "EUR"] += sign * bucket.value

    def _one(self, wallet: Wallet, book: Book, rows: Rows) -> None:
        if (wallet.records, wallet.chain) != (book.records, book.chain):
            raise Wrong(f"wallet {wallet.name} has {wallet.records} records, {book.records} are there")
        values = {one.id: one.value for one in wallet.buckets if one.value}
        if values != {bucket: value for bucket, value in book.buckets.items() if value}:
            raise Wrong(f"wallet {wallet.name} has {values}, its records say {book.buckets}")
        held: Counter[int] = Counter()
        for session in rows.open_of(wallet.name):
            held.update(session.lines)
        if {one.id: one.held for one in wallet.buckets if one.held} != {key: one for key, one in held.items() if one}:
            raise Wrong(f"wallet {wallet.name} holds {wallet.buckets}, its sessions {dict(held)}")
        book.limit = max(book.limit, wallet.credit_limit)
        for one in wallet.buckets:
            floor = -book.limit - book.owed if one.id == MAIN else 0
            if (one.value < floor and not one.idle) or one.held < 0:
                raise Wrong(f"wallet {wallet.name}: bucket {one.id} is {one.value}, {one.held} of it held")
            if one.id != MAIN and one.held > max(one.value, 0):
                raise Wrong(f"wallet {wallet.name}: {one.held} of {one.value} is held in bucket {one.id}")
