"""The order of system calls: nothing is sent before the fdatasync that covers it. kill -9 could not show that.

The same check must fail where syncing is planted off; the plant is in the traced script, not in the product.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.peers.need import need
from tests.store.sync_order import CALLS, Answer, Order, sync_order

SCRIPT = """
import socket, sys
from pathlib import Path
from tollhouse.store.die import die
from tollhouse.store.embedded import EmbeddedStore
from tollhouse.store.files import OsFiles
from tollhouse.store.interface import Entry
from tollhouse.store.lmdb_state import LmdbState
from tollhouse.store.settings import StoreSettings

class Forgetful(OsFiles):
    def fdatasync(self, handle):
        pass

directory, files = Path(sys.argv[1]), {"synced": OsFiles, "planted": Forgetful}[sys.argv[2]]
store = EmbeddedStore(files(directory), LmdbState(directory), die, StoreSettings(segment_bytes=4096))
store.claim()
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(20):
    store.append(1, [Entry(1, b"wallet", b"x" * 300)], [])
    sender.sendto(b"answer", peer.getsockname())
store.close()
"""


def traced(directory: Path, disk: str) -> Order:
    strace, output = need("strace"), directory / "trace"
    (directory / "store").mkdir()
    subprocess.run(
        [strace, "-f", "-y", "-e", CALLS, "-o", output, sys.executable, "-c", SCRIPT, directory / "store", disk],
        check=True,
        timeout=60,
    )
    return sync_order(output.read_text())


@pytest.mark.peer
def test_an_answer_leaves_after_the_sync_that_covers_it(tmp_path: Path) -> None:
    order = traced(tmp_path, "synced")
    assert order.early == []
    assert order.sends == 20
    assert order.writes == 20, "headers go to the spare before it is named a segment"
    assert order.syncs >= 20


@pytest.mark.peer
def test_the_check_fails_where_syncing_is_planted_off(tmp_path: Path) -> None:
    order = traced(tmp_path, "planted")
    assert order.writes == order.sends == len(order.early) == 20
    assert order.syncs == 0


WRITE = "7 pwrite64(5</s/journal/00000001.log>, ..., 40, 64) = 40"
SEND = "7 sendto(6<UDP:[127.0.0.1:1812]>, ..., 20, 0, ...) = 20"


@pytest.mark.parametrize(
    ("sync", "early"),
    [
        (["7 fdatasync(5</s/journal/00000001.log>) = 0"], 0),
        (["7 fdatasync(5</s/journal/00000001.log>) = -1 EIO (Input/output error)"], 1),
        (["7 fdatasync(9</s/journal/00000002.log>) = 0"], 1),
        (["8 fdatasync(5</s/journal/00000001.log> <unfinished ...>"], 1),
        (["8 fdatasync(5</s/journal/00000001.log> <unfinished ...>", "8 <... fdatasync resumed>) = 0"], 0),
        ([], 1),
    ],
)
def test_a_send_is_early_until_a_sync_begun_after_the_write_has_ended(sync: list[str], early: int) -> None:
    order = sync_order("\n".join([WRITE, *sync, SEND]))
    assert (order.writes, order.sends, len(order.early)) == (1, 1, early)


def test_a_sync_begun_before_the_write_does_not_cover_it() -> None:
    begun = "8 fdatasync(5</s/journal/00000001.log> <unfinished ...>"
    order = sync_order("\n".join([begun, WRITE, "8 <... fdatasync resumed>) = 0", SEND]))
    assert len(order.early) == 1


READ = "7 recvfrom(6<UDP:[127.0.0.1:1812]>, ..., 65535, 0, ...) = 20"
NOTHING_READ = "7 recvfrom(6<UDP:[127.0.0.1:1812]>, ..., 65535, 0, ...) = -1 EAGAIN (Resource temporarily unavailable)"
SYNC = "7 fdatasync(5</s/journal/00000001.log>) = 0"


@pytest.mark.parametrize(
    ("lines", "recorded"),
    [
        ([READ, WRITE, SYNC, SEND], True),
        ([READ, NOTHING_READ, WRITE, SYNC, NOTHING_READ, SEND], True),
        ([READ, SEND, WRITE, SYNC], False),
        ([WRITE, SYNC, READ, SEND], False),
        ([READ, WRITE, SEND, SYNC], False),
        (
            [
                "8 pwrite64(5</s/journal/00000001.log> <unfinished ...>",
                READ,
                "8 <... pwrite64 resumed>) = 40",
                SYNC,
                SEND,
            ],
            False,
        ),
    ],
)
def test_an_answer_is_recorded_by_a_write_that_began_after_its_request(lines: list[str], recorded: bool) -> None:
    assert sync_order("\n".join(lines)).answers == [Answer("UDP:[127.0.0.1:1812]", recorded)]


def test_a_connection_is_told_by_both_its_ends() -> None:
    pair = "TCP:[127.0.0.1:3868->127.0.0.1:40000]"
    order = sync_order(f"7 recvfrom(9<{pair}>, ..., 65536, 0) = 99\n7 sendto(9<{pair}>, ..., 99, 0) = 99")
    assert order.answers == [Answer(pair, recorded=False)]
