"""`wallet trace`, `record export` and `audit` against a running engine and its disk."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest
from tests.cli.terminal import Desk, Said, demo_desk, tollhouse

from tollhouse.store.interface import RecordEntry
from tollhouse.store.records import RecordDays, day_of, wallet_prefix
from tollhouse.store.state import NumberedRecord

CALLED = "4412345678"
TRACE = ["sequence", "at", "kind", "client", "request_id", "session", "moves", "balance", "note"]
HOLD = ["session", "client", "destination", "created", "until", "bucket", "balance_type", "unit", "amount"]


def caller(desk: Desk, wallet: str) -> str:
    """10 euros; a call of 85 s in two reports, another that runs and holds 10 s of 0.01."""
    for words in (
        f"wallet create {wallet} --opening 10.00 --request-id make-{wallet}",
        f"session authorize --wallet {wallet} --destination {CALLED} --session-id {wallet}-1",
        f"session update {wallet}-1 --usage 40 --more none --request-id {wallet}-report",
        f"session stop {wallet}-1 --usage 85 --request-id {wallet}-stop",
        f"session authorize --wallet {wallet} --destination 33145 --usage 10 --session-id {wallet}-2",
    ):
        assert desk(*words.split()).status == 0
    return wallet


def test_a_trace_is_the_journal_with_running_balances_and_what_is_held(desk: Desk) -> None:
    """10, less 0.6 after the first minute, less 0.0417: 9.3583; 0.1 of it held."""
    said = desk("wallet", "trace", caller(desk, "traced"))
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].split() == TRACE
    assert [" = ".join(line.split(" = ")[1:]).split()[0] for line in lines[1:4]] == ["10", "9.4", "9.3583"]
    assert "make-traced" in lines[1]
    assert "traced-report" in lines[2]
    assert "1 cash -0.0417 = 9.3583" in lines[3]
    assert [line.split() for line in lines[-5:-3]] == [
        ["bucket", "balance_type", "unit", "value"],
        ["1", "cash", "EUR", "9.3583"],
    ]
    assert lines[-2].split() == HOLD
    hold = lines[-1].split()
    assert (hold[1], hold[2], hold[-1]) == ("api", "33145", "0.1")


def test_a_trace_tells_how_the_wallet_stood(desk: Desk) -> None:
    wallet = caller(desk, "stood")
    records = desk("record", "list", wallet, "--json").json["records"]
    then = desk("wallet", "trace", wallet, "--at", records[1]["at"], "--json").json
    assert (then["buckets"], then["holds"]) == (
        [{"bucket": 1, "balance_type": "cash", "unit": "EUR", "value": "9.4"}],
        [],
    )
    assert [entry["sequence"] for entry in then["entries"]] == [1, 2]


def test_a_trace_walks_all_pages(desk: Desk) -> None:
    wallet = caller(desk, "paged")
    said = desk("wallet", "trace", wallet, "--limit", "1")
    assert said.out.count("request_id") == 4  # three full pages, and what stands behind them
    assert said.out.rstrip().endswith(" 0.1")


def test_a_trace_of_no_wallet_is_refused(desk: Desk) -> None:
    said = desk("wallet", "trace", "nobody")
    assert (said.status, said.out) == (1, "")
    assert "unknown_wallet" in said.err


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_an_export_goes_to_stdout_or_into_a_file_whole(desk: Desk, tmp_path: Path) -> None:
    wallet = caller(desk, "exported")
    said = desk("record", "export", "--wallet", wallet)
    assert (said.status, said.err) == (0, "")
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows(said.out)] == [
        ("open", "10", "10"),
        ("session", "-0.6", "9.4"),
        ("session", "-0.0417", "9.3583"),
    ]
    out = tmp_path / "records.csv"
    assert desk("record", "export", "--wallet", wallet, "--limit", "1", "--out", str(out)).status == 0
    assert out.read_text() == said.out
    assert list(tmp_path.iterdir()) == [out]


def test_two_exports_that_meet_at_a_time_are_the_whole(desk: Desk) -> None:
    wallet = caller(desk, "halves")
    whole = rows(desk("record", "export", "--wallet", wallet).out)
    at = whole[1]["at"]
    first = rows(desk("record", "export", "--wallet", wallet, "--until", at).out)
    second = rows(desk("record", "export", "--wallet", wallet, "--since", at).out)
    assert (len(first), first + second) == (1, whole)


def test_an_export_has_every_wallet_by_name(desk: Desk) -> None:
    caller(desk, "zoe")
    caller(desk, "adam")
    names = [row["wallet"] for row in rows(desk("record", "export", "--limit", "2").out)]
    assert names == sorted(names)
    assert {"1001", "adam", "zoe"} <= set(names)


def test_a_file_that_cannot_be_written_is_said(desk: Desk, tmp_path: Path) -> None:
    said = desk("record", "export", "--out", str(tmp_path / "missing" / "x.csv"))
    assert (said.status, said.out) == (1, "")
    assert "cannot write" in said.err


def test_an_export_that_fails_leaves_no_file(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    out.write_text("of yesterday\n")
    assert desk("record", "export", "--since", "yesterday", "--out", str(out)).status == 1
    assert out.read_text() == "of yesterday\n"
    assert list(tmp_path.iterdir()) == [out]


def test_the_audit_proves_all_while_calls_go_on(tmp_path: Path) -> None:
    """A charge of 0.01 after the other meanwhile; nothing is found, and the disk of a running engine is not read."""
    with demo_desk(tmp_path) as desk:
        done = threading.Event()
        charged: list[int] = []

        def charge() -> None:
            while not done.is_set():
                desk.process.rpc("event.charge", wallet="1001", amount="0.01", request_id=f"c{len(charged)}")
                charged.append(1)

        charging = threading.Thread(target=charge)
        charging.start()
        try:
            said = [desk("audit", "--data", str(desk.data)) for _ in range(5)]
        finally:
            done.set()
            charging.join()
        assert charged
        assert [(one.status, one.err) for one in said] == [(0, "")] * 5
        assert all(one.out.startswith("3 wallets, ") and one.out.endswith(", all balanced\n") for one in said)
        assert desk("audit").out == f"3 wallets, {3 + len(charged)} records, all balanced\n"


def test_a_copy_is_proved_while_its_engine_runs_on(tmp_path: Path) -> None:
    """The process stands still while its files are copied, as in a snapshot of the file system; then it charges on."""
    with demo_desk(tmp_path) as desk:
        desk.process.rpc("event.charge", wallet="1001", amount="0.01", request_id="before")
        desk.process.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, desk.process.pid, os.WSTOPPED | os.WNOWAIT)
        copy = Path(shutil.copytree(desk.data, tmp_path / "copy"))
        desk.process.popen.send_signal(signal.SIGCONT)
        desk.process.rpc("event.charge", wallet="1001", amount="0.01", request_id="after")
        said = audited(copy)
        assert (said.status, said.out) == (0, "3 wallets, 4 records, all balanced\n")
        assert desk("audit").out == "3 wallets, 5 records, all balanced\n"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a demo with a call and a few charges, cleanly stopped: all records are in their file."""
    with demo_desk(tmp_path_factory.mktemp("stopped")) as desk:
        for number in range(4):
            desk.process.rpc("event.charge", wallet="1001", amount="0.01", request_id=f"c{number}")
        assert desk.process.terminate() == 0
        return desk.data


def audited(data: Path) -> Said:
    return tollhouse("audit", "--data", str(data), "--url", "http://127.0.0.1:1")


Damage = Callable[[dict[bytes, bytes], dict[bytes, bytes]], None]
"""Of the day's file: records by place, places by wallet and sequence. Changes either."""


def place(wallets: dict[bytes, bytes], sequence: int) -> bytes:
    return wallets[wallet_prefix("1001") + sequence.to_bytes(8, "big")]


def edit_one_octet(records: dict[bytes, bytes], wallets: dict[bytes, bytes]) -> None:
    """The last octet of the request's id c1: it becomes c9."""
    value = records[place(wallets, 3)]
    assert value.count(b"c1") == 1
    records[place(wallets, 3)] = value.replace(b"c1", b"c9")


def lose_one(records: dict[bytes, bytes], wallets: dict[bytes, bytes]) -> None:
    del records[place(wallets, 3)]
    del wallets[wallet_prefix("1001") + (3).to_bytes(8, "big")]


def swap_two(records: dict[bytes, bytes], wallets: dict[bytes, bytes]) -> None:
    """Each says that it is what belongs in the other's place; both take 0.01, so that every sum stays right."""
    one, other = place(wallets, 3), place(wallets, 4)
    first, second = records[one], records[other]
    records[one], records[other] = (
        second.replace(b"\xa41001\x04", b"\xa41001\x03", 1),
        first.replace(b"\xa41001\x03", b"\xa41001\x04", 1),
    )


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (edit_one_octet, "wallet 1001: record 4 does not follow record 3"),
        (lose_one, "wallet 1001: record 4 does not follow record 2"),
        (swap_two, "wallet 1001: record 3 does not follow record 2"),
    ],
)
def test_a_record_that_is_edited_missing_or_moved_is_the_first_difference(
    stopped: Path, tmp_path: Path, damage: Damage, says: str
) -> None:
    data = Path(shutil.copytree(stopped, tmp_path / "data"))
    assert audited(data).out == "3 wallets, 7 records, all balanced\n"
    [day] = (data / "records").glob("*.lmdb")
    with lmdb.open(str(day), subdir=False, max_dbs=2, map_size=2**30) as environment:
        trees = [environment.open_db(name) for name in (b"records", b"wallets")]
        with environment.begin(write=True) as transaction:
            records, wallets = ({bytes(k): bytes(v) for k, v in transaction.cursor(db=tree)} for tree in trees)
            damage(records, wallets)
            for tree, values in zip(trees, (records, wallets), strict=True):
                transaction.drop(tree, delete=False)
                for key, value in values.items():
                    transaction.put(key, value, db=tree)
    said = audited(data)
    assert said.status == 1
    assert said.out.splitlines()[0] == says
    assert said.out.splitlines()[-1].startswith("3 wallets, ")


def test_a_record_that_nobody_wrote_is_found(stopped: Path, tmp_path: Path) -> None:
    """One more behind 1001's last, as an engine would have put it there."""
    data = Path(shutil.copytree(stopped, tmp_path / "data"))
    days = RecordDays(data / "records")
    [last] = days.of_wallet("1001", 4, 9)
    days.close()
    [store_id] = {key[:16] for key in keys(data)}
    days = RecordDays(data / "records")
    days.write(store_id, [NumberedRecord(2**40, 0, day_of(last.at), RecordEntry("1001", 6, last.at, last.body))])
    days.close()
    assert audited(data).out.splitlines()[0] == "wallet 1001: 5 records expected, there is one numbered 6"


def keys(data: Path) -> list[bytes]:
    [day] = (data / "records").glob("*.lmdb")
    with (
        lmdb.open(str(day), subdir=False, max_dbs=2, readonly=True) as environment,
        environment.begin(db=environment.open_db(b"records", create=False)) as transaction,
    ):
        return [bytes(key) for key in transaction.cursor().iternext(values=False)]
