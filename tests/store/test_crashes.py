"""Seeded traffic over the simulated disk, with a crash at each point of each operation: nothing answered is lost."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest
from tests.store.rig import NOON, AtPoint, Countdown, Crash, Died, Rig, record, wallet

from tollhouse.store.errors import CorruptError
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.store.journal import segment_path
from tollhouse.store.segments import HEADER_SIZE

SEEDS = 400
EVERY_POINT = {
    f"{call}:{side}"
    for call in (
        "create",
        "pwrite",
        "fdatasync",
        "rename",
        "unlink",
        "sync_directory",
        "adopt",
        "apply",
        "write_records",
        "drop_day",
    )
    for side in ("before", "after")
}
IN_SERVICE = sorted(point for point in EVERY_POINT if not point.startswith(("adopt", "drop_day")))
KEYS = [b"k%d" % i for i in range(12)]
NAMES = [b"n%d" % i for i in range(4)]


class Model:
    """What the store must say, kept naively: the newest entry of each key, and when it was first named so."""

    def __init__(self) -> None:
        self.newest: dict[bytes, Entry] = {}
        self.sequences: list[int] = []
        self.number = 0

    def take(self, entries: list[Entry], records: list[RecordEntry]) -> None:
        self.number += 1
        self.newest.update((entry.key, entry) for entry in entries)
        self.sequences += [each.sequence for each in records]

    def check(self, rig: Rig) -> None:
        store, live = rig.store, {key: each for key, each in self.newest.items() if each.image is not None}
        assert store.next_number == self.number + 1
        assert [store.load(1, key) for key in KEYS] == [live[key].image if key in live else None for key in KEYS]
        assert store.scan(1, b"", 99) == sorted((key, each.image) for key, each in live.items())
        assert store.scan(1, b"k3", 4) == sorted((k, e.image) for k, e in live.items() if k > b"k3")[:4]
        for name in NAMES:
            assert sorted(store.find(name)) == sorted((1, key) for key, each in live.items() if name in each.finds)
        due = sorted((each.due, key) for key, each in live.items() if 0 < each.due <= 50)
        assert store.due(50, 99) == [(1, key) for _, key in due]
        assert store.due(50, 2) == [(1, key) for _, key in due][:2]
        assert [each.sequence for each in store.records("w", 0, 10**6)] == self.sequences


def consume(results: Iterable[object]) -> None:
    """Run through to the end, or to the first that fails."""
    for _ in results:
        pass


def batch(dice: Random, sequence: int) -> tuple[list[Entry], list[RecordEntry]]:
    entries = []
    for key in dice.sample(KEYS, dice.randint(0, 4)):
        image = None if dice.random() < 0.2 else dice.randbytes(dice.randint(1, 300))
        names = () if image is None else dice.sample(NAMES, dice.randint(0, 2))
        entries.append(wallet(key, image, *names, due=0 if image is None else dice.randint(0, 100)))
    return entries, [record("w", sequence + i) for i in range(1, dice.randint(1, 3))]


def run(seed: int) -> str:
    """One life with one crash; the point at which it came."""
    dice = Random(seed)
    rig, model, crashed_at = Rig(seed), Model(), ""
    point = IN_SERVICE[seed % len(IN_SERVICE)]
    rig.plan(AtPoint(point, dice.randint(1, 60 if point.startswith(("pwrite", "fdatasync")) else 2)))
    for _ in range(60):
        entries, records = batch(dice, len(model.sequences))
        try:
            rig.put(*entries, records=records)
            model.take(entries, records)
            if rig.store.checkpoint_due(NOON):
                rig.checkpoint()
        except Crash as crash:
            crashed_at = str(crash)
            rig.crash()
            if rig.store.next_number == model.number + 2:
                model.take(entries, records)
        if dice.random() < 0.1:
            model.check(rig)
    model.check(rig)
    rig.checkpoint()
    rig.crash()
    model.check(rig)
    return crashed_at


def test_what_was_acknowledged_survives_a_crash_at_any_point() -> None:
    crashes: Counter[str] = Counter()
    for seed in range(SEEDS):
        try:
            crashes[run(seed)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert crashes.keys() - {""} == set(IN_SERVICE)
    assert crashes[""] < SEEDS / 10


def start_and_carry(rig: Rig) -> None:
    rig.put(*(wallet(key, b"1", b"n", due=1) for key in KEYS), records=[record("w", i) for i in range(1, 8)])
    rig.checkpoint()
    rig.put(wallet(b"k1", b"2"))


def test_every_point_of_a_life_is_survived() -> None:
    """Claim of an empty disk, append, checkpoint, dropping a day: a crash at each point in turn."""
    hit: Counter[str] = Counter()
    later = NOON + 400 * 86_400_000_000
    point = 0
    while True:
        point += 1
        rig = Rig(seed=point, started=False)
        rig.plan(Countdown(point))
        try:
            rig.start()
            start_and_carry(rig)
            rig.checkpoint()
            rig.store.drop_day("2024-10-04", later)
        except Crash as crash:
            hit[str(crash)] += 1
            rig.crash()
            images = {rig.store.load(1, key) for key in KEYS}
            assert images in ({None}, {b"1"}, {b"1", b"2"}), point
            assert len(rig.store.records("w", 0, 99)) in (0, 7), point
            continue
        break
    assert set(hit) == EVERY_POINT, EVERY_POINT - set(hit)


def test_a_batch_that_only_the_page_cache_holds_is_synced_before_anything_depends_on_it() -> None:
    rig = Rig()

    def stop_at_sync(name: str) -> None:
        if name == "fdatasync:before":
            raise Crash(name)

    rig.plan(stop_at_sync)
    with pytest.raises(Crash):
        rig.put(wallet(b"a", b"1"))
    rig.plan(lambda name: None)
    rig.files.kill()
    assert rig.start().recovered_batches == 1
    assert rig.crash().recovered_batches == 1
    assert rig.store.load(1, b"a") == b"1"


@pytest.mark.parametrize(("what", "code", "says"), [("full", errno.ENOSPC, "disk full"), ("bad", errno.EIO, "OSError")])
def test_trouble_of_the_disk_ends_in_die(what: str, code: int, says: str) -> None:
    for point in ("pwrite:before", "fdatasync:before", "fdatasync:after"):
        rig = Rig()

        def fail(name: str, point: str = point) -> None:
            if name == point:
                raise OSError(code, "trouble")

        rig.plan(fail)
        with pytest.raises(Died, match=says):
            rig.put(wallet(b"a", b"1"))


def test_trouble_in_a_checkpoint_ends_in_die_and_loses_nothing() -> None:
    rig = Rig()
    rig.put(wallet(b"a", b"1"))

    def fail(name: str) -> None:
        if name == "apply:before":
            raise OSError(errno.ENOSPC, "No space left on device")

    rig.plan(fail)
    with pytest.raises(Died, match="disk full while writing a checkpoint"):
        rig.checkpoint()
    rig.crash()
    assert rig.store.load(1, b"a") == b"1"


def test_a_full_disk_starts_again_when_there_is_room() -> None:
    rig = Rig()
    rig.files.room = 0
    with pytest.raises(Died, match="disk full"):
        consume(rig.put(wallet(b"a", b"%d" % i * 200)) for i in range(99))
    held = rig.store.load(1, b"a")
    rig.files.room = 2**30
    rig.crash()
    assert rig.store.load(1, b"a") == held


def test_damage_before_the_last_batch_refuses_to_start() -> None:
    rig = Rig()
    for i in range(3):
        rig.put(wallet(b"a", b"%d" % i))
    rig.files.damage(segment_path(1), HEADER_SIZE + 12)
    rig.files.crash()
    with pytest.raises(CorruptError, match="with valid ones behind it"):
        rig.start()


def test_damage_in_an_earlier_segment_refuses_to_start() -> None:
    rig = Rig()
    while len(rig.files.names("journal")) < 4:
        rig.put(wallet(b"a", b"x" * 3000))
        list(iter(rig.store._journal.prepare, False))
    rig.files.damage(segment_path(1), 6500)
    rig.files.crash()
    with pytest.raises(CorruptError, match="later segments exist"):
        rig.start()


def test_a_missing_segment_refuses_to_start() -> None:
    rig = Rig()
    for _ in range(9):
        rig.put(wallet(b"a", b"x" * 3000))
    rig.files.unlink(segment_path(1))
    rig.files.sync_directory("journal")
    rig.files.crash()
    with pytest.raises(CorruptError, match="begins with batch"):
        rig.start()


def test_a_torn_last_batch_is_ignored_and_wiped() -> None:
    rig = Rig()
    rig.put(wallet(b"a", b"1"))
    rig.put(wallet(b"a", b"x" * 3000))
    rig.files.damage(segment_path(1), HEADER_SIZE + 1500)
    assert rig.crash().recovered_batches == 1
    rig.put(wallet(b"a", b"3"))
    rig.checkpoint()
    rig.put(wallet(b"b", b"4"))
    rig.crash()
    assert (rig.store.load(1, b"a"), rig.store.load(1, b"b")) == (b"3", b"4")
