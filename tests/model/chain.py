"""A wallet's records read as plain MessagePack arrays, and what must hold of them without knowing who sent what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

MAIN = 1
"""The bucket that takes debts and never expires."""


class Wrong(AssertionError):
    """The engine said or did what it must not."""


@dataclass
class Chain:
    """What a wallet's records add up to: `buckets` = what is in each, `expired` >= 0 = what expiry took of it all."""

    buckets: dict[int, int] = field(default_factory=dict)
    expired: int = 0

    def moved(self) -> int:
        """The sum of all postings."""
        return sum(self.buckets.values())


def read_chain(wallet: str, bodies: Sequence[bytes], expiries: Mapping[str, int]) -> Chain:
    """Follow the chain. `expiries`: when the money ends that the recharge under this key put in (0: never).

    Each record names the one before it; no request moves money twice; nothing expires early, no bucket that expires
    is ever in debt; the balance that a record states is the sum so far.
    """
    chain = Chain()
    ends: dict[int, int] = {MAIN: 0}
    moved_by: set[tuple[str, str, str]] = set()
    previous = b""
    for number, body in enumerate(bodies, 1):
        fields = msgspec.msgpack.decode(body[1:])
        name, sequence, at, kind, client, request, _, postings, balance, before = fields[:10]
        if (name, sequence, before) != (wallet, number, previous):
            raise Wrong(f"wallet {wallet}: record {number} does not follow the one before it")
        if postings and request:
            if (kind, client, request) in moved_by:
                raise Wrong(f"wallet {wallet}: {kind} {request!r} of {client} moved money twice")
            moved_by.add((kind, client, request))
        for bucket, amount, counter, _ in postings:
            if kind == "recharge":
                ends.setdefault(bucket, expiries[request])
            if counter == "expiry":
                chain.expired -= amount
                if amount > 0 or not 0 < ends[bucket] <= at:
                    raise Wrong(f"wallet {wallet}: {-amount} of bucket {bucket} expired at {at}, due {ends[bucket]}")
            chain.buckets[bucket] = chain.buckets.get(bucket, 0) + amount
            if bucket != MAIN and chain.buckets[bucket] < 0:
                raise Wrong(f"wallet {wallet}: bucket {bucket} is {chain.buckets[bucket]} after record {number}")
        if balance != chain.moved():
            raise Wrong(f"wallet {wallet}: record {number} states {balance}, its records sum to {chain.moved()}")
        previous = blake2b(body, digest_size=16).digest()
    return chain
