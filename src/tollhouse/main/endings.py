"""Which wallets were terminated or removed in a time: their records say so, whatever became of them since."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tollhouse.console.reading import RecordsWish
from tollhouse.engine.living import ending
from tollhouse.engine.readable import Readable
from tollhouse.main.exporting import InTime, Page
from tollhouse.records.record import Record
from tollhouse.values.instants import format_instant
from tollhouse.wallet.ending import cause_of, list_of
from tollhouse.wallet.state import QUARANTINED, REMOVED, TERMINATED, Wallet


def ended_page(store: Readable, wish: RecordsWish) -> tuple[list[dict[str, object]], str]:
    """The ends among `wish.limit` records at most, by wallet and sequence, and the token of the next page.

    Raises TokenError, DamagedError.
    """
    page = Page(store, wish)
    found = _Ends(page)
    _, following = page.run(found)
    return found.rows, following


class _Ends(InTime):
    """Rows instead of lines. Of a wallet that has not ended, nor changed since the time began, nothing is read."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.rows: list[dict[str, object]] = []
        self._since = page.wish.since

    def teller(self, wallet: Wallet) -> Callable[[Record], Iterable[str]] | None:
        if wallet.state not in (TERMINATED, REMOVED, QUARANTINED) and wallet.entered < self._since:
            return None

        def told(record: Record) -> Iterable[str]:
            change = ending(record)
            if change is not None:
                self.rows.append(
                    {
                        "list": list_of(change),
                        "at": format_instant(record.at),
                        "due": format_instant(change.at),
                        "cause": cause_of(change).value,
                        "tenant": wallet.tenant,
                        "wallet": wallet.name,
                    }
                )
            return ()

        return told
