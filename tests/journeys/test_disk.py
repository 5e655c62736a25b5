"""The disk runs low, then full: who is still served, what is said, and that nothing acknowledged is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import NoReturn

import pytest
from tests.configdb.support import open_tenant
from tests.journeys.calls_clients import DiameterSwitch, RadiusSwitch, SipSwitch
from tests.journeys.calls_metrics import metric, until
from tests.journeys.disk_small import MIB, PAGE, fill, free, serving, small_disk
from tests.processes import Process, RpcError

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.rows import UnitRow
from tollhouse.engine.tally import Tally
from tollhouse.store.embedded import EmbeddedStore, open_embedded
from tollhouse.store.errors import StoreError
from tollhouse.store.interface import Entry, RecordEntry
from tollhouse.store.settings import StoreSettings
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.instants import SECOND, Instant

FULL = "disk full while"
CALL = {"User-Name": "1001", "Called-Station-Id": "33123456", "Acct-Session-Id": "d1"}
OTHER = CALL | {"Acct-Session-Id": "d2"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The data directory of `serving(tmp_path)`, on 16 MiB of its own."""
    with small_disk(tmp_path / "data", 16 * MIB):
        yield tmp_path / "data"


def test_a_low_disk_turns_new_sessions_away_and_serves_those_that_are(tmp_path: Path, disk: Path) -> None:
    """DESIGN 5: store_full is silence to RADIUS, 3004 to Diameter, 503 to SIP, an error to JSON-RPC."""
    with (
        serving(tmp_path, f"[store]\nmin_free_bytes = {4 * MIB}\nsegment_bytes = {MIB}") as process,
        closing(RadiusSwitch(process.radius_auth, process.radius_accounting)) as radius,
        closing(DiameterSwitch(process.diameter, realm="example.net")) as diameter,
        closing(SipSwitch(process.sip)) as sip,
    ):
        create_wallets(process)
        assert radius.access(CALL)["Session-Timeout"] == [1000]
        assert diameter.ask(1, 0, "d1", "1002", "33123456", asks=100).result_code == 2001
        process.rpc(
            "session.authorize", wallet="1002", destination="33123456", usage=60, session_id="j1", request_id="1"
        )

        ballast = fill(disk, leave=2 * MIB)
        until(lambda: process.health() == 503)
        assert (metric(process, "engine_accepting"), process.rpc("system.status")["disk_low"]) == (0, True)
        assert metric(process, "store_free_bytes") < metric(process, "store_free_least_bytes") == 4 * MIB
        radius.send_access(OTHER)
        until(partial(metric, process, "radius_silent_total", "store_full"))
        assert radius.heard_nothing()
        assert diameter.ask(1, 0, "d2", "1002", "33123456", asks=100).result_code == 3004
        status, headers = sip.invite("1002", "33123456", "s1")
        assert (status, headers["Reason"]) == ("503 Service Unavailable", 'Q.850;cause=41;text="store full"')
        assert refusal(process, "session.authorize", destination="33123456", request_id="2") == "store_full"
        assert refusal(process, "event.charge", amount="1", request_id="3") == "store_full"

        radius.accounting(CALL | {"Acct-Status-Type": "Start"})
        radius.accounting(CALL | {"Acct-Status-Type": "Stop", "Acct-Session-Time": 100})
        update = diameter.ask(2, 1, "d1", "1002", "33123456", used=100, asks=50)
        assert update.multiple_services_credit_control[0].granted_service_unit.cc_time == 50
        assert diameter.ask(3, 2, "d1", "1002", "33123456", used=50).result_code == 2001
        assert process.rpc("session.stop", session="j1", usage=60, request_id="4")["cost"] == "0.6"

        ballast.unlink()
        until(lambda: process.health() == 200)
        assert metric(process, "engine_accepting") == 1
        # The silence was not remembered: the same call is granted what 10 - 100 x 0.01 = 9 pay, 900 s.
        assert radius.access(OTHER)["Session-Timeout"] == [900]
        assert diameter.ask(1, 0, "d2", "1002", "33123456", asks=100).result_code == 2001
        assert sip.invite("1002", "33123456", "s2")[0] == "302 Moved Temporarily"
        # 1002: (100 + 50) x 0.01 = 1.5 and 60 x 0.01 = 0.6.
        assert process.rpc("wallet.get", wallet="1002")["balance"] == "-2.1"
        assert process.rpc("system.audit")["findings"] == []


RECHARGE = ("wallet.recharge", {"wallet": "1001", "amount": "0.01"})
AUTHORIZE = ("session.authorize", {"wallet": "rich", "destination": "33123456", "usage": 1})
Request = tuple[str, dict[str, object]]

FAILS: dict[str, tuple[int, int, Request]] = {
    "making the day's record file": (1, 0, RECHARGE),
    "writing records": (1, 6, RECHARGE),
    "writing the state": (1, 0, AUTHORIZE),
    "making a journal segment": (3600, 0, RECHARGE),
}
"""Which write fails: the age in seconds at which a checkpoint is due, the pages left free, what is asked meanwhile.

A record file is made by the first checkpoint that has records; six pages hold the file and not what goes into it. An
authorisation moves nothing and makes no record, only images for the state. Where no checkpoint is due the journal goes
on in the segments that it has, until it needs a third.
"""


@pytest.mark.parametrize("what", FAILS)
def test_a_full_disk_ends_the_process_and_loses_nothing(tmp_path: Path, disk: Path, what: str) -> None:
    age, pages, request = FAILS[what]
    settings = f"[engine]\nsetup_window = 600\n[store]\nmin_free_bytes = 0\nsegment_bytes = {MIB}\ncheckpoint_age = "
    with serving(tmp_path, f"{settings}{age}") as process:
        create_wallets(process)
        if request is AUTHORIZE:
            until(partial(metric, process, "store_checkpoints_total"))
        ballast = fill(disk, leave=pages * PAGE)
        answered = ask_until_it_ends(process, *request)
        assert process.popen.wait(60) == 70
        said = process.err.read_text()
    assert f"{FULL} writing a checkpoint: " in said or f"{FULL} appending to the journal: " in said
    assert "Make room and start again; nothing acknowledged is lost" in said
    assert "Traceback" not in said

    with pytest.raises(RuntimeError, match=FULL), serving(tmp_path, f"{settings}{age}"):
        pass
    ballast.unlink()
    with serving(tmp_path, f"{settings}1") as process:
        # What was acknowledged is there. Of what was in hand at the end, all or nothing of the hundred.
        made = done(process)
        assert made in (answered, answered + 100)
        until(partial(metric, process, "store_checkpoints_total"))
        assert process.rpc("system.audit")["findings"] == []
        assert process.terminate() == 0
    with serving(tmp_path, f"{settings}1") as process:
        assert done(process) == made
        assert process.rpc("system.audit")["findings"] == []


def done(process: Process) -> int:
    """How often 0.01 was put into the wallet 1001 or is held in the other one: it is one of the two."""
    poor, rich = (process.rpc("wallet.get", wallet=name) for name in ("1001", "rich"))
    put, held = (Decimal(poor["balance"]) - 10) * 100, Decimal(rich["held"]) * 100
    assert (put, held) == (poor["records"] - 1, process.rpc("system.status")["open_sessions"])
    return int(put + held)


def ask_until_it_ends(process: Process, method: str, params: dict[str, object]) -> int:
    """The same again and again, a hundred in one HTTP request, until the process is gone; how many were answered."""
    answered = 0
    for number in range(1000):
        calls = [
            {"jsonrpc": "2.0", "id": one, "method": method, "params": params | {"request_id": f"{number}-{one}"}}
            for one in range(100)
        ]
        headers = {"Content_Type": "application/json", "Authorization": f"Bearer {process.token}"}
        try:
            status, body = process.ask("POST", "/jsonrpc", json.dumps(calls).encode(), **headers)
        except (OSError, HTTPException):
            return answered
        answers = json.loads(body)
        assert status == 200
        assert all("result" in answer for answer in answers)
        answered += len(answers)
    raise AssertionError("a hundred thousand requests did not fill the disk")


class Died(Exception):
    """The store ended the process."""


def die(reason: str) -> NoReturn:
    raise Died(reason)


NOW = 1_795_517_540_000_000
WALLETS = [f"w{number}" for number in range(40)]


@pytest.mark.parametrize("pages", [*range(12), 16, 24, 32, 40])
def test_however_much_is_free_a_checkpoint_ends_or_is_done_again(tmp_path: Path, pages: int) -> None:
    """Whichever write it is that finds no room, what the journal holds is there after the next start."""
    settings = StoreSettings(segment_bytes=MIB, slice_entries=16)
    with small_disk(tmp_path / "data", 4 * MIB):
        store = claimed(tmp_path / "data", settings)
        for number, name in enumerate(WALLETS):
            entry = Entry(1, name.encode(), b"\x01" + bytes(200), (name.encode(),), NOW)
            store.append(NOW + number, [entry], [RecordEntry(name, 1, NOW + number, b"\x01" + bytes(200))])
        ballast = fill(tmp_path / "data", leave=pages * PAGE)
        assert free(tmp_path / "data") == pages * PAGE
        said = carried(store, NOW)
        assert said == "" or said.startswith("disk full while writing a checkpoint: ")
        store.close()
        ballast.unlink()

        for _ in range(2):
            store = claimed(tmp_path / "data", settings)
            assert [name for name in WALLETS if store.load(1, name.encode()) is None] == []
            assert [name for name in WALLETS if len(store.records(name, 0, 10)) != 1] == []
            assert carried(store, NOW) == ""
            store.close()


@pytest.mark.parametrize("pages", range(17))
def test_however_much_is_free_the_snapshot_is_made_whole_or_not_at_all(tmp_path: Path, pages: int) -> None:
    """Five pages for the file and its two trees, nine for its readers' slots."""
    with small_disk(tmp_path / "data", MIB):
        ballast = fill(tmp_path / "data", leave=pages * PAGE)
        path = tmp_path / "data" / "config.lmdb"
        said = opened(path)
        assert said == "" or said.startswith(f"disk full while opening {path}: ")
        assert bool(said) == (pages < 14)
        ballast.unlink()
        assert opened(path) == ""


def opened(path: Path) -> str:
    """Open the snapshot; why it cannot be, if so."""
    try:
        file = SnapshotFile(path)
    except StoreError as error:
        return str(error)
    assert LmdbSnapshot(file).generation == 0
    file.close()
    return ""


def test_a_change_that_finds_no_room_is_in_force_once_there_is(tmp_path: Path) -> None:
    """Until then the generation before it is in force, and the console and a metric say so."""
    database, tally = open_tenant(tmp_path), Tally()
    with small_disk(tmp_path / "data", MIB):
        file = SnapshotFile(tmp_path / "data" / "config.lmdb")
        cache, snapshot = CacheManager(database, SnapshotWriter(file), tally), LmdbSnapshot(file)
        assert cache.check(NOW)
        snapshot.refresh()
        before = snapshot.generation

        ballast = fill(tmp_path / "data")
        with database.change("test") as change:
            for number in range(200):
                change.add_unit(UnitRow(f"U{number}", 2))
        assert not cache.check(NOW)
        assert "No space left on device" in str(cache.problems[0])
        assert tally.counts["config_compile_failed", "unwritable"] == 1
        snapshot.refresh()
        assert (snapshot.generation, snapshot.unit("U7")) == (before, None)

        ballast.unlink()
        assert not cache.check(NOW + 4 * SECOND), "not tried again at once: compiling may take seconds"
        assert cache.check(NOW + 5 * SECOND)
        assert cache.problems == ()
        snapshot.refresh()
        assert snapshot.generation == before + 1
        assert snapshot.unit("U7") is not None
        cache.close()
        file.close()
    database.close()


def claimed(directory: Path, settings: StoreSettings) -> EmbeddedStore:
    store = open_embedded(directory, die, settings)
    store.claim()
    return store


def carried(store: EmbeddedStore, now: Instant) -> str:
    """A whole checkpoint; what it died of, if it did."""
    try:
        for _ in store.checkpoint(now):
            pass
    except Died as reason:
        return str(reason)
    return ""


def create_wallets(process: Process) -> None:
    """Those of the demo, 1001 with 10.00 and 1002 with a credit limit of 100.00, and one that never runs out."""
    process.rpc("wallet.create", wallet="1001", opening="10", request_id="make 1001")
    process.rpc("wallet.create", wallet="1002", credit_limit="100", request_id="make 1002")
    process.rpc("wallet.create", wallet="rich", opening="1000000", request_id="make rich")


def refusal(process: Process, method: str, **params: object) -> str:
    """What a call of 1002 is refused for."""
    with pytest.raises(RpcError) as refused:
        process.rpc(method, wallet="1002", **params)
    assert refused.value.error["data"]["retry"] is True
    name: str = refused.value.error["data"]["refusal"]
    return name
