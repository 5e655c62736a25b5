"""Who may ask, who pays, where calls may go: compiled rows of the config database as frozen values."""

from __future__ import annotations

import msgspec


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
    must lead the called number and is cut from it.
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


class CarrierRate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A carrier's cost for a prefix: `price` per minute in 10^-9 units; lower first, then `priority`, then name."""

    carrier: str
    host: str
    strip: int
    add: str
    price: int
    priority: int


class BalanceType(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A kind of money in a wallet; `order` is its place in the cascade, lowest pays first."""

    name: str
    unit: str
    order: int
