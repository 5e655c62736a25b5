"""The bearer token's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollhouse.main.token import TokenError, read_token


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "made" / "token"
    token = read_token(path)
    assert len(token) == 43  # 32 bytes in base64 without padding
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_token(path) == token
    assert [one.name for one in path.parent.iterdir()] == ["token"]


def test_two_are_never_the_same(tmp_path: Path) -> None:
    assert read_token(tmp_path / "a") != read_token(tmp_path / "b")


def test_an_operators_own_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o400)
    path.chmod(0o600)
    path.write_text("of-my-own\n")
    path.chmod(0o400)
    assert read_token(path) == "of-my-own"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o755])
def test_a_wider_mode_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text("secret-word")
    path.chmod(mode)
    with pytest.raises(TokenError, match=rf"mode 0{mode:o} lets others read it; chmod 600") as caught:
        read_token(path)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"two\nlines\n", b"caf\xc3\xa9"])
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(TokenError, match="token file"):
        read_token(path)


def test_a_directory_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir(mode=0o700)
    with pytest.raises(TokenError, match="Is a directory"):
        read_token(tmp_path / "token")
