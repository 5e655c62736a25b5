"""The world of `tests.model.world` with living wallets: whole seconds, long gaps, and a look at everything stored.

After each turn of the engine, and after each start, all that is stored is read again, held against its records
(`books`), and where the turn decided one command alone, against what that had to become of it (`judge`). Repeats are
known by their keys: the same answer, and nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model.chain import Wrong
from tests.model.living.auditor import Auditor
from tests.model.living.calls import LONGEST
from tests.model.living.offer import Offer
from tests.model.living.traffic import opening
from tests.model.traffic import Shot
from tests.model.world import BEGIN, Plan, Ran, World

from tollhouse.engine.audit import audit
from tollhouse.engine.batch import Engine
from tollhouse.engine.policy import OnSilence, Policy
from tollhouse.values.commands import Command, Inspect, Sweep
from tollhouse.values.instants import DAY, HOUR, MINUTE, SECOND
from tollhouse.values.outcomes import Outcome


class Watched(Engine):
    """An engine that says when a turn is over."""

    over: Callable[[int], None]

    def turn(self) -> None:
        super().turn()
        self.over(self.engine_time)


class LivingWorld(World):
    """`batch`: how many commands one turn may decide."""

    cache = 8

    def __init__(self, plan: Plan, offer: Offer, batch: int, engine: type[Watched] = Watched) -> None:
        super().__init__(plan, {}, engine=engine)
        self.offer = offer
        self.snapshot = offer.snapshot
        self.policy = Policy(
            on_silence=OnSilence(plan.rules.on_silence),
            max_grant=LONGEST["voice"],
            max_octets=LONGEST["data"],
            max_messages=LONGEST["message"],
            max_batch=batch,
        )
        self.auditor = Auditor(offer, plan.rules.on_silence)
        self.ledger = self.auditor
        self._aimed: set[int] = set()
        self._spoke = BEGIN

    def _run(self) -> Ran:
        self._boot()
        for command in opening(self.offer):
            self._say(Shot(-1, self.now, command))
        for act in self.plan.acts:
            self._at(act.at + MINUTE, lambda act=act: self._say(act))  # type: ignore[misc]
        for cut in self.plan.cuts:
            self._at(cut + MINUTE, lambda: self._fall("cut"))
        self._tick()
        self._play()
        self._crash_to_come = False
        self._end()
        self.ran.points = self.files.counts + self.state.counts
        self.ran.exact = self.auditor.judge.exact
        self.ran.kinds = self.auditor.happened()
        return self.ran

    def _at(self, when: int, what: Callable[[], None]) -> None:
        """Everything happens at whole seconds: so it often happens together, and just when something is due."""
        super()._at(-(-when // SECOND) * SECOND, what)

    def _tick(self) -> None:
        """In a gap time goes in long steps."""
        if self._heap and self._heap[0][0] - self.now > MINUTE:
            gap = self._heap[0][0] - self.now
            step = self.dice.randrange(gap // 8, gap // 2)
            self._submit(Sweep(), lambda outcome: None)
            self._at(self.now + step, self._tick)
        else:
            super()._tick()

    def _boot(self) -> None:
        super()._boot()
        engine, store = self._engine, self._store
        if isinstance(engine, Watched) and store is not None:
            engine.over = self._over
            self.auditor.started(store.scan, lambda name, after: store.records(name, after, 10_000))

    def _submit(self, command: Command, tell: Callable[[Outcome], None]) -> None:
        if not isinstance(command, (Sweep, Inspect)):
            self._forget()
            self._spoke = self.now
        super()._submit(command, tell)

    def _fall(self, where: str) -> None:
        self.auditor.fell()
        self._forget()
        super()._fall(where)

    def _forget(self) -> None:
        """What is old is not said again: a session's name that comes back after ten minutes is another session."""
        if self.now - self._spoke > 2 * MINUTE:
            self._last.clear()

    def _over(self, now: int) -> None:
        self.auditor.turned(now)
        for at in self.auditor.dates():
            if self.now + SECOND < at < self.now + 20 * MINUTE and at not in self._aimed and self._heap:
                self._aimed.add(at)
                self._at(at - SECOND, self._aim)

    def _aim(self) -> None:
        """Look at a wallet at the very second in which something of it ends."""
        for name in self.auditor.ending(self.now + 2 * SECOND):
            self._submit(Inspect("api", wallet=name), lambda outcome: None)

    def _end(self) -> None:
        """One more crash, everything asked again, then long silence: nothing may be held."""
        self._fall("end")
        self._play()
        for command in self.auditor.lately():
            self.ran.asked_again += 1
            self._submit(command, lambda outcome: None)
        self._play()
        for ahead in (0, 2 * HOUR, 2 * DAY, 60 * DAY):
            self.now += ahead
            for _ in range(6):
                self._submit(Sweep(), lambda outcome: None)
                self._play()
        assert self._store is not None
        if held := [one for wallet in self.auditor.rows.wallets.values() for one in wallet.buckets if one.held]:
            raise Wrong(f"still held: {held}")
        if self.auditor.rows.sessions:
            raise Wrong(f"sessions are left: {list(self.auditor.rows.sessions)}")
        if faults := audit(self._store).faults:
            raise Wrong(f"the audit finds {faults}")
