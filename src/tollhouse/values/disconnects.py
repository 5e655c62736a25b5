"""What the engine tells the protocol rooms unasked: a session of theirs is to end. A value, as commands are."""

from __future__ import annotations

import enum

import msgspec

from tollhouse.values.commands import Service


class DisconnectReason(enum.StrEnum):
    """The value is the name that operators see in logs and metrics."""

    OPERATOR = "operator"
    """The session itself was ended by an operator."""
    WALLET_SUSPENDED = "wallet_suspended"
    WALLET_FROZEN = "wallet_frozen"
    WALLET_TERMINATED = "wallet_terminated"
    """By an operator or at its expiry."""


class Disconnect(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """This session of `client` is to end; its Stop is still to come, and has the last word.

    `keys`: the client's own names for it. `machine`: which of the client's machines has it. Of a session with legs it
    is the main one, whichever leg's wallet it is about: that one is `wallet`.
    """

    session: str
    client: str
    machine: str
    keys: tuple[str, ...]
    account: str
    wallet: str
    service: Service
    reason: DisconnectReason
