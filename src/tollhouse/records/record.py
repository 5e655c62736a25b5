"""The event record: what moved in a wallet, why, and the link that makes a wallet's records one chain.

A record is provable: `previous` is the digest of the record before it (blake2b, 16 octets over the encoded bytes), the
wallet keeps the newest digest. Per record the postings sum to the move of the balance; per bucket all records' postings
sum to its value.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from tollhouse.records.units import decimals_of
from tollhouse.values.commands import RequestType
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError
from tollhouse.wallet.state import MAIN_BUCKET, Posting, Wallet


class Call(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a session's record says about the session (the CDR): inputs that an explanation needs.

    `usage` and `cost` are the session's so far, `overdrawn` what this record took as debt, `price` the hash under which
    the resolved price is stored, `ended` why the session ended (empty: it goes on). `cascade`: that of the wallet's
    product, if any. `discount`: the share that the request took off, in hundredths of a percent; None: it named none.
    `request_type`: how it is paid for, empty: prepaid; the cost of one that is `rated` moved nothing. `rated`: the
    share that the rating took off.
    """

    session: str
    client: str
    account: str
    service: str
    calling: str
    called: str
    began: Instant
    usage: int
    cost: int
    overdrawn: int
    price: bytes
    ended: str
    forgone: int = 0
    cascade: str = ""
    discount: int | None = None
    request_type: str = ""
    rated: int = 0

    @property
    def paid_as(self) -> str:
        """Its request type, by name."""
        return self.request_type or RequestType.PREPAID.value


class Named(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a record moved: a bucket's balance type, and the decimals of its amounts. The bucket may go, this stays."""

    bucket: int
    balance_type: str
    decimals: int


class Occurred(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Named events that were charged: `count` of them. `discount`, `rated`: the shares that the request and the rating
    took off, in hundredths of a percent."""

    event_class: str
    name: str
    count: int
    promotional: bool = False
    discount: int | None = None
    rated: int = 0


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One change of a wallet. `kind`: session | charge | refund | recharge | expiry | open | change | missed | life |
    activation | transfer | removal | adjustment. `balance`: its money after it.

    `decimals`: of money; -1: of a record that does not say. `buckets`: those that it moved, but for the main bucket.
    `event`: the named events that it charged, if any.
    """

    wallet: str
    sequence: int
    at: Instant
    kind: str
    client: str
    request: str
    unit: str
    postings: tuple[Posting, ...]
    balance: int
    previous: bytes
    note: str = ""
    call: Call | None = None
    decimals: int = -1
    buckets: tuple[Named, ...] = ()
    event: Occurred | None = None

    def places(self, known: int) -> int:
        """The decimals of money; `known`: those of the wallet, where the record does not say."""
        return known if self.decimals < 0 else self.decimals


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """The bytes that are stored and chained; the first octet is the format number."""
    return b"\x01" + _encoder.encode(record)


def decode(body: bytes) -> Record:
    """The record of stored bytes. Raises ValueError: another format, or bytes that are damaged."""
    if body[:1] != b"\x01":
        raise ValueError(f"record format {body[:1].hex()!r} is unknown")
    try:
        return _decoder.decode(body[1:])
    except RecursionError as error:
        raise ValueError("a record nested without end") from error


def digest(body: bytes) -> bytes:
    """A record's place in the chain."""
    return blake2b(body, digest_size=16).digest()


def enter(
    wallet: Wallet,
    at: Instant,
    kind: str,
    client: str,
    request: str,
    postings: tuple[Posting, ...],
    note: str = "",
    call: Call | None = None,
    event: Occurred | None = None,
) -> tuple[Wallet, Record, bytes]:
    """Append a record to the wallet's chain: the wallet with its new head, the record, and its bytes.

    The wallet still has the buckets that the postings moved. Raises AmountError when the wallet has left int64.
    """
    if not wallet.in_range():
        raise AmountError(f"wallet {wallet.name} would hold more than can be counted")
    named: tuple[Named, ...] = ()
    if len(wallet.buckets) > 1:
        units = {bucket.id: bucket.unit for bucket in wallet.buckets if bucket.unit}
        if units:
            postings = tuple([msgspec.structs.replace(one, unit=units.get(one.bucket, "")) for one in postings])
        named = _named(wallet, postings)
    record = Record(
        wallet.name,
        wallet.records + 1,
        at,
        kind,
        client,
        request,
        wallet.unit,
        postings,
        wallet.balance(),
        wallet.chain,
        note,
        call,
        wallet.decimals,
        named,
        event,
    )
    body = encode(record)
    return msgspec.structs.replace(wallet, records=record.sequence, chain=digest(body)), record, body


def _named(wallet: Wallet, postings: tuple[Posting, ...]) -> tuple[Named, ...]:
    moved = {one.bucket for one in postings if one.bucket != MAIN_BUCKET}
    return tuple(
        [
            Named(one.id, one.balance_type, decimals_of(one, wallet.decimals))
            for one in wallet.buckets
            if one.id in moved
        ]
    )
