"""Record days: retention, brought-forward records, and paging over days."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.rig import NOON, SMALL, Crash, Rig, raise_died, record, wallet

from tollhouse.store.embedded import EmbeddedStore, open_embedded
from tollhouse.store.interface import RecordEntry
from tollhouse.store.records import RecordDays, most_open
from tollhouse.store.state import NumberedRecord
from tollhouse.values.instants import DAY


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = open_embedded(tmp_path, raise_died, SMALL)
    opened.claim()
    yield opened
    opened.close()


def finish(store: EmbeddedStore) -> None:
    for _ in store.checkpoint(NOON):
        pass


def test_records_page_over_days(store: EmbeddedStore) -> None:
    for day in range(20):
        store.append(NOON + day * DAY, [], [record("a", day + 1), record("aa", day + 1)])
        if day < 18:
            finish(store)
    sequences: list[int] = []
    while page := store.records("a", sequences[-1] if sequences else 0, 3):
        assert {each.wallet for each in page} == {"a"}
        sequences += [each.sequence for each in page]
    assert sequences == list(range(1, 21))
    assert store.records("", 0, 9) == []


def test_more_days_than_may_be_open_are_read_all_the_same(tmp_path: Path) -> None:
    """12 files are two days of three files each, and as many for others."""
    days = RecordDays(tmp_path / "records", files=12)
    for day in range(1, 6):
        entry = NumberedRecord(day, 0, f"2026-01-0{day}", record("a", day))
        days.write(bytes(16), [entry])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        assert [each.sequence for each in days.of_wallet("a", 0, 9)] == [1, 2, 3, 4, 5]
    assert len(os.listdir("/proc/self/fd")) == before
    days.close()
    assert len(os.listdir("/proc/self/fd")) == before - 6


@pytest.mark.parametrize(("files", "days"), [(1024, 170), (65_536, 400), (4, 1), (-1, 400)])
def test_days_leave_half_of_the_files_to_others(files: int, days: int) -> None:
    """1024 is what a login shell gives: 512 are 170 days of three; -1 is no limit (getrlimit(2))."""
    assert most_open(files) == days


def forward(wallet_name: str, sequence: int) -> RecordEntry:
    """Stands for all up to `sequence`, as the next in the chain."""
    return RecordEntry(wallet_name, sequence + 1, NOON, b"brought forward")


def test_a_day_goes_after_its_brought_forward_records_are_durable(tmp_path: Path, store: EmbeddedStore) -> None:
    store.append(NOON, [], [record("a", 1), record("a", 2), record("b", 1)])
    with pytest.raises(ValueError, match="not over"):
        store.drop_day("2024-10-04", NOON + 401 * DAY, forward)
    finish(store)
    assert store.expired_days(NOON + 400 * DAY) == []
    assert store.expired_days(NOON + 401 * DAY) == ["2024-10-04"]
    store.drop_day("2024-10-04", NOON + 401 * DAY, forward)
    assert not (tmp_path / "records" / "2024-10-04.lmdb").exists()
    assert store.records("a", 0, 9) == [forward("a", 2)]
    assert store.records("b", 0, 9) == [forward("b", 1)]


def test_a_crash_before_the_day_is_gone_leaves_it_whole() -> None:
    rig = Rig()
    rig.put(records=[record("a", 1)])
    rig.checkpoint()

    def stop(name: str) -> None:
        if name == "drop_day:before":
            raise Crash(name)

    rig.plan(stop)
    with pytest.raises(Crash):
        rig.store.drop_day("2024-10-04", NOON + 401 * DAY, forward)
    rig.crash()
    assert [each.sequence for each in rig.store.records("a", 0, 9)] == [1, 2]
    rig.checkpoint()
    rig.store.drop_day("2024-10-04", NOON + 401 * DAY, lambda owner, sequence: None)
    assert rig.store.records("a", 0, 9) == [forward("a", 1)]


@pytest.mark.parametrize("key", [b"", b"x" * 481])
def test_a_key_that_the_state_could_not_hold_is_refused_before_anything_is_written(key: bytes) -> None:
    rig = Rig()
    with pytest.raises(ValueError):
        rig.put(wallet(b"a", b"1"), wallet(key, b"1"))
    with pytest.raises(ValueError):
        rig.put(records=[record("a\0b", 1)])
    assert rig.store.next_number == 1
    assert rig.store.load(1, b"a") is None
