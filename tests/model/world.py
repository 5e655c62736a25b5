"""A simulated clock, network and machine around the real engine on the real store; the auditor hears every answer."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NoReturn

from tests.model.chain import Wrong
from tests.model.ledger import Ledger, logical
from tests.model.rules import Rules
from tests.model.tariff import Steps
from tests.model.traffic import Act, Shot, Step, goes_on, opening, steps_of
from tests.snapshot_dict import demo_snapshot
from tests.store.simulated import SimulatedFiles, SimulatedState, never

from tollhouse.engine.audit import audit
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.engine.tally import Tally
from tollhouse.store.embedded import EmbeddedStore
from tollhouse.store.settings import StoreSettings
from tollhouse.values.commands import Authorize, Command, Inspect, Service, Sweep, Update
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND
from tollhouse.values.outcomes import Granted, Outcome, WalletView

BEGIN = 1_795_000_000 * SECOND
SMALL = StoreSettings(checkpoint_entries=60, segment_bytes=64 * 1024, slice_entries=16)


class Crash(BaseException):
    """The machine stops here. No `except Exception` of the product may catch it."""


def trouble(reason: str) -> NoReturn:
    """No run has trouble with its disk: then the store is wrong."""
    raise AssertionError(f"the store died: {reason}")


@dataclass(frozen=True)
class Plan:
    """One run. `crash`: (point, since when: it is crashed at once); `cuts`: power cuts at any moment."""

    seed: int
    acts: Sequence[Act]
    crash: tuple[str, int]
    cuts: tuple[int, ...]
    rules: Rules


@dataclass
class Ran:
    """What a run was made of. `repeats` of `commands` were said before; `exact` sums were checked to the last digit;
    `asked_again`: so many answers were asked for again after one more crash at the end, which `crashes` leaves out.
    `kinds`: how often each kind of thing happened.
    """

    commands: int = 0
    repeats: int = 0
    crashes: int = 0
    exact: int = 0
    asked_again: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    crashed_at: Counter[str] = field(default_factory=Counter)


class Client:
    """One act: says a thing until it is answered, then the next."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.steps: list[Step] = steps_of(act)
        self.at = 0
        self.attempt = 0
        self.reach = 0

    def hears(self, step: int, command: Command, outcome: Outcome) -> bool:
        """An answer to its step: whether it is one that it waits for and says more after."""
        if step != self.at:
            return False
        if isinstance(command, Update) and command.more is None:
            pass
        elif isinstance(outcome, Granted):
            self.reach = outcome.granted
        elif isinstance(command, Update):
            self.reach = 0
        self.at = self.at + 1 if goes_on(self.act, command, outcome) else len(self.steps)
        self.attempt = 0
        return self.at < len(self.steps)


class World:
    """`run` plays a plan to its end and raises what the auditor finds."""

    cache = 64
    """How many entities the engine keeps in memory."""

    def __init__(
        self,
        plan: Plan,
        tariffs: dict[tuple[Service, str], Steps],
        files: type[SimulatedFiles] = SimulatedFiles,
        state: type[SimulatedState] = SimulatedState,
        engine: type[Engine] = Engine,
    ) -> None:
        self.plan = plan
        self.dice = Random(f"world {plan.seed}")
        self.files = files(Random(plan.seed))
        self.state = state(Random(plan.seed))
        self.policy = Policy(on_silence=OnSilence(plan.rules.on_silence))
        self.snapshot = demo_snapshot()
        self.ledger = Ledger(plan.rules, tariffs)
        self.ran = Ran()
        self.now = BEGIN
        self.skew = 0
        self._engine_type = engine
        self._engine: Engine | None = None
        self._store: EmbeddedStore | None = None
        self._checkpoint: Iterator[None] | None = None
        self._waiting: list[Command] = []
        self._heard: set[tuple[str, str]] = set()
        self._last: deque[Command] = deque(maxlen=6)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._crash_to_come = True

    def run(self) -> Ran:
        """Play, let everything end, and hear the auditor's verdict. Raises AssertionError with what is wrong."""
        try:
            return self._run()
        except Verdict as verdict:
            raise Wrong(str(verdict)) from verdict

    def _run(self) -> Ran:
        self._boot()
        for command in opening():
            self._say(Shot(-1, self.now, command))
        for act in self.plan.acts:
            self._at(act.at + MINUTE, lambda act=act: self._say(act))  # type: ignore[misc]
        for cut in self.plan.cuts:
            self._at(cut + MINUTE, lambda: self._fall("cut"))
        self._tick()
        self._play()
        self._crash_to_come = False
        self._the_end()
        self.ran.points = self.files.counts + self.state.counts
        self.ran.exact = self.ledger.exact_checks
        return self.ran

    # Time

    def _at(self, when: int, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, what))

    def _play(self) -> None:
        while self._heap:
            when, _, what = heapq.heappop(self._heap)
            self.now = max(self.now, when)
            try:
                what()
            except Crash as crash:
                self._fall(str(crash))

    def _tick(self) -> None:
        """Checkpoint steps and sweeps, as the timers do them, while there is traffic."""
        if self._engine is not None and self._store is not None:
            self._at(self.now + self.dice.randrange(5, 25) * SECOND, lambda: self._tick() if self._heap else None)
            if self._checkpoint is not None:
                if next(self._checkpoint, "over") == "over":
                    self._checkpoint = None
            elif self._store.checkpoint_due(self.now):
                self._checkpoint = self._store.checkpoint(self.now)
            self._submit(Sweep(), lambda outcome: None)
        elif self._heap:
            self._at(self.now + 5 * SECOND, self._tick)

    # The machine

    def _arm(self, armed: bool) -> None:
        self.files.points.crash_point = self.state.points.crash_point = self._point if armed else never

    def _point(self, name: str) -> None:
        point, since = self.plan.crash
        if self._crash_to_come and name == point and self.now >= since:
            self._crash_to_come = False
            raise Crash(name)

    def _boot(self) -> None:
        """Start on what the disk holds. A crash may come here too."""
        self._arm(True)
        store = EmbeddedStore(self.files, self.state, trouble, SMALL)
        try:
            claimed = store.claim()
        except Crash as crash:
            return self._fall(str(crash))
        book = Book(store, self.snapshot, cache_entities=self.cache)
        engine = self._engine_type(
            store, book, self.policy, Tally(), lambda: self.now + self.skew, lambda turn: self._soon(engine, turn)
        )
        engine.recovered(claimed)
        self._store, self._engine = store, engine
        for command in self._last:
            self._at(self.now + self.dice.randrange(SECOND), lambda command=command: self._insist(command))  # type: ignore[misc]
        self._last.clear()
        return None

    def _soon(self, engine: Engine, turn: Callable[[], None]) -> None:
        self._at(self.now + self.dice.randrange(60_000), lambda: turn() if engine is self._engine else None)

    def _fall(self, where: str) -> None:
        """Power is gone, or only the process; after a while it starts again, perhaps with its clock behind."""
        if where in (self.plan.crash[0], "cut") and (self._engine is not None or where != "cut"):
            self.ran.crashes += 1
            self.ran.crashed_at[where] += 1
        for command in self._waiting:
            self.ledger.lost(command)
            if isinstance(command, Authorize):
                self._last.append(command)
        self._waiting.clear()
        self._engine = self._store = self._checkpoint = None
        self._arm(False)
        if self.dice.random() < 0.25:
            self.files.kill()
        else:
            self.files.crash()
        self.skew = -self.dice.randrange(3 * SECOND) if self.dice.random() < 0.3 else 0
        self._at(self.now + self.dice.randrange(SECOND, 9 * SECOND), lambda: self._boot() if not self._engine else None)

    def _submit(self, command: Command, tell: Callable[[Outcome], None]) -> None:
        """The command has reached the machine; when it is up, the engine gets it."""
        engine = self._engine
        if engine is None:
            return
        self._count_command(command)
        self._waiting.append(command)

        def answered(outcome: Outcome) -> None:
            self._waiting.remove(command)
            if not isinstance(command, Sweep):
                self._last.append(command)
            self._judge(command, outcome)
            tell(outcome)

        engine.submit(command, answered)

    def _insist(self, command: Command) -> None:
        """Its client never heard the answer, or the network has another copy: it comes again, as soon as we are up."""
        if self._engine is None:
            self._at(self.now + SECOND, lambda: self._insist(command))
        else:
            self._submit(command, lambda outcome: None)

    def _judge(self, command: Command, outcome: Outcome) -> None:
        """The engine survives what an answer raises; the auditor's verdict must not be lost there."""
        assert self._engine is not None
        try:
            self.ledger.saw(command, outcome, self._engine.engine_time)
        except Exception as wrong:
            raise Verdict(f"{type(wrong).__name__}: {wrong}") from wrong

    def _count_command(self, command: Command) -> None:
        if isinstance(command, Sweep):
            return
        self.ran.commands += 1
        if not isinstance(command, Inspect):
            name = (type(command).__name__, logical(command.key))  # type: ignore[union-attr]
            self.ran.repeats += name in self._heard
            self._heard.add(name)

    # The network and the clients

    def _say(self, act: Act) -> None:
        self._send(Client(act))

    def _send(self, client: Client) -> None:
        """Send the step that the client is at, now and again until it is answered."""
        step, attempt = client.at, client.attempt
        if step >= len(client.steps):
            return
        client.attempt += 1
        command = client.steps[step].build(attempt, self.now, client.reach)
        dice = Random(f"{self.plan.seed} {client.act.number} {step} {attempt} {type(command).__name__}")
        copies = 0 if dice.random() < 0.08 else 2 if dice.random() < 0.13 else 1
        for copy in range(copies):
            delay = dice.randrange(2_000, 900_000) + copy * dice.randrange(20) * SECOND
            self._at(self.now + delay, lambda: self._arrive(client, step, command, dice))
        self._at(self.now + 5 * SECOND, lambda: self._again(client, step, attempt + 1))

    def _again(self, client: Client, step: int, attempt: int) -> None:
        if client.at == step and client.attempt == attempt:
            self._send(client)

    def _arrive(self, client: Client, step: int, command: Command, dice: Random) -> None:
        def tell(outcome: Outcome) -> None:
            for _ in range(0 if dice.random() < 0.08 else 2 if dice.random() < 0.1 else 1):
                delay = dice.randrange(2_000, 900_000)
                self._at(self.now + delay, lambda: self._hear(client, step, command, outcome))

        self._submit(command, tell)

    def _hear(self, client: Client, step: int, command: Command, outcome: Outcome) -> None:
        if client.hears(step, command, outcome):
            self._at(self.now + client.steps[client.at].wait, lambda: self._send(client))

    # The end

    def _the_end(self) -> None:
        """Everything is answered. After one more crash all is asked for again; long after, nothing may be held, and
        every balance must be as the auditor has it.
        """
        self._fall("end")
        self._play()
        assert self._engine is not None
        for command in self.ledger.finished():
            self.ran.asked_again += 1
            self._engine.submit(command, lambda outcome, command=command: self._judge(command, outcome))  # type: ignore[misc]
        self._play()
        for ahead in (0, 2 * HOUR, 2 * DAY, 60 * DAY):
            self.now += ahead
            for _ in range(4):
                self._ask(Sweep())
        views = [self._ask(Inspect("api", wallet=name)) for name in self.ledger.accounts]
        assert self._store is not None
        chains = {name: [one.body for one in self._store.records(name, 0, 10_000)] for name in self.ledger.accounts}
        self.ledger.closing([view for view in views if isinstance(view, WalletView)], chains)
        assert audit(self._store).faults == ()
        assert self._store.scan(2, b"", 10) == [], "sessions are left"
        assert self._store.scan(3, b"", 10) == [], "rows of one-shots are left"

    def _ask(self, command: Command) -> Outcome:
        heard: list[Outcome] = []
        if isinstance(command, Sweep):
            self._submit(command, heard.append)
        elif self._engine is not None:
            self._engine.submit(command, heard.append)
        self._play()
        return heard[0]


class Verdict(BaseException):
    """What the auditor found, on its way through the engine."""
