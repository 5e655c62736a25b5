"""The proof of all balances: every wallet from its own records, every hold from its sessions, every unit to zero."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.engine.book import WALLET, DamagedError, decode_image
from tollhouse.engine.chain import Chain, standing
from tollhouse.engine.loose_ends import LooseEnds
from tollhouse.engine.readable import Readable
from tollhouse.engine.session import Session, wallet_key
from tollhouse.records.forward import NOTHING
from tollhouse.wallet.funds import by_bucket
from tollhouse.wallet.state import Wallet

PAGE = 500


class Proof(msgspec.Struct, frozen=True):
    """One wallet proved: how many records it has, per unit what its buckets hold and what its counter-accounts do, and
    the faults found (none = proved)."""

    wallet: str
    records: int
    balances: dict[str, int]
    counters: dict[str, dict[str, int]]
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
    """Prove every wallet, and look at all that belongs to none."""
    faults: list[str] = []
    balances: dict[str, int] = {}
    counters: dict[str, dict[str, int]] = {}
    wallets = records = 0
    for proof in proofs(store, ""):
        wallets += 1
        records += proof.records
        faults += proof.faults
        for unit, balance in proof.balances.items():
            balances[unit] = balances.get(unit, 0) + balance
        for unit, own in proof.counters.items():
            moved = counters.setdefault(unit, {})
            for counter, amount in own.items():
                moved[counter] = moved.get(counter, 0) + amount
    ends = LooseEnds(store)
    for _ in ends.steps():
        pass
    faults += [fault.text for fault in ends.faults]
    faults += [
        f"{unit}: balances and counter-accounts do not sum to zero"
        for unit, balance in balances.items()
        if balance + sum(counters.get(unit, {}).values())
    ]
    return AuditReport(wallets, ends.sessions, records, balances, counters, tuple(faults))


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
            yield Proof(name, 0, {}, {}, (f"wallet {name}: {error}",))
            continue
        if isinstance(wallet, Wallet):
            yield from _prove(store, wallet)


def _prove(store: Readable, wallet: Wallet) -> Iterator[Proof | None]:
    """One wallet: its holds from its open sessions, its chain link by link, its buckets from its postings.

    Every posting has its counter-account, and what is brought forward sums to zero: so does each wallet, and each unit.
    """
    faults: list[str] = []
    held = _held_by_sessions(store, wallet.name)
    chain = _chain(store, wallet.name, faults)
    while page := store.records(wallet.name, chain.sequence, PAGE):
        for entry in page:
            if entry.sequence <= wallet.records:
                chain.follow(entry)
        if (last := page[-1].sequence) > wallet.records:
            if last > _records_of(store, wallet.name):
                faults.append(f"wallet {wallet.name}: {wallet.records} records expected, there is one numbered {last}")
            break
        yield None
        chain = _brought_on(store, chain, wallet)
    if (chain.sequence, chain.previous) != (wallet.records, wallet.chain):
        faults.append(f"wallet {wallet.name}: {wallet.records} records expected, the chain ends at {chain.sequence}")
    if chain.unit not in ("", wallet.unit):
        faults.append(f"wallet {wallet.name} is in {wallet.unit}, its records are in {chain.unit}")
    values = {bucket.id: bucket.value for bucket in wallet.buckets}
    faults += _differences(wallet.name, "has", values, "its records", chain.buckets)
    stated = {bucket.id: bucket.held for bucket in wallet.buckets}
    faults += _differences(wallet.name, "holds", stated, "its sessions", held)
    yield Proof(wallet.name, chain.followed, _per_unit(wallet), chain.sums()[1], tuple(faults))


def _per_unit(wallet: Wallet) -> dict[str, int]:
    """What the wallet itself says that it holds."""
    sums = {wallet.unit: 0}
    for bucket in wallet.buckets:
        unit = bucket.unit or wallet.unit
        sums[unit] = sums.get(unit, 0) + bucket.value
    return sums


def _chain(store: Readable, wallet: str, faults: list[str]) -> Chain:
    """The chain from what was brought forward on."""
    try:
        return Chain(wallet, standing(store, wallet), faults)
    except ValueError as error:
        faults.append(str(error))
        return Chain(wallet, NOTHING, faults)


def _brought_on(store: Readable, chain: Chain, wallet: Wallet) -> Chain:
    """Where a day with records still to be followed was dropped meanwhile, the chain goes on behind it."""
    try:
        forward = standing(store, wallet.name)
    except ValueError:
        return chain
    if not chain.sequence < forward.sequence <= wallet.records:
        return chain
    further = Chain(wallet.name, forward, chain.faults)
    further.followed = chain.followed
    return further


def _records_of(store: Readable, wallet: str) -> int:
    """How many records the wallet says that it has by now."""
    image = store.load(WALLET, wallet.encode())
    try:
        found = decode_image(WALLET, image) if image is not None else None
    except DamagedError:
        return 0
    return found.records if isinstance(found, Wallet) else 0


def _differences(wallet: str, verb: str, stated: dict[int, int], source: str, proved: dict[int, int]) -> list[str]:
    return [
        f"wallet {wallet}: bucket {bucket} {verb} {stated.get(bucket, 0)}, {source} say {proved.get(bucket, 0)}"
        for bucket in sorted(stated.keys() | proved.keys())
        if stated.get(bucket, 0) != proved.get(bucket, 0)
    ]


def _held_by_sessions(store: Readable, wallet: str) -> dict[int, int]:
    """Per bucket, without sessions that cannot be read: `LooseEnds` names those."""
    held: dict[int, int] = {}
    for kind, key in store.find(wallet_key(wallet)):
        image = store.load(kind, key)
        try:
            session = decode_image(kind, image) if image is not None else None
        except DamagedError:
            continue
        if isinstance(session, Session) and session.wallet == wallet:
            for bucket, amount in by_bucket(session.lines).items():
                held[bucket] = held.get(bucket, 0) + amount
    return held


def _all(store: Readable, kind: int, after: bytes) -> Iterator[tuple[bytes, bytes]]:
    while page := store.scan(kind, after, PAGE):
        yield from page
        after = page[-1][0]
