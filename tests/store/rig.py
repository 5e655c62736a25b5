"""A store on a simulated machine, and what its tests share."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NoReturn

from tests.store.simulated import CrashPoint, SimulatedFiles, SimulatedState, never

from tollhouse.store.embedded import EmbeddedStore
from tollhouse.store.interface import Claimed, Entry, RecordEntry
from tollhouse.store.settings import StoreSettings
from tollhouse.values.instants import DAY, SECOND

NOON = 20_000 * DAY + DAY // 2
SMALL = StoreSettings(checkpoint_entries=40, segment_bytes=8 * 1024, slice_entries=3)


class Crash(Exception):
    """The machine stops."""


class Died(Exception):
    """`die` was called."""


def raise_died(reason: str) -> NoReturn:
    """The `die` of tests."""
    raise Died(reason)


class Rig:
    """A simulated machine: its disk and state outlive the store that runs on it."""

    def __init__(self, seed: int = 1, *, started: bool = True) -> None:
        random = Random(seed)
        self.files = SimulatedFiles(random)
        self.state = SimulatedState(random)
        if started:
            self.start()

    def start(self) -> Claimed:
        """Start the store on what the disk holds."""
        self.store = EmbeddedStore(self.files, self.state, raise_died, SMALL)
        self.claimed = self.store.claim()
        return self.claimed

    def crash(self) -> Claimed:
        """Lose power and start again."""
        self.plan(never)
        self.files.crash()
        return self.start()

    def plan(self, crash_point: CrashPoint) -> None:
        """What happens at each crash point from now on."""
        self.files.points.crash_point = self.state.points.crash_point = crash_point

    def put(self, *entries: Entry, records: Sequence[RecordEntry] = (), at: int = NOON) -> int:
        """Append one batch."""
        return self.store.append(at, entries, records)

    def checkpoint(self, steps: int = 10**6) -> None:
        """Take so many steps of a checkpoint."""
        for _, _ in zip(range(steps), self.store.checkpoint(NOON), strict=False):
            pass


class Countdown:
    """A crash at the n-th point (1: the next one)."""

    def __init__(self, points: int) -> None:
        self.left = points

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash(name)


class AtPoint:
    """A crash when the point of this name is passed for the n-th time."""

    def __init__(self, point: str, passing: int) -> None:
        self.point = point
        self.left = passing

    def __call__(self, name: str) -> None:
        if name == self.point:
            self.left -= 1
            if self.left == 0:
                raise Crash(name)


def wallet(name: bytes, image: bytes | None, *finds: bytes, due: int = 0) -> Entry:
    """An entity of kind 1."""
    return Entry(1, name, image, finds, due)


def record(owner: str, sequence: int, body: bytes = b"body") -> RecordEntry:
    """An event record a second after noon for each step of its sequence."""
    return RecordEntry(owner, sequence, NOON + sequence * SECOND, body)
