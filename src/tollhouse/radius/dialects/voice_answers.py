"""The call dialect, answers: an outcome of the engine becomes the attributes of a reply, or silence.

The same outcome makes the same octets. Return codes: requirement radius 2.5 (PortaOne's published table).
"""

from __future__ import annotations

from typing import Final

import msgspec

from tollhouse.radius.codec import (
    ACCESS_ACCEPT,
    ACCESS_REJECT,
    ACCOUNTING_RESPONSE,
    attribute,
    integer_attribute,
)
from tollhouse.radius.dialects.numbers import Numbers
from tollhouse.radius.dialects.voice import CLASS_MARK
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import Granted, Outcome, Refused
from tollhouse.values.refusals import RETRY_MAY_HELP, Refusal

SILENT: Final = frozenset({Refusal.TOO_LATE, Refusal.SHUTTING_DOWN, Refusal.OVERLOADED, Refusal.STORE_FULL})
"""Refusals of the moment that an Access-Request meets with silence: the client resends, or asks another server."""

RETURN_CODES: Final = {
    Refusal.TOO_LATE: (8, "try again"),
    Refusal.SHUTTING_DOWN: (8, "try again"),
    Refusal.OVERLOADED: (8, "try again"),
    Refusal.STORE_FULL: (8, "try again"),
    Refusal.INTERNAL_ERROR: (8, "try again"),
    Refusal.CONFLICT: (11, "bad argument"),
    Refusal.UNSUPPORTED: (11, "not supported"),
    Refusal.INVALID: (11, "bad argument"),
    Refusal.UNKNOWN_SESSION: (11, "unknown session"),
    Refusal.SESSION_CLOSED: (11, "session closed"),
    Refusal.UNKNOWN_ACCOUNT: (1, "unknown account"),
    Refusal.BAD_PASSWORD: (2, "wrong credentials"),
    Refusal.ACCOUNT_DISABLED: (7, "denied"),
    Refusal.UNKNOWN_WALLET: (1, "unknown account"),
    Refusal.WALLET_EXISTS: (11, "bad argument"),
    Refusal.WALLET_QUARANTINED: (8, "try again"),
    Refusal.WALLET_SUSPENDED: (7, "denied"),
    Refusal.WALLET_EXPIRED: (5, "account expired"),
    Refusal.SESSION_LIMIT: (3, "account in use"),
    Refusal.NUMBER_INVALID: (111, "invalid number"),
    Refusal.NO_RATE: (9, "no rate"),
    Refusal.NO_ROUTE: (8, "no route"),
    Refusal.UNIT_MISMATCH: (8, "try again"),
    Refusal.AMOUNT_OUT_OF_RANGE: (11, "bad argument"),
    Refusal.NO_FUNDS: (4, "no funds"),
    Refusal.CREDIT_LIMIT: (6, "credit limit"),
    Refusal.INSUFFICIENT_FUNDS: (12, "insufficient funds"),
}
"""h323-return-code and Reply-Message of each refusal."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A reply's code and its attributes as octets."""

    code: int
    attributes: bytes


def access(n: Numbers, outcome: Outcome) -> Answer | None:
    """The answer to an Access-Request; None is silence. A grant of less than a second is no grant: a timeout of 0
    means "without limit" to some switches."""
    if isinstance(outcome, Granted):
        if outcome.granted < (SECOND if outcome.service is Service.VOICE else 1):
            return _reject(n, Refusal.INSUFFICIENT_FUNDS)
        return Answer(ACCESS_ACCEPT, _accept(n, outcome))
    if isinstance(outcome, Refused):
        return None if outcome.refusal in SILENT else _reject(n, outcome.refusal)
    return _reject(n, Refusal.INTERNAL_ERROR)


def accounting(outcome: Outcome) -> Answer | None:
    """The answer to an Accounting-Request: it acknowledges what is durable, a final "no" included, because it would
    stay "no" however often it is sent. None (silence) where a retransmission may still be served."""
    if isinstance(outcome, Refused) and outcome.refusal in RETRY_MAY_HELP:
        return None
    return Answer(ACCOUNTING_RESPONSE, b"")


def _accept(n: Numbers, granted: Granted) -> bytes:
    klass = attribute(n.klass, CLASS_MARK + granted.session.encode())
    limits = _call_limits(n, granted) if granted.service is Service.VOICE else _data_limits(n, granted)
    amount = format_amount(granted.funds, granted.decimals)
    amount = amount if "." in amount else f"{amount}.0"  # a value without a point is read as cents by some
    return b"".join(
        (
            limits,
            klass,
            attribute(n.return_code, b"h323-return-code=0"),
            attribute(n.credit_amount, b"h323-credit-amount=%s" % amount.encode()),
            attribute(n.currency, b"h323-currency=%s" % granted.unit.encode()),
        )
    )


def _call_limits(n: Numbers, granted: Granted) -> bytes:
    """Whole seconds, rounded down, in both ways that switches know."""
    seconds = granted.granted // SECOND
    return integer_attribute(n.session_timeout, seconds) + attribute(n.credit_time, b"h323-credit-time=%d" % seconds)


def _data_limits(n: Numbers, granted: Granted) -> bytes:
    """Octets as the two makers of access servers that have an attribute for them know it; time as the grant's
    validity."""
    high, low = divmod(granted.granted, 1 << 32)
    limits = (
        integer_attribute(n.mikrotik_limit, low)
        + integer_attribute(n.mikrotik_limit_high, high)
        + integer_attribute(n.chilli_limit, low)
        + integer_attribute(n.chilli_limit_high, high)
    )
    seconds = granted.validity // SECOND
    return integer_attribute(n.session_timeout, seconds) + limits if seconds else limits


def _reject(n: Numbers, refusal: Refusal) -> Answer:
    code, words = RETURN_CODES[refusal]
    return Answer(
        ACCESS_REJECT,
        attribute(n.reply_message, words.encode()) + attribute(n.return_code, b"h323-return-code=%d" % code),
    )
