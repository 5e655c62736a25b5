"""What the console lists without asking the engine to decide: pages in key order, and the proof of the balances.

The running engine implements these over its store, the disk reader over files that no engine holds. What is read is
durable: a page is taken between two batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Adjustment, SessionView, WalletView


class Finding(msgspec.Struct, frozen=True):
    """Something that does not add up: whose wallet, and what in words with both numbers."""

    wallet: str
    text: str


class AuditPage(msgspec.Struct, frozen=True):
    """The proof of some wallets: how many wallets and records were read, what was found wrong, where to go on.

    `next` is the `after` of the following page, empty behind the last wallet.
    """

    wallets: int
    records: int
    findings: tuple[Finding, ...] = ()
    next: str = ""


class TokenError(ValueError):
    """An `after` that is nothing that a page said as its `next`."""


class NotServedError(ValueError):
    """What is asked for makes sense and cannot be given; the text says why."""


class RecordsWish(msgspec.Struct, frozen=True):
    """Records with since <= at < until (0: no bound), of one wallet or (empty) of all; `after`: the page before's.

    `form`: csv, or text: lines of tags.
    """

    wallet: str = ""
    since: Instant = 0
    until: Instant = 0
    after: str = ""
    limit: int = 100
    form: str = "csv"


class RecordsPage(msgspec.Struct, frozen=True):
    """Lines with their ends, without the heading that stands before the first. `next` empty: it is the last."""

    heading: str
    text: str
    next: str


class Reading(Protocol):
    """Wallets, sessions and records as they stand."""

    def wallet(self, name: str) -> WalletView | None:
        """The wallet of this name."""

    def wallets(self, after: str, limit: int) -> list[WalletView]:
        """Wallets whose name comes after `after` (empty: from the first), in order of name, at most `limit`."""

    def session(self, name: str) -> SessionView | None:
        """The session of this id; else the one that the API's client calls so (`session_id` of its authorisation)."""

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        """Sessions whose id comes after `after`, in order of id, at most `limit`."""

    def reservations(self, wallet: str, after: str, limit: int) -> tuple[list[SessionView], bool] | None:
        """The wallet's open sessions whose id comes after `after`, in order of id, at most `limit` (0: as many as its
        provider's rules say), and whether there are more. None: there is no such wallet."""

    def records(self, wallet: str, after: int, limit: int) -> list[dict[str, object]]:
        """The wallet's records with `sequence` > `after` in order, at most `limit`, ready for JSON: amounts as decimal
        strings, times as ISO 8601. Each has the key `sequence`."""

    def trace(self, wallet: str, at: Instant, after: str, limit: int) -> dict[str, object] | None:
        """The wallet's entries up to `at` (0: all) behind the token `after`, ready for JSON: `entries`, `next` (a token
        or None), `unit`, and on the last page `buckets` and `holds`. None: no such wallet. Raises TokenError."""

    def adjustments(self, after: str, limit: int) -> list[Adjustment]:
        """Corrections by hand that wait for a second operator, whose id comes after `after`, in order of id."""

    def ended(self, since: Instant, until: Instant, after: str, limit: int) -> tuple[list[dict[str, object]], str]:
        """Wallets that were terminated or removed with since <= at < until (0: no bound), ready for JSON, and the token
        of the next page (empty: there is none); `limit` is of records that are read. Raises TokenError."""

    def export(self, wish: RecordsWish) -> RecordsPage:
        """Records as lines, by wallet and sequence. Raises TokenError, NotServedError."""


class Auditing(Protocol):
    """Proves balances from their records, a page at a time and in steps, so that no audit holds up a call."""

    def __call__(self, after: str, limit: int, done: Callable[[AuditPage], None]) -> None:
        """Check the wallets whose name comes after `after`, in order of name, at most `limit`; call `done` once."""
