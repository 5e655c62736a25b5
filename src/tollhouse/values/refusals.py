"""Every business "no" there is, in order of precedence: where several hold, the first one is answered.

Each protocol maps all of them; a test of each protocol room checks that none is missing.
"""

from __future__ import annotations

import enum
from typing import Final


class Refusal(enum.StrEnum):
    """The value is the name that operators see in answers, metrics and records."""

    TOO_LATE = "too_late"
    """The client has stopped waiting; nothing was decided. Silence on every protocol."""
    SHUTTING_DOWN = "shutting_down"
    OVERLOADED = "overloaded"
    STORE_FULL = "store_full"
    """Free disk is below `min_free_bytes`: no new sessions; Updates and Stops are served."""
    INTERNAL_ERROR = "internal_error"
    """Our own bug; the wallet concerned is quarantined, the command was thrown away."""
    CONFLICT = "conflict"
    """Another request was made under the same key."""
    UNSUPPORTED = "unsupported"
    """Well formed, and this release cannot serve it."""
    INVALID = "invalid"
    """A value of the request makes no sense (a negative amount, an empty name)."""
    UNKNOWN_SESSION = "unknown_session"
    SESSION_CLOSED = "session_closed"
    UNKNOWN_ACCOUNT = "unknown_account"
    BAD_PASSWORD = "bad_password"
    ACCOUNT_DISABLED = "account_disabled"
    UNKNOWN_WALLET = "unknown_wallet"
    WALLET_EXISTS = "wallet_exists"
    WALLET_QUARANTINED = "wallet_quarantined"
    WALLET_SUSPENDED = "wallet_suspended"
    WALLET_EXPIRED = "wallet_expired"
    SESSION_LIMIT = "session_limit"
    """The wallet serves as many sessions as it may, or can afford, at a time."""
    NUMBER_INVALID = "number_invalid"
    NO_RATE = "no_rate"
    """No rating plan of the subject prices this destination now."""
    NO_ROUTE = "no_route"
    UNIT_MISMATCH = "unit_mismatch"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    NO_FUNDS = "no_funds"
    """Nothing at all is free (prepaid)."""
    CREDIT_LIMIT = "credit_limit"
    """The credit limit is used up (postpaid)."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    """There is money, but less than the shortest charge costs."""


RETRY_MAY_HELP: Final = frozenset(
    {
        Refusal.TOO_LATE,
        Refusal.SHUTTING_DOWN,
        Refusal.OVERLOADED,
        Refusal.STORE_FULL,
        Refusal.INTERNAL_ERROR,
        Refusal.WALLET_QUARANTINED,
    }
)
"""Refusals of the moment: sent again later, the same request may be granted."""

NEVER_STORED: Final = frozenset(
    {
        Refusal.TOO_LATE,
        Refusal.SHUTTING_DOWN,
        Refusal.OVERLOADED,
        Refusal.STORE_FULL,
        Refusal.INTERNAL_ERROR,
        Refusal.WALLET_QUARANTINED,
    }
)
"""Refusals that do not stick: the same key decided again may get another answer."""
