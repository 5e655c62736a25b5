"""What the store holds of wallets and sessions, read as plain MessagePack arrays: nothing of the product decodes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import msgspec

from tollhouse.values.uses import Use

MAIN = 1


@dataclass
class Bucket:
    """A row of a wallet."""

    id: int
    balance_type: str
    value: int
    held: int
    start: int
    expiry: int
    weight: int
    order: int
    unit: str
    service: str
    step: int
    name: str
    use: Use | None
    idle: bool = False

    def usable(self, now: int) -> bool:
        """Whether it may pay for something new."""
        return self.start <= now and (not self.expiry or now < self.expiry)

    def free(self) -> int:
        """What no session holds."""
        return self.value - self.held


@dataclass
class Wallet:
    """A wallet as stored; the auditor changes copies of it to say what it must become."""

    name: str
    tenant: str
    unit: str
    decimals: int
    credit_limit: int
    buckets: list[Bucket]
    state: str
    expiry: int
    next_bucket: int
    records: int
    chain: bytes
    release_to: str
    product: str
    batch: str
    entered: int
    activated: int
    used: int
    max_sessions: int
    removal_listed: int

    def copy(self) -> Wallet:
        """One that may be changed."""
        other = _twin(self)
        other.buckets = [_twin(one) for one in self.buckets]
        return other

    def bucket(self, number: int) -> Bucket | None:
        """The bucket of this id."""
        return next((one for one in self.buckets if one.id == number), None)

    def move(self, moves: dict[int, int], held: bool = False) -> None:
        """Add to values (or to what is held); what has no bucket is in the main one."""
        for number, amount in moves.items():
            one = self.bucket(number) or self.bucket(MAIN)
            assert one is not None
            if held:
                one.held += amount
            else:
                one.value += amount

    def available(self, now: int) -> int:
        """Free money that pays for everything, and what is left of the credit limit."""
        total = 0
        for one in self.buckets:
            if not one.unit and one.use is None and one.usable(now):
                total += max(one.free() + (self.credit_limit if one.id == MAIN else 0), 0)
        return total

    def worth(self, balance_type: str) -> int:
        """The sum of a type's buckets."""
        return sum(one.value for one in self.buckets if one.balance_type == balance_type)


@dataclass(frozen=True)
class Session:
    """A session as stored, as far as the auditor looks."""

    id: str
    client: str
    wallet: str
    service: str
    called: str
    began: int
    until: int
    state: str
    granted: int
    used: int
    posted: int
    lines: dict[int, int]
    image: bytes
    keys: tuple[str, ...] = ()
    discount: int | None = None
    legs: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it may still hold something."""
        return self.state != "closed"


@dataclass(frozen=True)
class Proposal:
    """A correction by hand that waits for a second operator until `until`."""

    client: str
    key: str
    wallet: str
    balance_type: str
    amount: int
    operator: str
    until: int


def _twin(one: _Row) -> _Row:
    """A copy of its own fields; much faster than `copy.copy`, and most of the model's time would go there."""
    other = object.__new__(type(one))
    other.__dict__.update(one.__dict__)
    return other


@dataclass(frozen=True)
class Rows:
    """Everything that is stored now. `graves`: wallets that were removed; made anew, their chains go on.
    `proposals`: by the key under which each was asked for."""

    wallets: dict[str, Wallet]
    sessions: dict[str, Session]
    graves: dict[str, Wallet]
    proposals: dict[str, Proposal] = field(default_factory=dict)

    @cached_property
    def _open(self) -> dict[str, list[Session]]:
        found: dict[str, list[Session]] = {}
        for one in self.sessions.values():
            if one.open:
                found.setdefault(one.wallet, []).append(one)
        return found

    def open_of(self, wallet: str) -> list[Session]:
        """The wallet's open sessions."""
        return self._open.get(wallet, [])

    def legs_of(self, main: Session) -> dict[str, Session]:
        """The other legs of a session, by the account that is charged."""
        if not main.legs:
            return {}
        named = {f"leg:{main.id}\x1f{name}": name for name in main.legs}
        return {named[key]: one for one in self.sessions.values() for key in one.keys if key in named}

    def all_legs(self, main: Session) -> list[Session]:
        """The session, and its other legs that are there, in the order of the account."""
        legs = self.legs_of(main)
        return [main, *(legs[name] for name in main.legs if name in legs)]


_Row = TypeVar("_Row", Bucket, Wallet)
Scan = Callable[[int, bytes, int], list[tuple[bytes, bytes]]]


class Reader:
    """Decodes only what has changed since the last time."""

    def __init__(self) -> None:
        self._wallets: dict[bytes, Wallet] = {}
        self._sessions: dict[bytes, Session] = {}

    def read(self, scan: Scan) -> Rows:
        """All wallets and sessions."""
        wallets, sessions = {}, {}
        for _, image in scan(1, b"", 10_000):
            wallet = self._wallets.get(image) or _wallet(image)
            wallets[image] = wallet
        for _, image in scan(2, b"", 10_000):
            session = self._sessions.get(image) or _session(image)
            sessions[image] = session
        proposals = [_proposal(image) for _, image in scan(7, b"", 10_000)]
        self._wallets, self._sessions = wallets, sessions
        alive = {one.name: one for one in wallets.values() if one.state != "removed"}
        graves = {one.name: one for one in wallets.values() if one.state == "removed"}
        return Rows(alive, {one.id: one for one in sessions.values()}, graves, {one.key: one for one in proposals})


def _wallet(image: bytes) -> Wallet:
    fields = msgspec.msgpack.decode(image[1:])
    fields[5] = [Bucket(*row[:12], msgspec.convert(row[12], Use | None), row[13]) for row in fields[5]]  # type: ignore[misc]
    return Wallet(*fields[:19])


def _session(image: bytes) -> Session:
    row = msgspec.msgpack.decode(image[1:])
    lines = Counter[int]()
    for place, amount in row[18]:
        lines[place or MAIN] += amount  # 0: on the main bucket's credit
    return Session(
        *(row[0], row[1], row[2], row[5], row[7], row[11], row[12], row[13], row[15], row[16], row[17], lines, image),
        keys=tuple(row[8]),
        discount=row[28],
        legs=tuple(row[29]),
    )


def _proposal(image: bytes) -> Proposal:
    row = msgspec.msgpack.decode(image[1:])
    return Proposal(row[0], row[1], row[2], row[3], row[7], row[8], row[10])
