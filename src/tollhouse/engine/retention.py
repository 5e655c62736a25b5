"""Days of records past their retention go; before one goes, what it moved in each wallet is brought forward, durably.

A crash between any two steps loses nothing: what was brought forward stands and is not done again, and the day is
dropped when every wallet in it has been. A day that does not prove is kept: it is the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from tollhouse.engine.chain import FORWARD, Chain, standing
from tollhouse.engine.tally import Tally
from tollhouse.records.forward import encode
from tollhouse.store.errors import UnreadableDayError
from tollhouse.store.interface import Entry, Store
from tollhouse.values.instants import DAY, Instant

WALLETS: Final = 64
"""Wallets of one step, brought forward in one batch."""
RECORDS: Final = 1000
"""Records of one step, some 6 ms; a wallet with more takes several."""


class KeptError(Exception):
    """A day past its retention that is kept; the text says why."""


class Retention:
    """`step` is called again and again; each call does a bounded piece of work, most of them none.

    Days are looked for when the process starts and whenever a UTC day is over.
    """

    def __init__(self, store: Store, now: Callable[[], Instant], tally: Tally) -> None:
        """`now` is engine time. A day past its retention that is kept is counted and logged, once a day."""
        self._store = store
        self._now = now
        self._tally = tally
        self._looked: int | None = None
        self._work: Iterator[None] = iter(())

    def step(self) -> bool:
        """Some more; False where nothing is left to do today."""
        today = self._now() // DAY
        try:
            if next(self._work, "over") is None:
                return True
        except KeptError as error:
            self._tally.trouble("store_days_kept", "unproved", self._now(), str(error))
        if self._looked == today:
            return False
        self._looked = today
        self._work = self._drop_expired()
        return True

    def _drop_expired(self) -> Iterator[None]:
        yield from self._free()
        for day in self._store.expired_days(self._now()):
            try:
                yield from self._bring_forward(day)
            except UnreadableDayError as error:
                raise KeptError(str(error)) from None
            self._store.drop_day(day, self._now())
            self._tally.count("store_days_dropped")
            yield
            yield from self._free()

    def _free(self) -> Iterator[None]:
        while self._store.free_dropped():
            yield

    def _bring_forward(self, day: str) -> Iterator[None]:
        after = ""
        while page := self._store.day_wallets(day, after, WALLETS):
            entries: list[Entry] = []
            left = RECORDS
            for wallet, head in page:
                chain = self._chain(day, wallet)
                if chain.sequence >= head:
                    continue
                while chain.sequence < head:
                    left -= self._follow(chain, day, wallet, left)
                    if not left:
                        left = RECORDS
                        yield
                entries.append(Entry(FORWARD, wallet.encode(), encode(chain.brought_forward(self._now()))))
            if entries:
                self._store.append(self._now(), entries, ())
            after = page[-1][0]
            yield

    def _chain(self, day: str, wallet: str) -> Chain:
        try:
            return Chain(wallet, standing(self._store, wallet), [])
        except ValueError as error:
            raise KeptError(f"{day} is kept: {error}") from None

    def _follow(self, chain: Chain, day: str, wallet: str, limit: int) -> int:
        """At most `limit` of the wallet's records of the day; how many. Raises KeptError, UnreadableDayError."""
        page = self._store.day_records(day, wallet, chain.sequence, limit)
        for entry in page:
            chain.follow(entry)
        if chain.faults:
            raise KeptError(f"{day} is kept: {chain.faults[0]}")
        return len(page)
