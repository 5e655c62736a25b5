"""Record days: retention, paging over days, and days that cannot be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.store.rig import NOON, SMALL, Rig, raise_died, record, wallet

from tollhouse.store.embedded import EmbeddedStore, open_embedded
from tollhouse.store.errors import UnreadableDayError
from tollhouse.store.reader import open_reader
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


def test_a_day_goes_once_it_is_past_its_retention_and_all_in_its_file(tmp_path: Path, store: EmbeddedStore) -> None:
    """2024-10-04 with 400 days of retention: gone from 2025-11-09 on, which is 401 days later."""
    store.append(NOON, [], [record("a", 1), record("a", 2), record("b", 1)])
    assert store.expired_days(NOON + 500 * DAY) == []
    with pytest.raises(ValueError, match="not over"):
        store.drop_day("2024-10-04", NOON + 401 * DAY)
    finish(store)
    assert store.expired_days(NOON + 400 * DAY) == []
    assert store.expired_days(NOON + 401 * DAY) == ["2024-10-04"]
    store.append(NOON, [], [record("a", 3)])
    assert store.expired_days(NOON + 401 * DAY) == []
    finish(store)
    store.drop_day("2024-10-04", NOON + 401 * DAY)
    assert not (tmp_path / "records" / "2024-10-04.lmdb").exists()
    assert store.records("a", 0, 9) == store.day_records("2024-10-04", "a", 0, 9) == []
    assert store.day_wallets("2024-10-04", "", 9) == []
    assert (store.unreadable("2024-10-04"), store.days()) == ("", [])


def test_the_disk_of_a_dropped_day_is_given_back_in_pieces_after_a_crash_too(tmp_path: Path) -> None:
    """A file of 100 MiB is three pieces of 32 MiB and a rest."""
    days = RecordDays(tmp_path / "records")
    days.write(bytes(16), [NumberedRecord(1, 0, "2026-01-01", record("a", 1))])
    os.truncate(tmp_path / "records" / "2026-01-01.lmdb", 100 * 2**20)
    days.drop("2026-01-01")
    days.drop("2026-01-01")
    assert (days.days(), days.of_wallet("a", 0, 9)) == ([], [])
    days.close()
    days = RecordDays(tmp_path / "records")
    assert [days.free_dropped() for _ in range(5)] == [True, True, True, True, False]
    assert list((tmp_path / "records").iterdir()) == []
    days.close()


def test_no_day_is_past_a_retention_of_zero(tmp_path: Path) -> None:
    store = open_embedded(tmp_path, raise_died, replace(SMALL, record_retention_days=0))
    store.claim()
    store.append(NOON, [], [record("a", 1)])
    finish(store)
    assert store.expired_days(NOON + 10_000 * DAY) == []
    store.close()


def test_a_day_is_read_in_pages_of_wallets_and_of_their_records(store: EmbeddedStore) -> None:
    """Names that begin alike, one of them with a character next to the separator; a has four, the others one."""
    names = ["a", "a\x01", "a b", "ab", "\u00e9"]
    store.append(NOON, [], [record("a", sequence) for sequence in (1, 2, 3)] + [record(name, 4) for name in names])
    store.append(NOON + DAY, [], [record("later", 1)])
    finish(store)
    pages = [store.day_wallets("2024-10-04", after, 2) for after in ("", "a\x01", "ab", "\u00e9")]
    assert pages == [[("a", 4), ("a\x01", 4)], [("a b", 4), ("ab", 4)], [("\u00e9", 4)], []]
    assert [each.sequence for each in store.day_records("2024-10-04", "a", 1, 2)] == [2, 3]
    assert store.day_records("2024-10-04", "later", 0, 9) == []


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def cut_to_its_head(path: Path) -> None:
    os.truncate(path, 2 * os.sysconf("SC_PAGE_SIZE"))


def empty(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    path.write_bytes(b"not LMDB at all " * 1000)


def forbid(path: Path) -> None:
    """Nobody may read it, the superuser neither: a directory stands in its place."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("ruin", [cut, cut_to_its_head, empty, overwrite, forbid])
def test_a_day_that_cannot_be_read_is_named_and_the_others_are_read(
    tmp_path: Path, ruin: Callable[[Path], None]
) -> None:
    store = open_embedded(tmp_path, raise_died, SMALL)
    store.claim()
    for day in range(3):
        store.append(NOON + day * DAY, [], [record("a", day + 1)])
    finish(store)
    store.close()
    ruin(tmp_path / "records" / "2024-10-05.lmdb")
    store = open_embedded(tmp_path, raise_died, SMALL)
    store.claim()
    assert [each.sequence for each in store.records("a", 0, 9)] == [1, 3]
    assert store.unreadable("2024-10-05").startswith("records of 2024-10-05 cannot be read: ")
    assert [store.unreadable(day) for day in ("2024-10-04", "2024-10-06")] == ["", ""]
    with pytest.raises(UnreadableDayError):
        store.day_wallets("2024-10-05", "", 9)
    with pytest.raises(UnreadableDayError):
        store.day_records("2024-10-05", "a", 0, 9)
    store.append(NOON + 3 * DAY, [], [record("a", 4)])
    finish(store)
    store.close()
    reader = open_reader(tmp_path)
    assert [each.sequence for each in reader.records("a", 0, 9)] == [1, 3, 4]
    assert reader.unreadable("2024-10-05").startswith("records of 2024-10-05 cannot be read: ")
    reader.close()


def test_a_day_that_was_mended_is_read_again_within_a_minute(tmp_path: Path, store: EmbeddedStore) -> None:
    store.append(NOON, [], [record("a", 1)])
    finish(store)
    store.close()
    path = tmp_path / "records" / "2024-10-04.lmdb"
    path.rename(tmp_path / "aside")
    path.touch()
    store.claim()
    assert store.records("a", 0, 9) == []
    (tmp_path / "aside").rename(path)
    store.reader_check()
    assert [each.sequence for each in store.records("a", 0, 9)] == [1]


@pytest.mark.parametrize("key", [b"", b"x" * 481])
def test_a_key_that_the_state_could_not_hold_is_refused_before_anything_is_written(key: bytes) -> None:
    rig = Rig()
    with pytest.raises(ValueError):
        rig.put(wallet(b"a", b"1"), wallet(key, b"1"))
    with pytest.raises(ValueError):
        rig.put(records=[record("a\0b", 1)])
    assert rig.store.next_number == 1
    assert rig.store.load(1, b"a") is None
