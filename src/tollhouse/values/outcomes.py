"""What the engine answers: outcomes, plain frozen values. A protocol room encodes the same outcome into the same bytes.

Outcomes are stored under their request's key, so every field here is what a repeat is answered from; fields are
only ever appended. Amounts are in the smallest step of `unit`.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tollhouse.values.commands import RequestType, Service
from tollhouse.values.instants import Duration, Instant
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use


class Route(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A carrier that takes the call: `number@host`. Routes come cheapest first; `price` is per minute, 10^-9 units."""

    carrier: str
    host: str
    number: str
    price: int


class Granted(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """Go ahead.

    `granted` = usage allowed beyond what was reported so far (microseconds, octets, messages; 0: none was asked for).
    `final`: money ends with this grant. `validity`: ask again after so many microseconds at the latest (0: no need).
    `balance`: free money after the hold. `cost`: posted so far for this session. `funds`: what the subscriber has for
    this session, its own hold and the credit limit included (what an announcement tells him).
    """

    session: str
    service: Service
    granted: int
    final: bool
    validity: Duration
    unit: str
    decimals: int
    balance: int
    cost: int = 0
    routes: tuple[Route, ...] = ()
    credit_limit: int = 0
    funds: int = 0


class Settled(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    """The session has ended (Stop, Release). `cost` = the whole session's, `overdrawn` = the part taken as debt."""

    session: str
    usage: int
    unit: str
    decimals: int
    cost: int
    balance: int
    overdrawn: int = 0


class LineDone(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one line of a recharge did, in steps of its balance type's own `unit`.

    `bucket` 0: none, the line was skipped. `credited`, `forfeited`: into and out of it; `skipped`: what was not
    credited, `why` (undated | capped). `balance`: of the balance type afterwards. `expiry`: of the bucket, 0: never.
    """

    balance_type: str
    bucket: int
    unit: str
    decimals: int
    credited: int
    forfeited: int
    skipped: int
    why: str
    balance: int
    expiry: Instant


class Posted(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=3):
    """A one-shot movement (Charge, Refund, Recharge, Transfer). `amount` > 0 went into the wallet, < 0 out of it.

    `balance`: all its money afterwards, in `balance_unit` (empty: in `unit`, as `amount` is). Of a recharge: what
    each of its lines did, and the wallet's `expiry` (0: never).
    """

    wallet: str
    record: int
    unit: str
    decimals: int
    amount: int
    balance: int
    balance_unit: str = ""
    balance_decimals: int = 0
    lines: tuple[LineDone, ...] = ()
    expiry: Instant = 0


class CostPart(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One slot's part of a cost: `units` of usage from age `start`, priced `price` (exact text, e.g. `0.2/60s`)."""

    start: int
    units: int
    price: str
    cost: str


class Priced(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=4):
    """Answer to a Quote. `fee` is in `cost`. Part costs are exact fractions as text."""

    unit: str
    decimals: int
    cost: int
    fee: int
    usage: int
    prefix: str
    plan: str
    parts: tuple[CostPart, ...]


class BucketView(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One bucket as an operator sees it, in its own `unit`. `service`: whose usage it counts; empty: it is money.

    `days_to_go` until its expiry, as subscribers are told; -1: it never expires. `use` None: it pays for anything.
    """

    id: int
    balance_type: str
    value: int
    held: int
    start: Instant
    expiry: Instant
    weight: int
    unit: str = ""
    decimals: int = 0
    service: str = ""
    days_to_go: int = -1
    use: Use | None = None


class WalletView(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=5):
    """A wallet as it stands. `balance` = sum of its buckets of money, `available` = what a new session may hold.

    `since`: when its state began. `product`, `batch`: what it was sold as. `activated`, `used`: when it was used first
    and last, 0: never. `max_sessions` at a time, 0: as its product says. Hidden balance types are not in `buckets`.
    `other_products`: those of other accounts that share it.
    """

    wallet: str
    tenant: str
    state: str
    unit: str
    decimals: int
    balance: int
    held: int
    available: int
    credit_limit: int
    expiry: Instant
    buckets: tuple[BucketView, ...]
    records: int = 0
    since: Instant = 0
    product: str = ""
    batch: str = ""
    activated: Instant = 0
    used: Instant = 0
    max_sessions: int = 0
    other_products: tuple[str, ...] = ()


class HeldView(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a session holds of one bucket, in the bucket's unit."""

    bucket: int
    balance_type: str
    unit: str
    decimals: int
    amount: int


class SessionView(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=6):
    """A session as it stands. `state`: authorised | started | closed. `held`: money; `holds`: of each bucket."""

    session: str
    client: str
    wallet: str
    account: str
    service: Service
    calling: str
    called: str
    state: str
    created: Instant
    started: Instant
    until: Instant
    granted: int
    used: int
    unit: str
    decimals: int
    cost: int
    held: int
    holds: tuple[HeldView, ...] = ()
    request_type: RequestType = RequestType.PREPAID


class Done(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=7):
    """CloseClient, Sweep, RemoveWallet: how many things ended."""

    count: int


class Refused(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=8):
    """A business "no". `detail` is for people; it never holds a secret. `session` where one exists."""

    refusal: Refusal
    detail: str = ""
    session: str = ""


class Explained(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=9):
    """Answer to an Explain, as sentences. `looked`: each candidate with its reason, in the order of the search.

    `lines`: what is added, each as text and its exact amount as text; `rounding`: how the sum becomes `cost`. A price
    that is refused has `refusal` and `detail`, and no lines.
    """

    unit: str
    decimals: int
    cost: int
    usage: int
    prefix: str
    plan: str
    looked: tuple[str, ...]
    lines: tuple[tuple[str, str], ...] = ()
    rounding: str = ""
    refusal: str = ""
    detail: str = ""


class Limited(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=10):
    """Answer to a Limit: `usage` that the money pays, its `cost`, and `next_cost` of one more begun step than that.

    `ended`: what ends it: money | max_cost (strategy *disconnect) | max_rate | end_of_tariff | usage (no more was asked
    for) | longest (no more is ever computed).
    """

    unit: str
    decimals: int
    usage: int
    cost: int
    next_cost: int
    ended: str
    prefix: str
    plan: str


class Adjustment(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=11):
    """A correction by hand, named by the `key` under which it was asked for. `state`: done | waiting | declined.

    `amount` > 0 into the wallet, in `unit`, the balance type's. Done: `record` is its number, `balance` what the type
    has then. Waiting: until `until`. `second`: who approved or declined it; empty: nobody had to.
    """

    key: str
    wallet: str
    state: str
    balance_type: str
    bucket: int
    unit: str
    decimals: int
    amount: int
    operator: str
    reason: str
    second: str = ""
    until: Instant = 0
    record: int = 0
    balance: int = 0


Outcome: TypeAlias = (
    Granted | Settled | Posted | Priced | WalletView | SessionView | Done | Refused | Explained | Limited | Adjustment
)
