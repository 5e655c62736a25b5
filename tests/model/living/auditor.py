"""The auditor of living wallets: hears every answer, and after each turn looks at everything that is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.model.chain import Wrong
from tests.model.ledger import Ledger, client_of
from tests.model.living.books import UNASKED, Books, Record
from tests.model.living.calls import OUT_OF_USE
from tests.model.living.judge import Judge
from tests.model.living.offer import Offer
from tests.model.living.orders import NO_MONEY
from tests.model.living.rows import Reader, Rows, Scan

from tollhouse.store.interface import RecordEntry
from tollhouse.values.commands import (
    Adjust,
    Approve,
    ChangeWallet,
    Charge,
    Command,
    CreateWallet,
    Decline,
    Inspect,
    Recharge,
    Refund,
    Release,
    RemoveWallet,
    Stop,
    Sweep,
    Transfer,
    Update,
)
from tollhouse.values.instants import DAY, HOUR, SECOND
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import NEVER_STORED, Refusal

STICK = (*NO_MONEY, "session_limit", *OUT_OF_USE.values())
"""Refusals that are kept under their key within a session; of one-shots lack of money is."""
LACKING = (Recharge, Charge, Transfer)
ONE_SHOTS = (Recharge, Refund, Charge, Transfer, CreateWallet, ChangeWallet, RemoveWallet, Adjust, Approve, Decline)


class Auditor(Ledger):
    """Hears answers as the `Ledger` of money does, and looks at what is stored."""

    def __init__(self, offer: Offer, on_silence: str) -> None:
        self.offer = offer
        self.books = Books(offer)
        self.judge = Judge(offer, on_silence=on_silence)
        self.rows = Rows({}, {}, {})
        self.said: dict[tuple[str, str], tuple[Command, Outcome]] = {}
        self._when: dict[tuple[str, str], int] = {}
        self._now = 0
        self.lost_keys: set[tuple[str, str]] = set()
        self._answers: list[tuple[Command, Outcome]] = []
        self._kinds: Counter[str] = Counter()
        self._reader = Reader()

    # What the world tells

    def lost(self, command: Command) -> None:
        """A crash came before its answer."""
        if not isinstance(command, (Inspect, Sweep)):
            self.lost_keys.add(_name(command))

    def saw(self, command: Command, outcome: Outcome, now: int) -> None:
        """An answer has left."""
        if isinstance(outcome, Refused) and outcome.refusal in NEVER_STORED:
            raise Wrong(f"nothing gives a reason for {outcome}: {command}")
        self._answers.append((command, outcome))
        self._now = now
        name = type(command).__name__
        self._kinds[f"{name} refused: {outcome.refusal}" if isinstance(outcome, Refused) else name] += 1

    def fell(self) -> None:
        """What was answered in the turn that a crash ended was not seen stored."""
        for command, outcome in self._answers:
            self._remember(command, outcome)
        self._answers = []

    def started(self, scan: Scan, records: Callable[[str, int], list[RecordEntry]]) -> None:
        """It runs (again): all that was seen is still there, and perhaps what a lost request did."""
        self._scan, self._records = scan, records
        before = self.rows
        self._look()
        self._vague(before)
        self._kinds["start"] += 1

    def turned(self, now: int) -> None:
        """A turn of the engine is over, and its answers have left."""
        answers, self._answers = self._answers, []
        before, moved = self.rows, self._look()
        if len(answers) == 1 and not self._doubtful(answers[0][0]):
            command, outcome = answers[0]
            if not self._repeated(command, outcome, moved):
                self.judge.step(command, outcome, before, self.rows, moved, now)
        else:
            for command, outcome in answers:
                self._heard_twice(command, outcome)
            self._vague(before)
        for command, outcome in answers:
            self._remember(command, outcome)

    def _doubtful(self, command: Command) -> bool:
        """Whether it was said before a crash, and nobody knows whether it was decided then."""
        return not isinstance(command, (Inspect, Sweep)) and _name(command) in self.lost_keys

    def _vague(self, before: Rows) -> None:
        """Of sessions that have changed unseen it is not known what they pay."""
        for name in before.sessions.keys() | self.rows.sessions.keys():
            old, new = before.sessions.get(name), self.rows.sessions.get(name)
            if old is None or new is None or old.image != new.image:
                self.judge.vague(name)

    def _look(self) -> list[Record]:
        self.rows = self._reader.read(self._scan)
        moved: list[Record] = []
        for name in sorted({*self.books.known(), *self.rows.wallets, *self.rows.graves}):
            wallet = self.rows.wallets.get(name) or self.rows.graves.get(name)
            if wallet is None or wallet.records != self.books.behind(name):
                moved += self.books.follow(self._records(name, self.books.behind(name)))
        self.books.hold(self.rows)
        self._legs()
        self._kinds.update(Counter(f"record: {'loan' if one.loan else one.kind}" for one in moved))
        return moved

    def _legs(self) -> None:
        """The legs of a session that is not past its end are all there, and go alike."""
        for main in self.rows.sessions.values():
            if not main.legs or not main.open or main.until <= self._now:
                continue
            legs = self.rows.legs_of(main)
            if len(legs) != len(main.legs):
                raise Wrong(f"session {main.id} has the legs {list(legs)}, due {main.legs}")
            for name, one in legs.items():
                if (one.state, one.used) != (main.state, main.used) and one.until > self._now:
                    raise Wrong(
                        f"leg {name} is {one.state} at {one.used}, session {main.id} {main.state} at {main.used}"
                    )

    def _remember(self, command: Command, outcome: Outcome) -> None:
        if not isinstance(command, (Inspect, Sweep)):
            name = _name(command)
            self.lost_keys.discard(name)
            kept = NO_MONEY if isinstance(command, LACKING) else STICK if isinstance(command, Update) else ()
            if not isinstance(outcome, Refused) or outcome.refusal in kept:
                self.said.setdefault(name, (command, outcome))
                self._when.setdefault(name, self._now)

    def _repeated(self, command: Command, outcome: Outcome, moved: list[Record]) -> bool:  # type: ignore[override]
        """Whether it was answered before; then it moves nothing."""
        same = self._heard_twice(command, outcome)
        self._kinds["repeat known"] += same
        if same and (asked := [one for one in moved if one.moves and one.kind not in UNASKED]):
            raise Wrong(f"a repeat of {command} moved {asked}")
        return same

    def _heard_twice(self, command: Command, outcome: Outcome) -> bool:
        if isinstance(command, (Inspect, Sweep)):
            return False
        name = _name(command)
        if name not in self.said:
            return False
        asked, before = self.said[name]
        if self._now - self._when[name] > 23 * HOUR and not isinstance(command, ONE_SHOTS):
            return False
        if isinstance(command, ONE_SHOTS):
            conflict = isinstance(outcome, Refused) and outcome.refusal is Refusal.CONFLICT
            if conflict != (command != asked) or not (conflict or outcome == before):
                raise Wrong(f"{command} was answered {outcome}; {asked} before {before}")
        elif isinstance(command, Update) and isinstance(outcome, Refused) and outcome.refusal is Refusal.SESSION_CLOSED:
            return True
        elif outcome != before and (isinstance(before, Refused) or isinstance(command, (Stop, Release))):
            raise Wrong(f"a repeat of {command} was answered {outcome}, before {before}")
        return True

    def happened(self) -> Counter[str]:
        """How often each kind of thing happened."""
        return self._kinds + self.judge.kinds + Counter({"loan predicted": self.judge.loans})

    # What the world asks

    def lately(self) -> list[Command]:
        """What was done at once within the last days: asked again it is answered alike."""
        since = self._now - 29 * DAY
        return [one for name, (one, _) in self.said.items() if isinstance(one, ONE_SHOTS) and self._when[name] > since]

    def dates(self) -> set[int]:
        """When something ends."""
        wallets = self.rows.wallets.values()
        return {one.expiry for one in wallets} | {row.expiry for one in wallets for row in one.buckets}

    def ending(self, by: int) -> list[str]:
        """Wallets of which something ends just before `by`."""
        since = by - 4 * SECOND
        return [
            one.name
            for one in self.rows.wallets.values()
            if any(since <= date <= by for date in (one.expiry, *(row.expiry for row in one.buckets)))
        ]


def _name(command: Command) -> tuple[str, str]:
    """Whose request it is, and its key."""
    return client_of(command), getattr(command, "key", "")
