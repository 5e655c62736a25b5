"""What the life of a wallet is made of: the conditions that it lives under, and what a step of it has changed."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from tollhouse.snapshot.accounts import BalanceType
from tollhouse.snapshot.products import Batch, Product
from tollhouse.snapshot.rules import Rules
from tollhouse.values.instants import Instant
from tollhouse.wallet.state import Posting, Wallet

Kinds: TypeAlias = Callable[[str], BalanceType | None]
"""The balance type of a name: a snapshot's `balance_type`, a dict's `get`."""


class Conditions(msgspec.Struct, frozen=True):
    """What a wallet lives under. `products`: those of all accounts that share it, the wallet's own first."""

    products: tuple[Product, ...]
    rules: Rules
    kinds: Kinds
    batch: Batch | None = None


class Cause(enum.StrEnum):
    """Why something happened."""

    USE = "use"
    RECHARGE = "recharge"
    OPERATOR = "operator"
    DISHONESTY = "dishonesty"
    BATCH = "batch_expired"
    DISUSE = "disuse"
    WALLET = "wallet_expired"
    BUCKET = "bucket_expired"
    REMOVAL = "removal"
    DRAINED = "drained"


class Moved(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The wallet went from one state of life to another. `at`: when that was due, which may be before it was done."""

    at: Instant
    old: str
    new: str
    cause: Cause
    old_expiry: Instant
    new_expiry: Instant


class Ended(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`value` of a bucket is gone, of which nothing was held; below zero: a debt. `expiry`: its own date, 0: none.

    `recorded`: whether the rules want an event record of it (cases 73, 74); its posting stands in the chain anyway.
    """

    at: Instant
    bucket: int
    balance_type: str
    value: int
    expiry: Instant
    cause: Cause
    recorded: bool


class Dated(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A bucket got another date; 0: never."""

    at: Instant
    bucket: int
    balance_type: str
    old: Instant
    new: Instant


class Promoted(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Activation's gift. `bucket` 0: none, because the balance type is not configured or of another unit of money."""

    at: Instant
    bucket: int
    balance_type: str
    amount: int
    expiry: Instant


class Removed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The time of a terminated wallet is over. `listed`: it stays until an operator removes it; else it is gone."""

    at: Instant
    listed: bool


Change: TypeAlias = Moved | Ended | Dated | Promoted | Removed


class Step(msgspec.Struct, frozen=True, gc=False):
    """The wallet after its changes, in their order; what moved is in `postings`.

    `removable`: it is to be removed now (`ending.removed`), once no session is open.
    """

    wallet: Wallet
    postings: tuple[Posting, ...] = ()
    changes: tuple[Change, ...] = ()
    removable: bool = False
