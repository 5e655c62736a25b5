"""An engine on a dict store with a hand-moved clock: ask, restart, look."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.dict_store import DictStore
from tests.snapshot_dict import DictSnapshot, demo_snapshot

from tollhouse.engine.audit import audit
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.engine.tally import Tally
from tollhouse.records.record import Record, decode
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Command,
    CreateWallet,
    Inspect,
    Service,
    Start,
    Stop,
    Sweep,
    Total,
    Update,
    Wish,
)
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Done, Granted, Outcome, Refused, SessionView, Settled, WalletView
from tollhouse.values.refusals import Refusal

BEGIN = 1_795_000_000 * SECOND
"""2026-11-18, some time of day: the tutorial's tariff does not look at it."""
EUR = 1_000_000
NAS = "nas"


class Rig:
    """Commands are made by name with the fields that most tests leave alone filled in."""

    def __init__(self, policy: Policy | None = None, snapshot: DictSnapshot | None = None) -> None:
        self.store = DictStore()
        self.snapshot = snapshot or demo_snapshot()
        self.policy = policy or Policy()
        self.tally = Tally()
        self.clock: Instant = BEGIN
        self.soon: list[Callable[[], None]] = []
        self.engine = self._boot()

    def restart(self) -> None:
        """The process is gone; another one starts on the same store."""
        self.soon.clear()
        self.engine = self._boot()

    def submit(self, command: Command) -> list[Outcome]:
        """Queue a command; the list gets its outcome when its turn is over."""
        got: list[Outcome] = []
        self.engine.submit(command, got.append)
        return got

    def turn(self) -> None:
        """Let the reactor turn until nothing is left to do."""
        while self.soon:
            self.soon.pop(0)()

    def ask(self, command: Command) -> Outcome:
        """One command in its own turn."""
        got = self.submit(command)
        self.turn()
        return got[0]

    def later(self, seconds: int) -> None:
        """Time passes, and nothing happens."""
        self.clock += seconds * SECOND

    def sweep(self, seconds: int = 0) -> int:
        """Time passes, then a sweep: how many things it ended."""
        self.later(seconds)
        outcome = self.ask(Sweep())
        assert isinstance(outcome, Done)
        return outcome.count

    def wallet(self, name: str = "1001") -> WalletView:
        """The wallet as it stands."""
        outcome = self.ask(Inspect("api", wallet=name))
        assert isinstance(outcome, WalletView)
        return outcome

    def session(self, session: str) -> SessionView:
        """The session as it stands."""
        outcome = self.ask(Inspect("api", session=session))
        assert isinstance(outcome, SessionView)
        return outcome

    def records(self, name: str = "1001") -> list[Record]:
        """The wallet's records, decoded."""
        return [decode(entry.body) for entry in self.store.records(name, 0, 1000)]

    def proved(self) -> None:
        """Every balance follows from its records."""
        assert audit(self.store).faults == ()

    def _boot(self) -> Engine:
        engine = Engine(
            self.store,
            Book(self.store, self.snapshot, self.policy.cache_entities),
            self.policy,
            self.tally,
            lambda: self.clock,
            self.soon.append,
        )
        engine.recovered(self.store.claim())
        return engine


def rig_with(
    *, opening: int = 10 * EUR, credit: int = 0, policy: Policy | None = None, snapshot: DictSnapshot | None = None
) -> Rig:
    """A rig with wallet 1001: 10 euros, prepaid, unless told otherwise."""
    rig = Rig(policy, snapshot)
    made = rig.ask(CreateWallet("api", "1001", "make-1001", "EUR", opening, credit))
    assert isinstance(made, WalletView), made
    return rig


def caller(name: str = "1001", client: str = NAS) -> Caller:
    """A trusted peer that names its subscriber."""
    return Caller(client, name=name)


def authorize(
    call: str = "c1",
    *,
    key: str = "",
    name: str = "1001",
    called: str = "4420",
    ask: int | None = None,
    wish: Wish = Wish.GRANT,
    begin: bool = False,
    service: Service = Service.VOICE,
    keys: tuple[str, ...] = (),
    client: str = NAS,
) -> Authorize:
    """May `call` go ahead?"""
    return Authorize(
        caller(name, client), key or f"auth:{call}", keys or (call,), service, called, ask=ask, wish=wish, begin=begin
    )


def start(call: str = "c1", *, key: str = "", keys: tuple[str, ...] = (), at: Instant = 0, name: str = "1001") -> Start:
    """`call` has been answered."""
    return Start(caller(name), key or f"start:{call}", keys or (call,), Service.VOICE, "4420", at=at)


def update(
    call: str = "c1",
    seconds: int = 0,
    *,
    key: str = "",
    more: int | None = None,
    open_unknown: bool = False,
    name: str = "1001",
) -> Update:
    """`call` has used so many seconds in all."""
    return Update(
        caller(name),
        key or f"update:{call}:{seconds}",
        (call,),
        Total(seconds * SECOND),
        more,
        called="4420",
        open_unknown=open_unknown,
    )


def stop(
    call: str = "c1",
    seconds: int = 0,
    *,
    key: str = "",
    keys: tuple[str, ...] = (),
    open_unknown: bool = True,
    name: str = "1001",
    client: str = NAS,
) -> Stop:
    """`call` has ended after so many seconds in all."""
    return Stop(
        caller(name, client),
        key or f"stop:{call}",
        keys or (call,),
        Total(seconds * SECOND),
        called="4420",
        open_unknown=open_unknown,
    )


def granted(outcome: Outcome) -> Granted:
    """The outcome as a grant."""
    assert isinstance(outcome, Granted), outcome
    return outcome


def settled(outcome: Outcome) -> Settled:
    """The outcome as the end of a session."""
    assert isinstance(outcome, Settled), outcome
    return outcome


def refusal(outcome: Outcome) -> Refusal:
    """Which "no" it is."""
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal
