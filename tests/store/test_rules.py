"""The ten rules of the store (ARCHITECTURE.md), each with the crash or the restart that would break it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest
from tests.store.rig import NOON, SMALL, Countdown, Crash, Died, Rig, raise_died, record, wallet

from tollhouse.store.embedded import EmbeddedStore, open_embedded
from tollhouse.store.environments import MAP_SIZE
from tollhouse.store.errors import ClaimError, CorruptError, FormatError
from tollhouse.store.files import OsFiles
from tollhouse.store.lmdb_state import LmdbState
from tollhouse.store.reader import open_reader
from tollhouse.store.state import Change, Reached


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = open_embedded(tmp_path, raise_died, SMALL)
    opened.claim()
    yield opened
    opened.close()


def finish(store: EmbeddedStore) -> None:
    for _ in store.checkpoint(NOON):
        pass


def test_rule_01_the_state_takes_only_a_higher_number() -> None:
    rig = Rig()
    rig.put(wallet(b"a", b"old"))
    rig.put(wallet(b"a", b"new"))
    rig.plan(Countdown(10**6))
    rig.checkpoint()
    rig.state.apply([Change(1, (), wallet(b"a", b"old"))], None)
    rig.state.apply([Change(2, (), wallet(b"a", b"twice"))], None)
    rig.crash()
    assert rig.store.load(1, b"a") == b"new"
    row = rig.state.get(1, b"a")
    assert row is not None
    assert row.number == 2


def test_rule_01_holds_within_a_checkpoint_cut_short_and_taken_again() -> None:
    rig = Rig()
    rig.put(*(wallet(bytes((97 + i,)), b"1") for i in range(9)))
    rig.checkpoint(steps=2)
    rig.put(wallet(b"a", b"2"))
    rig.crash()
    assert rig.store.load(1, b"a") == b"2"
    rig.checkpoint()
    assert rig.state.rows[1, b"a"].image == b"2"
    assert rig.state.rows[1, b"i"].image == b"1"


def test_rule_02_numbers_never_restart_though_the_journal_is_gone() -> None:
    rig = Rig()
    for image in (b"1", b"2", b"3"):
        number = rig.put(wallet(b"a", image))
    assert number == 3
    rig.checkpoint()
    rig.crash()
    assert rig.store.next_number == 4
    for name in rig.files.names("journal"):
        if name.endswith(".log"):
            rig.files.unlink(f"journal/{name}")
    rig.files.sync_directory("journal")
    rig.crash()
    assert rig.put(wallet(b"a", b"4")) == 4
    assert rig.crash().number == 4


def test_rule_02_a_journal_and_a_state_of_different_stores_do_not_start() -> None:
    one, other = Rig(seed=1), Rig(seed=2)
    one.put(wallet(b"a", b"1"))
    one.files.crash()
    other.files.crash()
    mixed = EmbeddedStore(one.files, other.state, raise_died, SMALL)
    with pytest.raises(CorruptError, match="different stores"):
        mixed.claim()


def test_rule_02_a_lost_state_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    first = open_embedded(tmp_path, raise_died, SMALL)
    first.claim()
    first.append(NOON, [wallet(b"a", b"1")], [])
    first.close()
    (tmp_path / "state.lmdb").unlink()
    with pytest.raises(CorruptError, match="different stores"):
        open_embedded(tmp_path, raise_died, SMALL).claim()


def test_rule_03_a_deletion_is_an_image() -> None:
    rig = Rig()
    rig.put(wallet(b"a", b"1", b"name", due=NOON), wallet(b"b", b"1"))
    rig.checkpoint()
    rig.put(wallet(b"a", None))
    for _ in range(2):
        assert rig.store.load(1, b"a") is None
        assert rig.store.find(b"name") == []
        assert rig.store.due(NOON, 9) == []
        assert rig.store.scan(1, b"", 9) == [(b"b", b"1")]
        rig.crash()
    rig.checkpoint()
    assert (1, b"a") not in rig.state.rows
    assert rig.state.dues == []
    assert rig.state.find(b"name") == []
    rig.state.apply([Change(1, (NOON,), wallet(b"a", b"1", b"name", due=NOON))], None)
    assert (1, b"a") not in rig.state.rows, "an older image must not bring it back"


@pytest.mark.parametrize("steps", range(1, 12))
def test_rule_04_index_rows_come_from_old_and_new_image_whatever_step_a_checkpoint_reached(steps: int) -> None:
    rig = Rig()
    rig.put(*(wallet(b"%d" % i, b"1", b"old", b"both", due=NOON + i) for i in range(1, 8)))
    rig.checkpoint()
    assert len(rig.state.find(b"old")) == 7
    rig.put(*(wallet(b"%d" % i, b"2", b"both", b"new", due=NOON - i) for i in range(1, 8)))
    assert len(rig.state.find(b"new")) == 0, "an append writes no index row"
    rig.checkpoint(steps)
    rig.crash()
    seven = [(1, b"%d" % i) for i in range(1, 8)]
    for _ in range(2):
        assert rig.store.find(b"old") == []
        assert rig.store.find(b"both") == seven
        assert rig.store.find(b"new") == seven
        assert rig.store.due(NOON, 99) == seven[::-1]
        rig.checkpoint()
    assert [row.due for row in rig.state.dues] == [NOON - i for i in range(7, 0, -1)]
    assert rig.state.find(b"old") == []


def test_rule_05_a_record_written_twice_is_written_once(tmp_path: Path) -> None:
    store = open_embedded(tmp_path, raise_died, SMALL)
    store.claim()
    for sequence in range(1, 8):
        store.append(NOON, [wallet(b"a", b"%d" % sequence)], [record("a", sequence), record("b", sequence)])
    steps = store.checkpoint(NOON)
    for _ in range(5):
        next(steps)
    store.close()
    again = open_embedded(tmp_path, raise_died, SMALL)
    assert again.claim().number == 7
    assert [each.sequence for each in again.records("a", 0, 99)] == list(range(1, 8)), "in files and pending at once"
    finish(again)
    assert [each.sequence for each in again.records("a", 0, 99)] == list(range(1, 8))
    assert [each.sequence for each in again.records("b", 4, 2)] == [5, 6]
    again.close()
    day = lmdb.open(str(tmp_path / "records" / "2024-10-04.lmdb"), subdir=False, max_dbs=2, readonly=True)
    with day.begin(db=day.open_db(b"records", create=False)) as transaction:
        assert transaction.stat(day.open_db(b"records", txn=transaction, create=False))["entries"] == 14
    day.close()


def test_rule_06_an_image_leaves_memory_only_when_the_state_has_passed_it() -> None:
    rig = Rig()
    rig.put(*(wallet(b"%d" % i, b"1", b"all") for i in range(9)), records=[record("w", 1)])
    for _ in rig.store.checkpoint(NOON):
        passed = rig.state.reached().number == 1
        missing = [i for i in range(9) if (1, b"%d" % i) not in rig.state.rows]
        assert not (passed and missing)
        assert all(rig.store.load(1, b"%d" % i) == b"1" for i in range(9))
        assert len(rig.store.find(b"all")) == 9
        assert len(rig.store.records("w", 0, 9)) == 1
    assert not missing


def test_rule_06_old_segments_go_after_the_position_has_moved() -> None:
    points = 0
    while True:
        points += 1
        rig = Rig(seed=points)
        rig.put(*(wallet(b"%d" % i, b"1") for i in range(9)))
        rig.plan(Countdown(points))
        try:
            rig.checkpoint()
        except Crash:
            rig.crash()
            assert all(rig.store.load(1, b"%d" % i) == b"1" for i in range(9)), points
            continue
        break
    assert points > 20


def claim_elsewhere(directory: Path, answer: multiprocessing.SimpleQueue[str]) -> None:
    try:
        open_embedded(directory, raise_died, SMALL).claim()
        answer.put("claimed")
    except ClaimError as error:
        answer.put(str(error))


def test_rule_07_a_second_start_is_refused_by_name(tmp_path: Path) -> None:
    first = open_embedded(tmp_path, raise_died, SMALL)
    first.claim()
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    other = context.Process(target=claim_elsewhere, args=(tmp_path, answer))
    other.start()
    other.join()
    assert answer.get() == f"{tmp_path} is held by process {os.getpid()}"
    with pytest.raises(ClaimError, match=str(os.getpid())):
        open_embedded(tmp_path, raise_died, SMALL).claim()
    first.close()
    again = open_embedded(tmp_path, raise_died, SMALL)
    again.claim()
    again.close()


def replace(path: Path, offset: int, new: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(new)


@pytest.mark.parametrize("where", ["segment", "store-id", "state", "row"])
def test_rule_08_an_unknown_format_refuses_to_start(tmp_path: Path, where: str) -> None:
    first = open_embedded(tmp_path, raise_died, SMALL)
    first.claim()
    first.append(NOON, [wallet(b"a", b"1")], [])
    finish(first)
    first.close()
    if where == "segment":
        # The format number is the u32 behind the magic of 8 bytes; segment 2 is in use after one checkpoint.
        replace(tmp_path / "journal" / "00000002.log", 8, b"\0\0\0\x09")
    elif where == "store-id":
        replace(tmp_path / "journal" / "store-id", 0, b"\x09")
    else:
        state = lmdb.open(str(tmp_path / "state.lmdb"), subdir=False, max_dbs=8)
        name, key = (b"meta", b"store-id") if where == "state" else (b"rows", b"\1a")
        with state.begin(write=True, db=state.open_db(name)) as transaction:
            value = transaction.get(key)
            assert value is not None
            assert value[:1] == b"\1"
            transaction.put(key, b"\x09" + value[1:])
        state.close()
    second = open_embedded(tmp_path, raise_died, SMALL)
    if where == "row":
        second.claim()
        with pytest.raises(Died, match="value format 09"):
            second.load(1, b"a")
        second.close()
    else:
        with pytest.raises(FormatError):
            second.claim()


def spoil(path: Path, database: bytes, key_end: bytes) -> None:
    """Overwrite the msgpack behind the format number of every value of the database whose key ends so."""
    environment = lmdb.open(str(path), subdir=False, max_dbs=8)
    with environment.begin(write=True, db=environment.open_db(database, create=False)) as transaction:
        for key, value in list(transaction.cursor()):
            if key.endswith(key_end):
                transaction.put(key, value[:1] + b"\xc1" * (len(value) - 1))
    environment.close()


def test_a_value_damaged_at_rest_is_one_entity_lost_and_not_the_store(tmp_path: Path) -> None:
    """0xc1 is never used in MessagePack. The image and the body of what is damaged are empty: no format at all."""
    store = open_embedded(tmp_path, raise_died, SMALL)
    store.claim()
    store.append(NOON, [wallet(b"a", b"1"), wallet(b"b", b"1")], [record("a", 1), record("a", 2)])
    finish(store)
    store.close()
    spoil(tmp_path / "state.lmdb", b"rows", b"a")
    spoil(tmp_path / "records" / "2024-10-04.lmdb", b"records", b"\0\0\0\1")
    store = open_embedded(tmp_path, raise_died, SMALL)
    store.claim()
    assert (store.load(1, b"a"), store.load(1, b"b")) == (b"", b"1")
    assert store.scan(1, b"", 9) == [(b"a", b""), (b"b", b"1")]
    assert [(each.sequence, each.body) for each in store.records("a", 0, 9)] == [(1, b"body"), (2, b"")]
    store.append(NOON, [wallet(b"a", b"2")], [])
    finish(store)
    assert store.load(1, b"a") == b"2"
    store.close()


def test_rule_09_tools_read_the_disk_only_when_no_engine_holds_it(tmp_path: Path) -> None:
    engine = open_embedded(tmp_path, raise_died, SMALL)
    engine.claim()
    engine.append(NOON, [wallet(b"a", b"1", b"x"), wallet(b"b", b"1")], [record("a", 1)])
    finish(engine)
    engine.append(NOON, [wallet(b"a", b"2"), wallet(b"c", b"1", b"x")], [record("a", 2)])
    with pytest.raises(ClaimError, match="held by process"):
        open_reader(tmp_path)
    engine.close()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.log")}
    reader = open_reader(tmp_path)
    assert reader.load(1, b"a") == b"2"
    assert reader.find(b"x") == [(1, b"c")]
    assert reader.scan(1, b"", 9) == [(b"a", b"2"), (b"b", b"1"), (b"c", b"1")]
    assert [each.sequence for each in reader.records("a", 0, 9)] == [1, 2]
    with pytest.raises(ClaimError):
        open_embedded(tmp_path, raise_died, SMALL).claim()
    reader.close()
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.log")}
    with pytest.raises(ClaimError, match="holds no store"):
        open_reader(tmp_path / "nothing")


def hold_a_read_and_die(path: Path) -> None:
    environment = lmdb.open(str(path), subdir=False, max_dbs=8)
    held = environment.begin()
    assert held.id() >= 0
    os._exit(0)


def test_rule_10_one_environment_a_file_and_readers_of_dead_processes_are_cleared(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    store.append(NOON, [wallet(b"a", b"1")], [record("a", 1)])
    finish(store)
    with pytest.raises(lmdb.Error):
        lmdb.open(str(tmp_path / "state.lmdb"), subdir=False)
    child = multiprocessing.get_context("spawn").Process(target=hold_a_read_and_die, args=(tmp_path / "state.lmdb",))
    child.start()
    child.join()
    assert store.reader_check() == 1
    assert store.reader_check() == 0
    assert MAP_SIZE == 2**40


def test_rule_10_no_call_leaves_a_read_transaction_behind(tmp_path: Path) -> None:
    state = LmdbState(tmp_path)
    store = EmbeddedStore(OsFiles(tmp_path), state, raise_died, SMALL)
    store.claim()
    store.append(NOON, [wallet(b"a", b"1", b"x", due=1)], [record("a", 1)])
    finish(store)
    store.load(1, b"a")
    store.find(b"x")
    store.due(NOON, 1)
    store.scan(1, b"", 1)
    store.records("a", 0, 1)
    rows = [line for line in state._env.readers().splitlines()[1:] if not line.rstrip().endswith("-")]
    assert rows == []
    store.close()


def test_the_position_moves_with_the_last_slice_and_with_batches_that_hold_no_image() -> None:
    rig = Rig()
    rig.put(records=[record("w", 1)])
    rig.put()
    rig.checkpoint()
    assert rig.state.reached() == Reached(2, NOON)
    assert rig.crash().engine_time == NOON
    assert rig.store.records("w", 0, 9) == [record("w", 1)]


def test_a_checkpoint_takes_longer_steps_where_the_journal_grows_faster_than_it_is_carried() -> None:
    """30 images by 3 are ten steps; with 80 entries more, twice what makes a checkpoint due, a step carries 9."""
    rig = Rig()
    rig.put(*(wallet(b"w%02d" % number, b"1") for number in range(30)))
    steps = rig.store.checkpoint(NOON)
    next(steps)
    for number in range(8):
        rig.put(*(wallet(b"x%d%d" % (number, place), b"1") for place in range(10)))
    next(steps)  # what was looked up with the first
    next(steps)
    assert [key for key, _ in rig.state.scan(1, b"", 99)] == [b"w%02d" % number for number in range(3 + 3 + 9)]


def test_a_page_goes_past_what_was_deleted_while_a_checkpoint_runs() -> None:
    """k0 to k7 are frozen, k0 to k3 are gone since: a page of four is k4 to k7, and z comes behind them."""
    rig = Rig()
    rig.put(wallet(b"z", b"1"))
    rig.checkpoint()
    rig.put(*(wallet(b"k%d" % number, b"2") for number in range(8)))
    rig.checkpoint(1)
    rig.put(*(wallet(b"k%d" % number, None) for number in range(4)))
    assert rig.store.scan(1, b"", 4) == [(b"k%d" % number, b"2") for number in range(4, 8)]
    assert rig.store.scan(1, b"k7", 4) == [(b"z", b"1")]
