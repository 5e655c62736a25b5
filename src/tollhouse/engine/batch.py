"""One turn of the reactor = one batch: decide all, make it durable once, then answer. The engine as others see it.

The one place that catches our own bugs: what a broken command would have changed is a value and is thrown away,
its wallet is quarantined, the others are served on. Trouble of the store is not caught: it ends the
process (store/die.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from tollhouse.engine.admission import Admission
from tollhouse.engine.book import Book, DamagedError, Image, entry_of
from tollhouse.engine.charge import decide
from tollhouse.engine.decision import Closing, Decision, Keyed, refuse
from tollhouse.engine.disconnects import Disconnects, Listener
from tollhouse.engine.policy import Policy
from tollhouse.engine.refused import RefusalLog
from tollhouse.engine.tally import Tally
from tollhouse.records.record import enter
from tollhouse.snapshot.accounts import Gateway
from tollhouse.store.interface import Claimed, Store
from tollhouse.values.commands import Command
from tollhouse.values.instants import SECOND, Duration, Instant
from tollhouse.values.money import AmountError
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import QUARANTINED

Answer = Callable[[Outcome], None]
_LOG: Final = logging.getLogger("tollhouse.engine")

TURN: Final[Duration] = SECOND // 50
"""So long a turn decides; what is left of its batch, which may be hundreds of long prices, comes in the next one."""


class Engine:
    """Implements `Charging`. `wall` reads the wall clock; `soon` runs a function in the reactor's next turn."""

    def __init__(
        self,
        store: Store,
        book: Book,
        policy: Policy,
        tally: Tally,
        wall: Callable[[], Instant],
        soon: Callable[[Callable[[], None]], object],
        refresh: Callable[[], object] = lambda: None,
    ) -> None:
        self.book = book
        self.policy = policy
        self.tally = tally
        self.admission = Admission(policy, tally)
        self.engine_time: Instant = 0
        self._refused = RefusalLog()
        self._store = store
        self._wall = wall
        self._soon = soon
        self._refresh = refresh
        self._disconnects = Disconnects(tally)
        self._queue: list[tuple[Command | Closing, Answer]] = []
        self._turned_away: list[tuple[Answer, Outcome]] = []
        self._scheduled = False
        self._since: Instant = 0

    def recovered(self, claimed: Claimed) -> None:
        """Go on where the journal ended: engine time never runs back."""
        self.engine_time = claimed.engine_time

    def now(self) -> Instant:
        """Engine time: max(wall clock, last journalled time)."""
        wall = self._wall()
        if self.engine_time - wall > 2 * SECOND:
            self.tally.trouble("engine_clock_behind", "wall", self.engine_time, "wall clock is behind engine time")
        self.engine_time = max(self.engine_time, wall)
        return self.engine_time

    def ahead(self) -> Duration:
        """By how much engine time is ahead of the wall clock: above zero after that was set back."""
        return max(self.engine_time - self._wall(), 0)

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        """The gateway that may speak `protocol` from this address."""
        return self.book.snapshot.gateway(address, protocol)

    def accepting(self) -> bool:
        """Whether new sessions are taken."""
        return self.admission.accepting

    def submit(self, command: Command, answer: Answer) -> None:
        """Queue for this turn's batch; `answer` is called once the batch is durable."""
        refused = self.admission.at_the_door(command, len(self._queue))
        if refused is None:
            self._queue.append((command, answer))
        else:
            self._turned_away.append((answer, refused))
        if not self._scheduled:
            self._scheduled = True
            self._since = self._wall()
            self._soon(self.turn)

    def listen(self, listener: Listener) -> None:
        """`listener` is told of each session that is to end, once that is durable."""
        self._disconnects.listeners.append(listener)

    def turn(self) -> None:
        """Decide what is queued (at most `max_batch`, and for `TURN`), append it once, answer."""
        self._scheduled = False
        work, self._queue = self._queue[: self.policy.max_batch], self._queue[self.policy.max_batch :]
        answers, self._turned_away = self._turned_away, []
        now = self.now()
        since, self._since = self._since or now, 0
        self._refresh()
        began = self._wall()
        for place, (command, answer) in enumerate(work):
            if place and self._wall() - began > TURN:
                self._queue[:0] = work[place:]
                work = work[:place]
                break
            outcome, rest = self._decide(command, now)
            if rest is None:
                answers.append((answer, outcome))
            else:
                self._queue.append((rest, answer))
        entries, records = self.book.pending()
        if entries or records:
            began = self._wall()
            self._store.append(now, entries, records)
            self.tally.took("store_append", self._wall() - began)
        self.tally.count("engine_joins_by_window", by=self.book.joined_by_window)
        self.book.appended()
        self.tally.count("engine_batches")
        self.tally.count("engine_commands", by=len(work))
        for answer, outcome in answers:
            self._answer(answer, outcome)
        self._disconnects.tell(self.book)
        self.tally.took("engine_turn", self._wall() - since)
        if (self._queue or self._disconnects) and not self._scheduled:
            self._scheduled = True
            self._since = since
            self._soon(self.turn)

    def finish(self) -> None:
        """The last turns before a clean stop: what was asked is done and answered."""
        while self._queue or self._turned_away or self._disconnects:
            self.turn()

    def _decide(self, command: Command | Closing, now: Instant) -> tuple[Outcome, Closing | None]:
        refused = self.admission.before_deciding(command, now)
        if refused is not None:
            return refused, None
        self.book.touched = ""
        try:
            decision = decide(self.book, self.policy, command, now)
            entries = [entry_of(image, self.book.snapshot) for image in decision.images]
        except AmountError as error:
            decision, entries = refuse(Refusal.AMOUNT_OUT_OF_RANGE, str(error)), []
        except Exception:  # noqa: BLE001 - our own bug, caught here and nowhere else (DESIGN §5)
            decision = self._broken(command, now)
            entries = [entry_of(image, self.book.snapshot) for image in decision.images]
        self.book.install(decision.images, entries, decision.records)
        self._disconnects.add(decision.disconnects)
        if isinstance(decision.outcome, Refused):
            self.tally.count("engine_refusals", decision.outcome.refusal)
            if isinstance(command, Keyed):
                self._refused.note(self.book, command, decision.outcome, now)
        return decision.outcome, decision.rest

    def _broken(self, command: Command | Closing, now: Instant) -> Decision:
        """The command's changes are gone; the wallet it was on takes no more until an operator releases it."""
        self.tally.count("engine_bugs")
        name = self.book.touched
        _LOG.exception("a command broke, wallet %r is quarantined: %s", name, _dump(command))
        outcome = Refused(Refusal.INTERNAL_ERROR, "thrown away; its wallet is quarantined" if name else "thrown away")
        try:
            wallet = self.book.wallet(name) if name else None
        except DamagedError:
            return Decision(Refused(Refusal.INTERNAL_ERROR, "its wallet cannot be read"))
        if wallet is None or wallet.state == QUARANTINED:
            return Decision(outcome)
        self.tally.count("engine_quarantines")
        wallet = msgspec.structs.replace(wallet, state=QUARANTINED, release_to=wallet.state)
        wallet, record, body = enter(wallet, now, "change", "engine", "", (), "quarantined")
        images: tuple[Image, ...] = (wallet,)
        return Decision(outcome, images, ((record, body),))

    def _answer(self, answer: Answer, outcome: Outcome) -> None:
        try:
            answer(outcome)
        except Exception:  # noqa: BLE001 - one front-end's bug must not keep the others from their answers
            self.tally.count("engine_answer_bugs")
            _LOG.exception("an answer could not be given")


def _dump(command: Command | Closing) -> str:
    """The command for the log, without what proves an identity."""
    caller = getattr(command, "caller", None)
    if caller is not None:
        command = msgspec.structs.replace(command, caller=msgspec.structs.replace(caller, proof=None))
    try:
        return f"{type(command).__name__} {msgspec.msgpack.encode(command).hex()}"
    except (OverflowError, UnicodeEncodeError) as error:
        return f"{type(command).__name__} that cannot be encoded: {error}"
