"""What no wallet's proof looks at: sessions and their count, records of wallets that are not there, unreadable days."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from tollhouse.engine.book import COUNT, OPEN_SESSIONS, SESSION, WALLET, Count, DamagedError, decode_image
from tollhouse.engine.chain import FORWARD
from tollhouse.engine.readable import Readable
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import CLOSED, Session
from tollhouse.store.errors import UnreadableDayError

STEP: Final = 128
"""Entities, or wallets of a day, that one step looks at: about a millisecond."""


class Fault(msgspec.Struct, frozen=True):
    """Something that does not fit. `wallet`: whose, empty where it is nobody's."""

    wallet: str
    text: str


class LooseEnds:
    """`steps` is to be run to its end; then `faults` is all that was found, `sessions` how many were looked at."""

    def __init__(self, store: Readable) -> None:
        self.faults: list[Fault] = []
        self.sessions = 0
        self._store = store
        self._open = 0
        self._missing: set[str] = set()

    def steps(self) -> Iterator[None]:
        """Others may change the store between two steps: what changes with each call is judged within one."""
        yield from self._sessions()
        yield from self._forwards()
        for day in self._store.days():
            if unreadable := self._store.unreadable(day):
                self._say("", unreadable)
            else:
                yield from self._owners(day)
            yield

    def _say(self, wallet: str, text: str) -> None:
        self.faults.append(Fault(wallet, text))

    def _sessions(self) -> Iterator[None]:
        """Their count is judged where nothing was written while they were walked over: on a disk at rest, always."""
        began, after = self._store.next_number, b""
        while page := self._store.scan(SESSION, after, STEP):
            for key, image in page:
                self._session(key, image)
            after = page[-1][0]
            if len(page) == STEP:
                yield
        if self._store.next_number == began:
            self._count()
        yield

    def _session(self, key: bytes, image: bytes) -> None:
        self.sessions += 1
        try:
            session = decode_image(SESSION, image)
        except DamagedError as error:
            self._say("", f"session {key.decode(errors='replace')}: {error}")
            return
        if not isinstance(session, Session):
            return
        self._open += session.state != CLOSED
        if session.lines and session.state == CLOSED:
            self._say(session.wallet, f"session {session.id} is closed and holds money")
        if session.lines and not MANNERS[session.request_type].holds:
            self._say(session.wallet, f"session {session.id} is {session.request_type} and holds money")
        if session.lines and self._store.load(WALLET, session.wallet.encode()) is None:
            text = f"session {session.id} holds money of wallet {session.wallet}, which is not there"
            self._say(session.wallet, text)

    def _count(self) -> None:
        image = self._store.load(COUNT, OPEN_SESSIONS)
        try:
            stored = decode_image(COUNT, image) if image is not None else None
        except DamagedError as error:
            self._say("", f"count of open sessions: {error}")
            return
        stated = stored.value if isinstance(stored, Count) else 0
        if stated != self._open:
            self._say("", f"{self._open} sessions are open, {stated} are counted")

    def _forwards(self) -> Iterator[None]:
        after = b""
        while page := self._store.scan(FORWARD, after, STEP):
            for key, _ in page:
                self._owner(key.decode(errors="replace"))
            after = page[-1][0]
            yield

    def _owners(self, day: str) -> Iterator[None]:
        after = ""
        try:
            while page := self._store.day_wallets(day, after, STEP):
                for wallet, _ in page:
                    self._owner(wallet)
                after = page[-1][0]
                yield
        except UnreadableDayError as error:
            self._say("", str(error))

    def _owner(self, wallet: str) -> None:
        if wallet not in self._missing and self._store.load(WALLET, wallet.encode()) is None:
            self._missing.add(wallet)
            self._say(wallet, f"wallet {wallet} has records and is not there")
