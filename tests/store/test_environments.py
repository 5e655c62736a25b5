"""LMDB files as this product opens them."""

from __future__ import annotations

from pathlib import Path

from tollhouse.store.environments import open_environment


def test_a_lock_file_has_no_holes(tmp_path: Path) -> None:
    """A write to a mapped hole on a full disk would kill the process without a word."""
    with open_environment(tmp_path / "file.lmdb", databases=1) as environment:
        lock = (tmp_path / "file.lmdb-lock").stat()
        assert lock.st_blocks * 512 >= lock.st_size > 0
        assert environment.info()["max_readers"] == 126


def test_an_old_lock_file_with_holes_is_filled(tmp_path: Path) -> None:
    with (tmp_path / "file.lmdb-lock").open("wb") as file:
        file.truncate(8192)
    with open_environment(tmp_path / "file.lmdb", databases=1):
        lock = (tmp_path / "file.lmdb-lock").stat()
    assert lock.st_blocks * 512 >= lock.st_size == 8192


def test_what_is_left_of_one_that_was_never_whole_is_made_anew(tmp_path: Path) -> None:
    """A crash or a full disk cut it short before it had its name."""
    (tmp_path / "file.lmdb.new").write_bytes(bytes(4096))
    with (
        open_environment(tmp_path / "file.lmdb", databases=1) as environment,
        environment.begin(write=True) as transaction,
    ):
        transaction.put(b"key", b"value")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.lmdb", "file.lmdb-lock"]
