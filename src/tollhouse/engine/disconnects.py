"""Sessions that are to end before their clients end them: who is told, and when.

A decision names them; when its batch is durable whoever listens is told, a slice in each turn. What is lost with the
process is lost: the session is refused more whenever it asks.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tollhouse.engine import wallets
from tollhouse.engine.book import Book, DamagedError, Image
from tollhouse.engine.decision import Decision, refuse
from tollhouse.engine.ends import settled, silent
from tollhouse.engine.legs import legs_of, main_of
from tollhouse.engine.living import Records
from tollhouse.engine.policy import Policy
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import AUTHORISED, CLOSED, DISCONNECTED, UNBEGUN
from tollhouse.engine.tally import Tally
from tollhouse.values.commands import DisconnectSession
from tollhouse.values.disconnects import Disconnect, DisconnectReason
from tollhouse.values.instants import Instant
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import FROZEN, SUSPENDED, TERMINATED, Wallet

Listener = Callable[[Disconnect], None]
SLICE: Final = 128
"""Sessions that listeners are told of in one turn."""
_REASONS: Final = {
    SUSPENDED: DisconnectReason.WALLET_SUSPENDED,
    FROZEN: DisconnectReason.WALLET_FROZEN,
    TERMINATED: DisconnectReason.WALLET_TERMINATED,
}
_LOG: Final = logging.getLogger("tollhouse.engine")


def disconnect(book: Book, policy: Policy, command: DisconnectSession, now: Instant) -> Decision:
    """End a session, with all its legs, as `on_silence` says; its client is told."""
    body = wallets.repeat(book, command.client, command.key, command)
    if isinstance(body, Decision):
        return body
    known = book.session(command.session)
    if known is None:
        return refuse(Refusal.UNKNOWN_SESSION, command.session)
    main = main_of(book, known)
    if main.state == CLOSED:
        return refuse(Refusal.SESSION_CLOSED, main.ended, main.id)
    images: tuple[Image, ...] = ()
    records: Records = ()
    for one in (*legs_of(book, main), main):
        wallet = book.wallet(one.wallet)
        if wallet is None:
            return refuse(Refusal.UNKNOWN_WALLET, one.wallet, main.id)
        if (barred := wallets.barred_for_settling(wallet)) is not None:
            return Decision(barred)
        ended = silent(book, policy, one, wallet, UNBEGUN if one.state == AUTHORISED else DISCONNECTED, now)
        images = (*images, *ended.images, *ended.sessions, ended.wallet)
        records = (*records, *ended.records)
        outcome = settled(ended.sessions[0], ended.wallet, now)
    row = wallets.once(policy, command.client, command.key, body, outcome, now)
    return Decision(outcome, (*images, *row.images), records, disconnects=((main.id, DisconnectReason.OPERATOR),))


def leaving(book: Book, decision: Decision) -> Decision:
    """The decision with the sessions that are to end because it takes their wallet out of use."""
    taken = {
        image.name: _REASONS[image.state]
        for image in decision.images
        if isinstance(image, Wallet) and image.state in _REASONS
    }
    named = [pair for name, reason in taken.items() for pair in _sessions(book, name, reason)]
    return msgspec.structs.replace(decision, disconnects=(*decision.disconnects, *named)) if named else decision


def _sessions(book: Book, name: str, reason: DisconnectReason) -> list[tuple[str, DisconnectReason]]:
    """Those of a wallet that still was in use. Which of them are open is looked at when they are told of."""
    before = book.wallet(name)
    if before is None or before.state in _REASONS:
        return []
    return [(one, reason) for one in book.session_ids("", name)]


class Disconnects:
    """The sessions that are still to be told of, and who listens."""

    def __init__(self, tally: Tally) -> None:
        self.listeners: list[Listener] = []
        self._tally = tally
        self._left: deque[tuple[str, DisconnectReason]] = deque()

    def __len__(self) -> int:
        return len(self._left)

    def add(self, named: Sequence[tuple[str, DisconnectReason]]) -> None:
        """They are told of once their batch is durable."""
        self._left.extend(named)

    def tell(self, book: Book) -> None:
        """Tell of the next slice. A listener that breaks keeps nobody from hearing."""
        for _ in range(min(len(self._left), SLICE)):
            one = _told(book, *self._left.popleft())
            if one is None:
                continue
            self._tally.count("engine_disconnects", one.reason.value)
            for listener in self.listeners:
                try:
                    listener(one)
                except Exception:  # noqa: BLE001 - one front-end's bug must not keep the others from what they are told
                    self._tally.count("engine_answer_bugs")
                    _LOG.exception("a disconnect could not be told")


def _told(book: Book, session_id: str, reason: DisconnectReason) -> Disconnect | None:
    """None: it has ended meanwhile, or its wallet does not pay for it."""
    try:
        session = book.session(session_id)
        main = None if session is None else main_of(book, session)
    except DamagedError:
        return None
    if session is None or main is None:
        return None
    by_wallet = reason is not DisconnectReason.OPERATOR
    if by_wallet and (session.state == CLOSED or not MANNERS[session.request_type].charges):
        return None
    return Disconnect(main.id, main.client, main.machine, main.keys, main.account, session.wallet, main.service, reason)
