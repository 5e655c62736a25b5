"""Every refusal as a Result-Code (RFC 8506 section 9, RFC 6733 section 7.1)."""

from __future__ import annotations

from typing import Final

from tollhouse.diameter.names import Result
from tollhouse.values.refusals import Refusal

SILENCE: Final = 0
"""No answer at all: the client has stopped waiting."""

RESULTS: Final[dict[Refusal, int]] = {
    Refusal.TOO_LATE: SILENCE,
    Refusal.SHUTTING_DOWN: Result.TOO_BUSY,
    Refusal.OVERLOADED: Result.TOO_BUSY,
    Refusal.STORE_FULL: Result.TOO_BUSY,
    Refusal.INTERNAL_ERROR: Result.UNABLE_TO_COMPLY,
    Refusal.CONFLICT: Result.UNABLE_TO_COMPLY,
    Refusal.UNSUPPORTED: Result.UNABLE_TO_COMPLY,
    Refusal.INVALID: Result.UNABLE_TO_COMPLY,
    Refusal.UNKNOWN_SESSION: Result.UNKNOWN_SESSION_ID,
    Refusal.SESSION_CLOSED: Result.UNKNOWN_SESSION_ID,
    Refusal.UNKNOWN_ACCOUNT: Result.USER_UNKNOWN,
    Refusal.BAD_PASSWORD: Result.AUTHORIZATION_REJECTED,
    Refusal.ACCOUNT_DISABLED: Result.AUTHORIZATION_REJECTED,
    Refusal.UNKNOWN_WALLET: Result.USER_UNKNOWN,
    Refusal.WALLET_EXISTS: Result.UNABLE_TO_COMPLY,
    Refusal.WALLET_QUARANTINED: Result.UNABLE_TO_COMPLY,
    Refusal.WALLET_SUSPENDED: Result.END_USER_SERVICE_DENIED,
    Refusal.WALLET_EXPIRED: Result.END_USER_SERVICE_DENIED,
    Refusal.SESSION_LIMIT: Result.END_USER_SERVICE_DENIED,
    Refusal.NUMBER_INVALID: Result.RATING_FAILED,
    Refusal.NO_RATE: Result.RATING_FAILED,
    Refusal.NO_ROUTE: Result.AUTHORIZATION_REJECTED,
    Refusal.UNIT_MISMATCH: Result.RATING_FAILED,
    Refusal.AMOUNT_OUT_OF_RANGE: Result.UNABLE_TO_COMPLY,
    Refusal.NO_FUNDS: Result.CREDIT_LIMIT_REACHED,
    Refusal.CREDIT_LIMIT: Result.CREDIT_LIMIT_REACHED,
    Refusal.INSUFFICIENT_FUNDS: Result.CREDIT_LIMIT_REACHED,
}

ABOUT_THE_SERVICE: Final = frozenset({Result.CREDIT_LIMIT_REACHED, Result.RATING_FAILED})
"""Results that concern the service asked for, not the subscriber. A request with one MSCC gets them twice: at the top,
because the request as a whole failed and Kamailio looks there, and in the MSCC, where RFC 8506 5.6.2 puts them and
Open5GS looks."""
