"""With no engine running, reads come from the disk: after a clean stop, after kill -9, and of a damaged store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from tests.cli.terminal import Desk, Said, demo_desk, tollhouse
from tests.snapshot_dict import DictSnapshot

from tollhouse.engine.book import WALLET, decode_image, entry_of
from tollhouse.store.embedded import open_embedded
from tollhouse.store.interface import Entry
from tollhouse.store.settings import StoreSettings
from tollhouse.wallet.state import Wallet

READS = (
    "wallet get 1001",
    "wallet list",
    "session get c1",
    "session list",
    "record list 1001",
    "record list 1001 --after 1",
    "wallet trace 1001",
    "wallet trace 1003 --limit 1000",
    "record export",
    "audit",
)
CALLS = (
    "session authorize --wallet 1001 --destination 4412345678 --session-id c1",
    "session start c1",
    "session stop c1 --usage 85",
    "session authorize --wallet 1003 --destination 33145 --usage 10 --session-id open",
)


def calls(desk: Desk) -> dict[str, object]:
    """A call of 85 seconds, another one that goes on; then what the running engine tells to each read."""
    for words in CALLS:
        assert desk(*words.split()).status == 0
    return answers(desk)


def answers(desk: Desk) -> dict[str, object]:
    return {words: desk(*words.split(), "--json").json for words in READS}


def from_disk(data: Path, words: str) -> Said:
    """No engine answers at this address: what comes is the disk's."""
    return tollhouse(*words.split(), "--url", "http://127.0.0.1:1", "--data", str(data))


@pytest.fixture(scope="module", params=["stopped", "killed"])
def ended(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, dict[str, object]]]:
    """A demo that came to its end, and what it told before."""
    with demo_desk(tmp_path_factory.mktemp("disk")) as desk:
        told = calls(desk)
        if request.param == "stopped":
            assert desk.process.terminate() == 0
        else:
            desk.process.kill()
        yield desk, told


@pytest.mark.parametrize("words", READS)
def test_the_disk_tells_what_the_engine_told(ended: tuple[Desk, dict[str, object]], words: str) -> None:
    desk, told = ended
    said = from_disk(desk.data, f"{words} --json")
    assert (said.status, said.err) == (0, f"no engine is running: read from {desk.data}\n")
    assert said.json == told[words]


def test_the_money_is_there(ended: tuple[Desk, dict[str, object]]) -> None:
    desk, _ = ended
    assert from_disk(desk.data, "wallet get 1001").values()["balance"] == "9.3583"
    held = from_disk(desk.data, "wallet get 1003").values()
    assert (held["balance"], held["held"]) == ("0.5", "0.1")  # 10 s of 0.01
    assert from_disk(desk.data, "audit").out.endswith(" records, all balanced\n")


def test_status_says_that_nothing_is_accepted(ended: tuple[Desk, dict[str, object]]) -> None:
    said = from_disk(ended[0].data, "system status")
    assert (said.status, said.values()["accepting"]) == (0, "no")


def test_a_refusal_of_the_disk_is_status_1(ended: tuple[Desk, dict[str, object]]) -> None:
    said = from_disk(ended[0].data, "wallet get nobody")
    assert (said.status, said.out) == (1, "")
    assert "error -32000: unknown_wallet" in said.err


@pytest.mark.parametrize(
    "words",
    [
        "wallet recharge 1001 --amount 1",
        "wallet create new",
        "event charge 1001 --amount 1",
        "session stop c1 --usage 100",
        "rating cost --subject 1001 --destination 44 --usage 1",
        "tariff import .",
    ],
)
def test_what_needs_an_engine_says_so(ended: tuple[Desk, dict[str, object]], words: str) -> None:
    desk, told = ended
    said = from_disk(desk.data, words)
    assert (said.status, said.out) == (3, "")
    verb = " ".join(words.split()[:2])
    assert said.err == f"tollhouse: no engine holds {desk.data}: `{verb}` needs a running one\n"
    assert from_disk(desk.data, "wallet list --json").json == told["wallet list"]


def test_an_engine_starts_where_the_disk_was_read(tmp_path: Path) -> None:
    with demo_desk(tmp_path) as desk:
        told = calls(desk)
        desk.process.kill()
    assert from_disk(desk.data, "audit").status == 0
    with demo_desk(tmp_path) as again:
        assert answers(again)["wallet list"] == told["wallet list"]


def test_an_engine_that_holds_the_directory_and_does_not_answer(tmp_path: Path) -> None:
    with demo_desk(tmp_path) as desk:
        said = from_disk(desk.data, "wallet list")
        assert (said.status, said.out) == (3, "")
        assert said.err.startswith("tollhouse: nothing answers at http://127.0.0.1:1: ")
        assert said.err.endswith(f"an engine holds {desk.data}: --url says where it answers\n")


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_directory_without_a_store(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    said = from_disk(tmp_path / name, "wallet list")
    assert (said.status, said.out) == (1, "")
    assert said.err == f"tollhouse: cannot read the disk: {tmp_path / name} holds no store\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty"]


def die(reason: str) -> NoReturn:
    raise RuntimeError(reason)


def put(data: Path, change: Entry) -> None:
    """An image into a store that no engine holds."""
    store = open_embedded(data, die, StoreSettings())
    now = store.claim().engine_time
    store.append(now, [change], [])
    store.close()


def wallet_on(data: Path, name: str) -> Wallet:
    store = open_embedded(data, die, StoreSettings())
    store.claim()
    image = store.load(WALLET, name.encode())
    store.close()
    assert image is not None
    wallet = decode_image(WALLET, image)
    assert isinstance(wallet, Wallet)
    return wallet


@pytest.fixture
def stopped(ended: tuple[Desk, dict[str, object]], tmp_path: Path) -> Path:
    """A data directory of one's own, to be damaged."""
    return Path(shutil.copytree(ended[0].data, tmp_path / "data"))


def test_the_audit_names_a_balance_that_its_records_do_not_prove(stopped: Path) -> None:
    """A millionth too much in the wallet's only bucket: 9.3583 is 9358300 millionths."""
    wallet = wallet_on(stopped, "1001")
    more = msgspec.structs.replace(wallet.buckets[0], value=9_358_301)
    put(stopped, entry_of(msgspec.structs.replace(wallet, buckets=(more,)), DictSnapshot()))
    said = from_disk(stopped, "audit")
    assert said.status == 1
    first, total = said.out.splitlines()
    assert first == "wallet 1001: bucket 1 has 9358301, its records say 9358300"
    assert total.endswith(" records, differences: 1")
    as_json = from_disk(stopped, "audit --json")
    assert as_json.status == 1
    assert [one["wallet"] for one in as_json.json["findings"]] == ["1001"]


def test_an_image_that_cannot_be_read_is_said_and_the_audit_goes_on(stopped: Path) -> None:
    put(stopped, Entry(WALLET, b"1001", b"\xff broken"))
    said = from_disk(stopped, "wallet get 1001")
    assert (said.status, said.out) == (1, "")
    assert "error -32603: image format" in said.err
    assert [row.split()[0] for row in from_disk(stopped, "wallet list").out.splitlines()] == ["wallet", "1002", "1003"]
    audit = from_disk(stopped, "audit")
    assert audit.status == 1
    assert audit.out.startswith("wallet 1001: image format")
    assert audit.out.splitlines()[-1].startswith("3 wallets, ")
