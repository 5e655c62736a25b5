"""Refused requests of sessions in the log, where the provider's rules want them there.

What a subscriber brings about himself (too many sessions, too little money, a wallet that may not be charged) is never
logged. Source: requirement oracle_vws 1.2 (`syslogErrors`) and case 43.
"""

from __future__ import annotations

import logging
from typing import Final

from tollhouse.engine.book import Book, DamagedError
from tollhouse.engine.decision import Keyed
from tollhouse.snapshot.rules import Rules
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

_LOG: Final = logging.getLogger("tollhouse.refused")

QUIET: Final = frozenset(
    {
        Refusal.SESSION_LIMIT,
        Refusal.NO_FUNDS,
        Refusal.CREDIT_LIMIT,
        Refusal.INSUFFICIENT_FUNDS,
        Refusal.WALLET_SUSPENDED,
        Refusal.WALLET_EXPIRED,
    }
)
"""Never logged. A quarantine is no state of a subscriber's wallet but trouble of ours, and is."""
LINES: Final = 20
"""Lines in a second; how many more there were is said in a line when the next one is written."""
_LONGEST: Final = 200


class RefusalLog:
    """A line for each refusal; not more than `LINES` in a second, so that a peer gone wild cannot fill the disk."""

    def __init__(self) -> None:
        self._second = 0
        self._lines = 0

    def note(self, book: Book, command: Keyed, refused: Refused, now: Instant) -> None:
        """Log it, if it is to be."""
        if refused.refusal in QUIET or not _rules(book, command).reservation.log_refusals:
            return
        if now // SECOND != self._second:
            if self._lines > LINES:
                _LOG.warning("session_refused left_out=%d", self._lines - LINES)
            self._second, self._lines = now // SECOND, 0
        self._lines += 1
        if self._lines <= LINES:
            _LOG.warning("session_refused reason=%s %s", refused.refusal, _about(book, command, refused))


def _rules(book: Book, command: Keyed) -> Rules:
    """Those of the wallet's provider; where no wallet was found, of the one that the request names, or the only one."""
    try:
        wallet = book.wallet(book.touched) if book.touched else None
    except DamagedError:
        wallet = None
    tenant = wallet.tenant if wallet is not None else command.caller.tenant
    return book.snapshot.rules(tenant or book.snapshot.only_tenant())


def _about(book: Book, command: Keyed, refused: Refused) -> str:
    """Who asked for what, in printable characters. A refusal's detail holds no secret, and a proof is not told."""
    told = {
        "request": type(command).__name__.lower(),
        "client": command.caller.client,
        "key": command.key,
        "session": refused.session,
        "wallet": book.touched,
        "detail": refused.detail,
    }
    return " ".join(f"{name}={_printable(text)}" for name, text in told.items() if text)


def _printable(text: str) -> str:
    return text[:_LONGEST].encode("unicode_escape").decode("ascii")
