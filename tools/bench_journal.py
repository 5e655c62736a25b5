"""What it costs to journal an entry: four shapes of a journal on the same disk, one table.

    tools/bench_journal.py [--directory DIR] [--runs N]

Each shape makes batches of 32 images of 400 bytes durable before the batch counts as done. CPU is that of all threads
of the process, system calls included. The threads are woken by a queue, which is less than a reactor would cost them.
`ours` is all of the store's append: checks, frame, checksum, write, fdatasync, and its indexes in memory.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NoReturn, TypeAlias

import lmdb
import msgspec

from tollhouse.store.embedded import open_embedded
from tollhouse.store.interface import Entry
from tollhouse.store.settings import StoreSettings

BATCH: Final = 32
IMAGE: Final = 400
BATCHES: Final = 400
IN_FLIGHT: Final = 2
"""Batches that a thread may have before the next waits: while one is synced, the next is made."""
LIMIT: Final = 1.2
"""Seconds after which a run ends early, so that a slow disk does not hold up the table."""

Batches: TypeAlias = Sequence[Sequence[Entry]]
Shape: TypeAlias = Callable[[Path, Batches], int]
"""(an empty directory, what to journal) -> how many batches are durable."""
encode: Final = msgspec.msgpack.Encoder().encode


@contextmanager
def opened(directory: Path) -> Iterator[lmdb.Environment]:
    """An LMDB journal: every commit is synced."""
    environment = lmdb.open(str(directory / "journal.lmdb"), subdir=False, map_size=2**30)
    try:
        yield environment
    finally:
        environment.close()


def key(number: int) -> bytes:
    """Journal keys ascend."""
    return number.to_bytes(8, "big")


def within(batches: Batches) -> Iterator[tuple[int, Sequence[Entry]]]:
    """The batches with their numbers, until the time is up."""
    end = time.perf_counter() + LIMIT
    for number, batch in enumerate(batches):
        if time.perf_counter() > end:
            return
        yield number, batch


def thread_put_an_entry(directory: Path, batches: Batches) -> int:
    """Each entry is handed to a thread, which puts each by itself and commits a batch."""
    todo: SimpleQueue[bytes] = SimpleQueue()
    done: SimpleQueue[None] = SimpleQueue()

    def write() -> None:
        number = 0
        with opened(directory) as environment:
            while value := todo.get():
                with environment.begin(write=True) as transaction:
                    transaction.put(key(number), value, append=True)
                    for place in range(1, BATCH):
                        transaction.put(key(number + place), todo.get(), append=True)
                number += BATCH
                done.put(None)

    def hand_over(_number: int, batch: Sequence[Entry]) -> None:
        for entry in batch:
            todo.put(encode(entry))

    return threaded(write, hand_over, lambda: todo.put(b""), done, batches)


def thread_put_a_batch(directory: Path, batches: Batches) -> int:
    """Each batch is one value, handed to a thread, which puts and commits it."""
    todo: SimpleQueue[bytes] = SimpleQueue()
    done: SimpleQueue[None] = SimpleQueue()

    def write() -> None:
        number = 0
        with opened(directory) as environment:
            while value := todo.get():
                with environment.begin(write=True) as transaction:
                    transaction.put(key(number), value, append=True)
                number += 1
                done.put(None)

    def hand_over(number: int, batch: Sequence[Entry]) -> None:
        todo.put(encode((number, 0, batch, ())))

    return threaded(write, hand_over, lambda: todo.put(b""), done, batches)


def threaded(
    write: Callable[[], None],
    hand_over: Callable[[int, Sequence[Entry]], None],
    finish: Callable[[], None],
    done: SimpleQueue[None],
    batches: Batches,
) -> int:
    """Hand over while the thread has fewer than IN_FLIGHT batches; wait for what it has."""
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    handed = 0
    for number, batch in within(batches):
        if handed >= IN_FLIGHT:
            done.get(timeout=30)
        hand_over(number, batch)
        handed += 1
    finish()
    writer.join()
    return handed


def lmdb_in_the_turn(directory: Path, batches: Batches) -> int:
    """Each batch is one value, put and committed at once."""
    written = 0
    with opened(directory) as environment:
        for number, batch in within(batches):
            with environment.begin(write=True) as transaction:
                transaction.put(key(number), encode((number, 0, batch, ())), append=True)
            written += 1
    return written


def stop(reason: str) -> NoReturn:
    """The store's `die`."""
    raise SystemExit(reason)


class Ours:
    """The store's own append. Its first segment is made before the clock runs, as a checkpoint makes it in service."""

    def __init__(self, directory: Path) -> None:
        self._store = open_embedded(directory, stop, StoreSettings(segment_bytes=16 * 2**20))
        self._store.claim()

    def __call__(self, _directory: Path, batches: Batches) -> int:
        written = 0
        for _, batch in within(batches):
            self._store.append(0, batch, ())
            written += 1
        self._store.close()
        return written


SHAPES: Final[dict[str, Callable[[Path], Shape]]] = {
    "thread, LMDB, a put an entry": lambda _directory: thread_put_an_entry,
    "thread, LMDB, a value a batch": lambda _directory: thread_put_a_batch,
    "in the turn, LMDB, a value a batch": lambda _directory: lmdb_in_the_turn,
    "in the turn, file (ours)": Ours,
}


def measure(prepare: Callable[[Path], Shape], under: Path, batches: Batches) -> tuple[float, float]:
    """(CPU microseconds an entry, entries a second) of one run in a directory of its own."""
    with tempfile.TemporaryDirectory(dir=under) as name:
        shape = prepare(Path(name))
        cpu, clock = time.process_time(), time.perf_counter()
        entries = shape(Path(name), batches) * BATCH
        return (time.process_time() - cpu) * 1e6 / entries, entries / (time.perf_counter() - clock)


def images(seed: int) -> Batches:
    """Images of wallets, the same in every run."""
    dice = random.Random(seed)
    return [
        [Entry(1, b"wallet-%06d" % dice.randrange(10_000), dice.randbytes(IMAGE)) for _ in range(BATCH)]
        for _ in range(BATCHES)
    ]


def main() -> int:
    """Run the shapes in turn, several times; print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, default=Path("var"), help="on the disk to measure (default: ./var)")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    batches = images(1)
    with tempfile.TemporaryDirectory(dir=given.directory, prefix="bench-journal-") as under:
        found: dict[str, list[tuple[float, float]]] = {label: [] for label in SHAPES}
        for _ in range(given.runs):
            for label, prepare in SHAPES.items():
                found[label].append(measure(prepare, Path(under), batches))
    rows = {label: [statistics.median(column) for column in zip(*runs, strict=True)] for label, runs in found.items()}
    ours = rows["in the turn, file (ours)"][0]
    print(
        f"\njournal: {os.cpu_count()} cores; medians of {given.runs} runs; batches of {BATCH} images of {IMAGE} bytes"
    )
    print(f"{'':36}{'CPU us/entry':>14}{'ratio':>8}{'entries/s':>12}")
    for label, (cpu, speed) in rows.items():
        print(f"{label:36}{cpu:14.2f}{cpu / ours:8.1f}{speed:12,.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
