"""The end of a process in trouble: it says why and is gone at once, whatever would catch an exception."""

from __future__ import annotations

import errno
import subprocess
import sys

import lmdb
import pytest

from tollhouse.store.die import describe

SCRIPT = """
import atexit, logging
from tollhouse.store.die import die
logging.basicConfig(filename="/dev/stdout", format="log: %(message)s")
atexit.register(print, "cleaned up")
try:
    die("disk full while testing")
finally:
    print("went on")
"""


def test_die_says_why_and_ends_without_clean_up() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=30, check=False)
    said = "tollhouse: store trouble, the process ends: disk full while testing\n"
    assert (ended.returncode, ended.stderr, ended.stdout) == (70, said, f"log: {said}")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), OSError(errno.EDQUOT, "Quota"), lmdb.DiskError("mdb_txn_commit")]
)
def test_a_full_disk_is_called_a_full_disk(error: Exception) -> None:
    said = describe("writing a checkpoint", error)
    assert (
        said
        == f"disk full while writing a checkpoint: {error}. Make room and start again; nothing acknowledged is lost"
    )


def test_other_trouble_is_called_by_its_name() -> None:
    assert describe("reading", OSError(errno.EIO, "Input/output error")).startswith("OSError while reading: ")
    assert describe("reading", lmdb.CorruptedError("x")).startswith("CorruptedError while reading: ")


def test_a_write_that_lmdb_could_not_finish_is_a_full_disk_where_nothing_is_free() -> None:
    cut = lmdb.Error("mdb_txn_commit: Input/output error")
    assert describe("writing a checkpoint", cut, 4096).startswith("disk full while writing a checkpoint: ")
    assert describe("writing a checkpoint", cut, 2**30).startswith("Error while writing a checkpoint: ")
    assert describe("reading", OSError(errno.EIO, "Input/output error"), 0).startswith("OSError while reading: ")
