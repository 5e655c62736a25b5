"""A wallet's records followed one by one, from what was brought forward on: what they moved, and where they break."""

from __future__ import annotations

from typing import Final, Protocol

from tollhouse.records.forward import NOTHING, BroughtForward
from tollhouse.records.forward import decode as decode_forward
from tollhouse.records.record import decode, digest
from tollhouse.store.interface import RecordEntry
from tollhouse.values.instants import Instant

FORWARD: Final = 6
"""The kind of a `BroughtForward`, under its wallet's name. The book knows nothing of it: no decision reads one."""


class Images(Protocol):
    """What holds images."""

    def load(self, kind: int, key: bytes) -> bytes | None:
        """The newest image of the entity."""


class Chain:
    """`buckets`, `counters`: what all records so far moved; `units`: of the buckets that count something else than
    money, whose counter-accounts are called `account:unit`. `followed`: how many were read one by one."""

    def __init__(self, wallet: str, start: BroughtForward, faults: list[str]) -> None:
        """Go on behind `start`; what is wrong is appended to `faults`, in words."""
        self.buckets = dict(start.buckets)
        self.counters = dict(start.counters)
        self.units = dict(start.units)
        self.previous, self.sequence = start.chain, start.sequence
        self.unit = start.unit
        self.followed = 0
        self._wallet = wallet
        self.faults = faults

    def follow(self, entry: RecordEntry) -> None:
        """The next record."""
        self.followed += 1
        before, self.previous = self.previous, digest(entry.body)
        expected, self.sequence = self.sequence + 1, entry.sequence
        at = f"wallet {self._wallet}: record {entry.sequence}"
        try:
            record = decode(entry.body)
        except ValueError as error:
            self.faults.append(f"{at}: {error}")
            return
        if (record.sequence, entry.sequence, record.previous) != (expected, expected, before):
            self.faults.append(f"{at} does not follow record {expected - 1}")
        for posting in record.postings:
            counter = f"{posting.counter}:{posting.unit}" if posting.unit else posting.counter
            self.buckets[posting.bucket] = self.buckets.get(posting.bucket, 0) + posting.amount
            self.counters[counter] = self.counters.get(counter, 0) - posting.amount
            if self.units.setdefault(posting.bucket, posting.unit) != posting.unit:
                self.faults.append(
                    f"{at} moves {posting.unit or record.unit} in bucket {posting.bucket}, which is another"
                )
        if record.balance != sum(value for bucket, value in self.buckets.items() if not self.units.get(bucket)):
            self.faults.append(f"{at} states another balance than its records")
        if record.unit != (self.unit or record.unit):
            self.faults.append(f"{at} is in {record.unit}, those before it in {self.unit}")
        self.unit = record.unit

    def brought_forward(self, at: Instant) -> BroughtForward:
        """What stands for all records so far."""
        buckets, counters = sorted(self.buckets.items()), sorted(self.counters.items())
        units = tuple(sorted((bucket, unit) for bucket, unit in self.units.items() if unit))
        return BroughtForward(
            self._wallet, self.sequence, at, self.unit, tuple(buckets), tuple(counters), self.previous, units=units
        )

    def sums(self) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """Per unit, what the buckets hold, and what each of its counter-accounts does."""
        balances: dict[str, int] = {}
        for bucket, value in self.buckets.items():
            unit = self.units.get(bucket) or self.unit
            balances[unit] = balances.get(unit, 0) + value
        counters: dict[str, dict[str, int]] = {}
        for name, value in self.counters.items():
            counter, _, unit = name.partition(":")
            own = counters.setdefault(unit or self.unit, {})
            own[counter] = own.get(counter, 0) + value
        return balances, counters


def standing(images: Images, wallet: str) -> BroughtForward:
    """What was brought forward of the wallet; NOTHING where all its records are kept.

    Raises ValueError, naming the wallet, where it cannot be read, is another wallet's, or does not sum to zero.
    """
    image = images.load(FORWARD, wallet.encode())
    if image is None:
        return NOTHING
    try:
        forward = decode_forward(image)
        if forward.wallet != wallet:
            raise ValueError(f"it is wallet {forward.wallet}'s")
        if sum(amount for _, amount in forward.buckets) + sum(amount for _, amount in forward.counters):
            raise ValueError("it does not sum to zero")
    except ValueError as error:
        raise ValueError(f"wallet {wallet}: what was brought forward: {error}") from None
    return forward
