"""What the engine does by the clock: sweeps; checkpoints, retention and rounds in paced steps; free disk looked at."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.engine.batch import Engine
from tollhouse.engine.retention import Retention
from tollhouse.engine.rounds import Rounds
from tollhouse.store.interface import Store
from tollhouse.values.commands import Sweep
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Done, Outcome


class Timers:
    """`tick` is called some ten to twenty times a second; each call does a bounded piece of work."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._checkpoint: Iterator[None] | None = None
        self._retention = Retention(store, engine.now, engine.tally)
        self._rounds = Rounds(engine, store)
        self._next_second: Instant = 0

    def tick(self) -> None:
        """One step."""
        now = self._engine.now()
        if self._checkpoint is not None:
            if next(self._checkpoint, "over") == "over":
                self._checkpoint = None
                self._engine.tally.count("store_checkpoints")
        elif self._store.checkpoint_due(now):
            self._checkpoint = self._store.checkpoint(now)
        elif not self._retention.step():
            self._rounds.step()
        if now >= self._next_second:
            self._next_second = now + SECOND
            self._engine.submit(Sweep(), self._swept)
            self._engine.admission.disk_low = self._store.free_bytes() < self._engine.policy.min_free_bytes

    def finish(self) -> None:
        """A clean stop: carry everything into the state."""
        for _ in self._checkpoint or ():
            pass
        for _ in self._store.checkpoint(self._engine.now()):
            pass

    def _swept(self, outcome: Outcome) -> None:
        """Go on where there is more: a few of a full sweep may have been in hand in the same turn."""
        if isinstance(outcome, Done) and outcome.count * 2 >= Sweep().limit:
            self._engine.submit(Sweep(), self._swept)
