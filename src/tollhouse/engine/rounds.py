"""Once a day every wallet is looked at: the configuration may have made something due that the index has for later.

A wallet's place in the index is that of its last change; a period that became shorter since, or that there was none of,
is not in it. Whoever uses the wallet finds it as it should be in any case.
"""

from __future__ import annotations

from typing import Final

from tollhouse.engine.batch import Engine
from tollhouse.engine.book import WALLET, DamagedError, decode_image
from tollhouse.engine.conditions import next_due
from tollhouse.store.interface import Store
from tollhouse.values.commands import Sweep
from tollhouse.values.instants import DAY, Instant
from tollhouse.wallet.state import Wallet

WALLETS: Final = 64
"""Wallets of one step, some 2 ms."""


class Rounds:
    """`step` is called again and again; each call looks at some wallets. A round begins when the process starts, and
    whenever a UTC day is over.
    """

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._day: int | None = None
        self._after: bytes | None = None

    def step(self) -> None:
        """Some more; nothing where all were looked at today."""
        now = self._engine.now()
        if self._after is None:
            if self._day == now // DAY:
                return
            self._day, self._after = now // DAY, b""
        page = self._store.scan(WALLET, self._after, WALLETS)
        self._after = page[-1][0] if page else None
        due = tuple([key.decode() for key, image in page if self._is_due(image, now)])
        if due:
            self._engine.submit(Sweep(wallets=due), lambda _swept: None)

    def _is_due(self, image: bytes, now: Instant) -> bool:
        """A wallet that is damaged is the audit's business."""
        try:
            wallet = decode_image(WALLET, image)
        except DamagedError:
            return False
        return isinstance(wallet, Wallet) and 0 < next_due(self._engine.book.snapshot, wallet) <= now
