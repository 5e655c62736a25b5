"""`tollhouse secret seal`: a secret goes in by a pipe or a terminal, and comes out sealed under the appliance's key."""

from __future__ import annotations

import io
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.cli.terminal import Said, tollhouse
from tests.processes import PATIENCE, TOLLHOUSE

from tollhouse.configdb.secrets import SecretBox

Piped: TypeAlias = Callable[..., Said]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Piped:
    """A command with these octets on its standard input."""

    def run(given: bytes, *words: str | Path) -> Said:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        return tollhouse("secret", "seal", *map(str, words))

    return run


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key file, as the first start makes it."""
    SecretBox(tmp_path / "key")
    return tmp_path / "key"


@pytest.mark.parametrize("given", ["testing123", "testing123\n", "testing123\r\n"])
def test_a_line_from_a_pipe(piped: Piped, key: Path, given: str) -> None:
    said = piped(given.encode(), "--key-file", key)
    assert (said.status, said.err, said.out.count("\n")) == (0, "", 1)
    assert "testing123" not in said.out
    assert SecretBox(key).open(said.out.strip()) == b"testing123"


def test_what_is_in_the_line_stays(piped: Piped, key: Path) -> None:
    said = piped(" pässe, 'two' words \n".encode(), "--key-file", key)
    assert SecretBox(key).open(said.out.strip()) == " pässe, 'two' words ".encode()


def test_the_key_of_the_settings(piped: Piped, key: Path) -> None:
    settings = key.with_name("tollhouse.toml")
    settings.write_text('[paths]\nkey_file = "key"\n')
    said = piped(b"testing123\n", "--settings", settings)
    assert SecretBox(key).open(said.out.strip()) == b"testing123"


@pytest.mark.parametrize("given", [b"", b"\n", b"\r\n", b"one\ntwo\n", b"a\0b", b"\xff", b"x" * 4097])
def test_what_is_no_secret_is_not_sealed(piped: Piped, key: Path, given: bytes) -> None:
    said = piped(given, "--key-file", key)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("tollhouse: ")
    assert "secret" in said.err


def test_a_key_file_that_others_can_read(piped: Piped, key: Path) -> None:
    key.chmod(0o644)
    said = piped(b"testing123", "--key-file", key)
    assert (said.status, said.out) == (1, "")
    assert said.err == f"tollhouse: key file {key}: others can read it; chmod 600\n"


def test_no_key_is_made(piped: Piped, tmp_path: Path) -> None:
    """Sealed under a key of its own, the secret could never be opened by the appliance."""
    said = piped(b"testing123", "--key-file", tmp_path / "kye")
    assert (said.status, said.out) == (1, "")
    assert str(tmp_path / "kye") in said.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_key(piped: Piped, key: Path) -> None:
    key.write_text("no key")
    said = piped(b"testing123", "--key-file", key)
    assert (said.status, said.out, said.err) == (1, "", f"tollhouse: key file {key}: holds no key\n")


def test_settings_that_are_wrong(piped: Piped, tmp_path: Path) -> None:
    said = piped(b"testing123", "--settings", tmp_path / "gone.toml")
    assert (said.status, said.out) == (1, "")
    assert "gone.toml: No such file or directory" in said.err
    (tmp_path / "wrong.toml").write_text('[paths]\nkey = "key"\n')
    said = piped(b"testing123", "--settings", tmp_path / "wrong.toml")
    assert (said.status, said.out) == (1, "")
    assert "wrong.toml: paths.key: unknown key; the nearest allowed is key_file" in said.err


@pytest.mark.parametrize("words", ["testing123", "--secret testing123", "--settings a --key-file b"])
def test_no_secret_on_the_command_line(piped: Piped, words: str) -> None:
    said = piped(b"testing123", *words.split())
    assert (said.status, said.out) == (2, "")


@pytest.mark.parametrize(("again", "status"), [("testing123", 0), ("testing132", 1)])
def test_a_terminal_shows_nothing(key: Path, again: str, status: int) -> None:
    """Asked for twice, and not echoed; the output is a pipe, as in `... secret seal | xclip`."""
    ours, theirs = pty.openpty()
    command = [*TOLLHOUSE, "secret", "seal", "--key-file", str(key)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            for prompt, typed in (("secret: ", "testing123"), ("again: ", again)):
                asked = b""
                while not asked.endswith(prompt.encode()) and (more := os.read(process.stderr.fileno(), 1)):
                    asked += more
                assert asked.endswith(prompt.encode()), asked
                os.write(ours, typed.encode() + b"\n")
            out = process.stdout.read().decode()
            assert process.wait(PATIENCE) == status
            os.write(theirs, b"end")
            shown = b""
            while not shown.endswith(b"end"):
                shown += os.read(ours, 1000)
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)
    assert b"testing" not in shown
    assert (SecretBox(key).open(out.strip()) == b"testing123") if status == 0 else (out == "")
