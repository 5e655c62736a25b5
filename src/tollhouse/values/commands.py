"""What a protocol room asks the engine: commands, plain frozen values that could cross a socket.

Every command names who asks (`caller.client` scopes every key), the request's own key, and the instant by
which the client stops waiting (`deadline`, 0 = never). Keys are texts made by the dialects; two requests with one
key are the same request. `session_keys` are the names by which a session may be found, best first.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from tollhouse.values.instants import Instant
from tollhouse.values.money import Amount
from tollhouse.values.recharges import Line, Validity
from tollhouse.values.refusals import Refusal
from tollhouse.values.uses import Use


class Service(enum.StrEnum):
    """What is charged: CGRateS's type of record. Usage is counted in microseconds (voice), octets (data), messages
    (message: SMS; mms), or whatever a generic service counts, always in whole units but for voice."""

    VOICE = "voice"
    DATA = "data"
    MESSAGE = "message"
    MMS = "mms"
    GENERIC = "generic"


class Pap(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """The password itself (RFC 2865 5.2), decrypted."""

    password: bytes


class Chap(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    """MD5(ident + password + challenge) == response (RFC 2865 5.3, RFC 1994)."""

    ident: int
    challenge: bytes
    response: bytes


Proof: TypeAlias = Pap | Chap


class Caller(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How the one who pays is recognised. Tried in this order: wallet, name, ani, address;
    the first that is given decides.

    `client` is the peer that asks (gateway name, Origin-Host, `api`): request keys and sessions are its own.
    `proof` is checked against the account's password; None = the client's word is enough (trusted peer, accounting).
    `machine` tells a client's machines apart (RADIUS: the NAS's own name) where it has several.
    """

    client: str
    address: str = ""
    name: str = ""
    ani: str = ""
    wallet: str = ""
    proof: Proof | None = None
    tenant: str = ""
    machine: str = ""


class Total(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """Usage of the whole session so far; an equal or lower total moves nothing, whatever the key."""

    units: int


class Delta(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    """Usage since the previous report of this session."""

    units: int


Usage: TypeAlias = Total | Delta


class Wish(enum.IntEnum):
    """What an Authorize holds."""

    GRANT = 1
    """Money for as much usage as is asked for, capped by the policy."""
    SHORTEST = 2
    """The price of the shortest charge, until `sip_hold` (a redirect cannot report usage)."""


class RequestType(enum.StrEnum):
    """How a session is paid for (CGRateS's request types, requirement cgrates 5)."""

    PREPAID = "prepaid"
    """What it may cost is held while it runs, and every report is charged."""
    POSTPAID = "postpaid"
    """The wallet is not asked and holds nothing; the whole is charged at the end, and what it lacks is owed."""
    PSEUDOPREPAID = "pseudoprepaid"
    """Granted what the wallet pays, as prepaid; but nothing is held, and the whole is charged at the end."""
    RATED = "rated"
    """Priced and recorded; nothing moves in the wallet."""
    NONE = "none"
    """Recorded; it has no price."""


class EventName(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A named event, such as RING of class VAS; a `promotional` one is paid by a cascade of its own (requirement
    oracle_vws 1.2)."""

    event_class: str
    name: str
    promotional: bool = False

    def __str__(self) -> str:
        """As it is shown: `VAS/RING`."""
        return f"{self.event_class}/{self.name}"


class Authorize(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """May this session go ahead, for how long, and where to? Holds money.

    `ask` = wanted usage (None: as the policy says). `begin`: the session starts with this request (Diameter CCR-I).
    `at` = the client's time of the event (0: now). `routes`: the answer needs carriers, without any it is `no_route`.
    `ceiling`: usage ends where it is dearer than this, units of money per unit of usage as numerator and denominator.
    `discount`: the share of the price that the service takes off, 0 to 10,000 hundredths of a percent. `most`: what
    other legs of the session allow at most, and whether the money of one of them ends there; a client never says it.
    `request_type` None: as the account says; a session keeps the one that it was opened with. `event`: `ask` of these
    named events are reserved, all or none; the service is generic.
    """

    caller: Caller
    key: str
    session_keys: tuple[str, ...]
    service: Service
    called: str
    calling: str = ""
    ask: int | None = None
    at: Instant = 0
    wish: Wish = Wish.GRANT
    begin: bool = False
    routes: bool = False
    deadline: Instant = 0
    ceiling: tuple[int, int] | None = None
    discount: int | None = None
    most: tuple[int, bool] | None = None
    request_type: RequestType | None = None
    event: EventName | None = None


class Start(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    """The session has begun (answered at `at`). Unknown: opened now, on the client's word, as an Authorize would."""

    caller: Caller
    key: str
    session_keys: tuple[str, ...]
    service: Service
    called: str
    calling: str = ""
    at: Instant = 0
    deadline: Instant = 0
    request_type: RequestType | None = None


class Update(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=3):
    """Usage so far, and (`more`) a wish for further usage beyond it: None = only a report, 0 = as the policy says.

    `open_unknown`: a session that we do not know is opened (RADIUS), else it is `unknown_session` (Diameter).
    `most`: as of an Authorize. `no`: why another leg of the session has no more, so that none is granted any.
    """

    caller: Caller
    key: str
    session_keys: tuple[str, ...]
    usage: Usage
    more: int | None = None
    at: Instant = 0
    deadline: Instant = 0
    service: Service = Service.VOICE
    called: str = ""
    calling: str = ""
    open_unknown: bool = False
    most: tuple[int, bool] | None = None
    no: tuple[Refusal, str] | None = None


class Stop(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=4):
    """The session has ended: its last usage is charged, the rest of what was held goes back.

    `open_unknown`: a session that we do not know is charged all the same (RADIUS; a Stop alone must bill), else it is
    refused as `unknown_session` (Diameter). `at` = when it ended by the client's clock.
    """

    caller: Caller
    key: str
    session_keys: tuple[str, ...]
    usage: Usage
    cause: str = ""
    at: Instant = 0
    deadline: Instant = 0
    service: Service = Service.VOICE
    called: str = ""
    calling: str = ""
    open_unknown: bool = False


class Release(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=5):
    """The session never began (CANCEL): all that was held goes back."""

    caller: Caller
    key: str
    session_keys: tuple[str, ...]
    deadline: Instant = 0


class Charge(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=6):
    """One-shot debit: `amount`, or the price of `units` of a service to `called` where amount is None.

    `event`: the price of `units` of these named events; the service is generic. `discount`: the share of a price that
    the service takes off, in hundredths of a percent.
    """

    caller: Caller
    key: str
    amount: Amount | None = None
    service: Service = Service.MESSAGE
    called: str = ""
    units: int = 1
    at: Instant = 0
    note: str = ""
    deadline: Instant = 0
    event: EventName | None = None
    discount: int | None = None


class Refund(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=7):
    """One-shot credit to the wallet's own money bucket."""

    caller: Caller
    key: str
    amount: Amount
    note: str = ""
    deadline: Instant = 0


class Quote(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=8):
    """What would this usage cost? Moves nothing. `subject` = rating subject (a wallet's or account's name)."""

    tenant: str
    category: str
    subject: str
    service: Service
    called: str
    usage: int
    at: Instant = 0
    deadline: Instant = 0


class Recharge(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=9):
    """Money or units in, into the bucket of this balance type, start, expiry, weight and use (made when there is none).

    `reset`: what the balance type held before expires first (CGRateS `*topup_reset`). `lines`: what is put in besides,
    each by its own rule for dates; an `amount` of 0 leaves it at them. `extension`: of the wallet itself. All is done,
    or nothing.
    """

    client: str
    wallet: str
    key: str
    amount: Amount
    balance_type: str = "cash"
    start: Instant = 0
    expiry: Instant = 0
    weight: int = 0
    reset: bool = False
    note: str = ""
    deadline: Instant = 0
    use: Use | None = None
    lines: tuple[Line, ...] = ()
    extension: Validity = Validity()


class CreateWallet(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=10):
    """A new wallet in `unit`, with opening money and a credit limit (0 = prepaid).

    With a `product` it waits for its first use (PreUse), without one it is active. `balance_types`: what it is
    provisioned with. `max_sessions`: at a time, 0: as the product says. One that has lived elsewhere comes with `lines`
    of balances besides its opening, its `state` (empty: as above) and its `expiry` (0: never). `other_products`: those
    of other subscriber accounts that share it.
    """

    client: str
    wallet: str
    key: str
    unit: str
    opening: int = 0
    credit_limit: int = 0
    tenant: str = ""
    deadline: Instant = 0
    product: str = ""
    batch: str = ""
    max_sessions: int = 0
    balance_types: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    state: str = ""
    expiry: Instant = 0
    other_products: tuple[str, ...] = ()


class ChangeWallet(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=11):
    """Credit limit, sessions at a time, expiry, the products of other accounts that share it, or a move of its life:
    `state` active (the end of a quarantine, too), suspended, frozen, terminated. None = as it is."""

    client: str
    wallet: str
    key: str
    credit_limit: int | None = None
    state: str | None = None
    expiry: Instant | None = None
    deadline: Instant = 0
    max_sessions: int | None = None
    note: str = ""
    other_products: tuple[str, ...] | None = None


class Transfer(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=18):
    """Free money or units of one balance type from one wallet to another: all of `amount`, or nothing."""

    client: str
    source: str
    target: str
    key: str
    amount: Amount
    balance_type: str = "cash"
    note: str = ""
    deadline: Instant = 0


class RemoveWallet(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=19):
    """Take a wallet out of service for good: what it holds is written off. Not while a session of it is open."""

    client: str
    wallet: str
    key: str
    note: str = ""
    deadline: Instant = 0


class Inspect(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=12):
    """Read a wallet or a session (one of them is given). Held until what it saw is durable."""

    client: str
    wallet: str = ""
    session: str = ""
    deadline: Instant = 0


class CloseClient(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=13):
    """The client lost its sessions (Accounting-On/Off, Origin-State-Id grew): each is ended as `on_silence` says.

    Once per key. `machine`: only those of this one of its machines (empty: all).
    """

    client: str
    key: str
    cause: str
    at: Instant = 0
    deadline: Instant = 0
    machine: str = ""


class Sweep(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=14):
    """End what is due: reservations, silent sessions, buckets, wallets, tombstones, one-shot rows.

    `wallets`: of these wallets, and of nothing else.
    """

    limit: int = 256
    deadline: Instant = 0
    wallets: tuple[str, ...] = ()


class Explain(Quote, frozen=True, gc=False, array_like=True, tag=15):
    """The same question, answered with the search for the price and the sum behind it (Explained)."""


class Limit(Quote, frozen=True, gc=False, array_like=True, tag=16):
    """How much usage does `money` (a decimal text, in the unit of the subject's profile) last for? (Limited)

    `usage`: at most so much (0: as much as is ever computed). `ceiling`: usage ends where it is dearer than this, units
    of money per unit of usage as numerator and denominator (None: whatever it costs).
    """

    money: str = "0"
    ceiling: tuple[int, int] | None = None


class PlanQuote(Quote, frozen=True, gc=False, array_like=True, tag=17):
    """What would this usage cost by the plan named so, in the unit and zone of the subject's profile?"""

    plan: str = ""


class Adjust(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=20):
    """An operator's correction by hand: `amount` above zero into a balance type, below zero out of it.

    `bucket`: into or out of this one; 0: the one that never expires, made where there is none. `proposed`: it waits for
    a second operator in any case; above the tenant's threshold it does so anyway.
    """

    client: str
    wallet: str
    key: str
    amount: Amount
    operator: str
    reason: str
    balance_type: str = "cash"
    bucket: int = 0
    proposed: bool = False
    deadline: Instant = 0


class Approve(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=21):
    """Another operator agrees: the adjustment that waits under this key of the same client is done."""

    client: str
    adjustment: str
    key: str
    operator: str
    deadline: Instant = 0


class Decline(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=22):
    """The adjustment that waits under this key is not to be done; its own operator may say so, too."""

    client: str
    adjustment: str
    key: str
    operator: str
    reason: str = ""
    deadline: Instant = 0


class DisconnectSession(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=23):
    """An operator ends a session of whatever client, with all its legs: as `on_silence` says, until its Stop comes.

    Once per key. Who has the session is told (`values/disconnects.py`).
    """

    client: str
    session: str
    key: str
    deadline: Instant = 0


Command: TypeAlias = (
    Authorize
    | Start
    | Update
    | Stop
    | Release
    | Charge
    | Refund
    | Quote
    | Recharge
    | CreateWallet
    | ChangeWallet
    | Inspect
    | CloseClient
    | Sweep
    | Explain
    | Limit
    | PlanQuote
    | Transfer
    | RemoveWallet
    | Adjust
    | Approve
    | Decline
    | DisconnectSession
)
