"""Who may ask, who pays, where calls may go: compiled rows of the config database as frozen values."""

from __future__ import annotations

import enum

import msgspec

from tollhouse.values.commands import RequestType


class Tenant(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A namespace. `subject_prefixes`: a subject without a profile has that of the longest one that it begins with."""

    name: str
    subject_prefixes: bool = False


class Gateway(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A switch, NAS or peer by address block. `name` becomes `Caller.client`; `secret` is RADIUS's shared secret.

    `secret2` is the one being rotated in (empty: none). `protocols` names what it may speak: radius, diameter, sip.
    """

    name: str
    tenant: str
    cidr: str
    secret: bytes
    secret2: bytes
    protocols: tuple[str, ...]
    require_message_authenticator: bool = False


class Account(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How a client's request is recognised, and which wallet pays.

    `password` empty: none is asked for. `subject` is the rating subject. `tech_prefix`, when set,
    must lead the called number and is cut from it. `legs`: accounts that are charged for its sessions, too, each by its
    own wallet, subject and category. `request_type`: of its sessions, where their requests name none.
    """

    name: str
    tenant: str
    client: str
    wallet: str
    subject: str
    category: str
    password: bytes
    tech_prefix: str
    enabled: bool
    legs: tuple[str, ...] = ()
    request_type: RequestType = RequestType.PREPAID


class CarrierRate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A carrier's cost for a prefix: `price` per minute in 10^-9 units; lower first, then `priority`, then name."""

    carrier: str
    host: str
    strip: int
    add: str
    price: int
    priority: int


class Category(enum.StrEnum):
    """What a balance type is for."""

    GENERAL = "general"
    TRACKER = "tracker"
    """Counts usage of a promotion; pays nothing."""
    EXPENDITURE = "expenditure"
    """What was spent in a period; pays nothing, may be negative."""
    QUOTA = "quota"
    DISCOUNT = "discount"
    """To have some of it grants a discount on other balances."""


class LimitType(enum.StrEnum):
    """How low a balance may go."""

    DEBIT = "debit"
    """Not below zero."""
    CREDIT = "credit"
    """Down to minus the credit limit of the wallet."""
    SINGLE_USE = "single_use"
    """A bucket pays once: what one charge leaves of it is forfeited."""


class MaximumPolicy(enum.StrEnum):
    """What becomes of a credit that would lift a balance above its type's maximum."""

    REFUSE = "refuse"
    CAP = "cap"
    ALLOW = "allow"


class Period(enum.StrEnum):
    """How long a balance of expenditure or a tracker counts before it begins anew."""

    EVER = ""
    DAILY = "daily"
    WEEKLY = "weekly"
    """From Monday to Sunday."""
    MONTHLY = "monthly"
    YEARLY = "yearly"


class BalanceType(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A kind of money or units in a wallet; `order` is its place in the cascade, lowest pays first.

    `service`: whose usage it counts (`generic`: any; empty: it is money), each step of the unit being `step` of the
    service's own usage (a unit of seconds without decimals: 1,000,000 microseconds). `minimum`, `maximum` of the sum of
    its buckets, 0: none. `deletable`: a balance without buckets may go. `discount`: percent that one of category
    discount grants. `period`: how long one of category tracker or expenditure counts.
    """

    name: str
    unit: str
    order: int
    service: str = ""
    step: int = 1
    category: Category = Category.GENERAL
    limit_type: LimitType = LimitType.DEBIT
    minimum: int = 0
    maximum: int = 0
    maximum_policy: MaximumPolicy = MaximumPolicy.ALLOW
    deletable: bool = True
    discount: int = 0
    period: Period = Period.EVER
