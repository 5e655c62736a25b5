"""The session as a frozen value, and the steps that change nothing but it."""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.engine.stretches import Stretch
from tollhouse.values.commands import EventName, RequestType, Service, Wish
from tollhouse.values.instants import Instant
from tollhouse.wallet.state import Lines

AUTHORISED: Final = "authorised"
STARTED: Final = "started"
CLOSED: Final = "closed"

WINDOW: Final = "window:"
"""Begins the session key of last resort (user, calling, called): it leads only to a session that has not begun."""

DISCONNECTED: Final = "disconnected"
"""Why a session ended that an operator ended."""
UNBEGUN: Final = "disconnected_unbegun"
"""The same of one that had not begun."""
UNUSED: Final = "setup"
"""Why a session ended that nothing followed within the set-up window."""

RELEASED: Final = "released"
"""Why a session ended that its client gave up before it began."""

SILENCE: Final = ""
"""Stands for the request's key where no request ended a session."""


class Answered(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A request's key, its encoded outcome, and the hash of its body where another body under the key is a conflict."""

    key: str
    outcome: bytes
    body: bytes = b""


class Session(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One call or data session, charging one wallet.

    `began` is the instant that rating starts from; `until` when the reservation ends (closed: when the tombstone goes).
    `granted`, `used` count from the session's start; `posted` is what its records took so far, `lines` what it still
    holds. `recent` = what requests were answered, the newest last. `ended`: why it closed. `machine`: which of the
    client's machines has it. `assumed`: it fell silent and was not charged for `used` but for more or for nothing; its
    Stop, if it comes, says what is due. `paid`: which buckets `posted` was taken from, in the order of the usage.
    `stretches`: who pays which part of it. `category`: of the account, for prices that are still to be found.
    `legs`: the accounts that are charged for it beside its own. `discount`: the share of the price that its request
    took off, in hundredths of a percent; None: it named none. `request_type`: how it is paid for; of one that moves
    nothing in the wallet `posted` is what its records say that it cost. `event`: it is a reservation of this named
    event, its usage how many. `cascade`: who pays, where it is not for the wallet's product to say. `rated`: the share
    that the rating took off when it was opened, in hundredths of a percent.
    """

    id: str
    client: str
    wallet: str
    tenant: str
    account: str
    service: Service
    calling: str
    called: str
    keys: tuple[str, ...]
    price: bytes
    created: Instant
    began: Instant
    until: Instant
    state: str = AUTHORISED
    wish: Wish = Wish.GRANT
    granted: int = 0
    used: int = 0
    posted: int = 0
    lines: Lines = ()
    recent: tuple[Answered, ...] = ()
    ended: str = ""
    overdrawn: int = 0
    reported: Instant = 0
    assumed: bool = False
    machine: str = ""
    paid: Lines = ()
    stretches: tuple[Stretch, ...] = ()
    category: str = ""
    discount: int | None = None
    legs: tuple[str, ...] = ()
    request_type: RequestType = RequestType.PREPAID
    event: EventName | None = None
    cascade: str = ""
    rated: int = 0

    @property
    def silenced(self) -> bool:
        """Whether it was closed because nothing was heard of it: its Stop has not come yet."""
        return self.state == CLOSED and bool(self.recent) and self.recent[-1].key == SILENCE

    @property
    def started(self) -> Instant:
        """When it was answered; 0 of one that was only authorised."""
        never = self.state == AUTHORISED or (self.ended in (UNUSED, RELEASED, UNBEGUN) and not self.used)
        return 0 if never else self.began

    def stored(self, key: str) -> Answered | None:
        """What this request key was answered before."""
        for answered in self.recent:
            if answered.key == key:
                return answered
        return None

    def held(self) -> int:
        """What it holds in its wallet."""
        return sum(amount for _, amount in self.lines)

    def answers_to(self, client: str, key: str) -> bool:
        """Whether the client's session key leads here (empty: whether it is one of the client's open sessions)."""
        return client == self.client and (key in self.keys if key else self.state != CLOSED)

    def finds(self) -> tuple[bytes, ...]:
        """The index keys that lead here: its session keys, by client; to an open one also its client and its wallet."""
        if self.state == CLOSED:
            return tuple(find_key(self.client, key) for key in self.keys if not key.startswith(WINDOW))
        own = tuple(find_key(self.client, key) for key in self.keys)
        return (*own, find_key(self.client, ""), wallet_key(self.wallet))


def find_key(client: str, key: str) -> bytes:
    """The index key of a client's session key; of all its open sessions where `key` is empty. At most 200 octets."""
    return f"{client}\0{key}".encode()[:200]


def wallet_key(wallet: str) -> bytes:
    """The index key of all open sessions that a wallet pays (no client is named by an empty text)."""
    return find_key("", wallet)
