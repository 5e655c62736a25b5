"""The way to the engine: the token, and what comes of it when nothing, nobody or somebody else answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.terminal import Said, tollhouse
from tests.processes import Process, running_serve

from tollhouse.cli.http import read_token


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """`tollhouse serve`, which made its token file."""
    with running_serve(tmp_path_factory.mktemp("token"), protocols=()) as process:
        yield process


def status(process: Process, *words: str) -> Said:
    return tollhouse("system", "status", "--url", f"http://127.0.0.1:{process.http}", *words)


def token_file(directory: Path, text: str, mode: int = 0o600) -> str:
    path = directory / "token"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_token_of_the_file_opens(served: Process) -> None:
    said = status(served, "--token-file", str(served.token_file))
    assert (said.status, said.values()["accepting"]) == (0, "yes")


def test_the_environment_names_address_and_token(served: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLHOUSE_URL", f"http://127.0.0.1:{served.http}")
    monkeypatch.setenv("TOLLHOUSE_TOKEN_FILE", str(served.token_file))
    assert tollhouse("system", "status").values()["accepting"] == "yes"


def test_a_wrong_token_is_401(served: Process, tmp_path: Path) -> None:
    said = status(served, "--token-file", token_file(tmp_path, "guessed\n"))
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("tollhouse: error 401: a bearer token is required; ")
    assert "guessed" not in said.err


def test_no_token_is_401(served: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollhouse.main.__main__.TOKEN_FILES", ())
    said = status(served)
    assert (said.status, said.out) == (1, "")
    assert "error 401" in said.err
    assert "--token-file" in said.err


@pytest.mark.parametrize(
    ("text", "mode", "wrong"),
    [
        ("secret-word\n", 0o640, "mode 0640 lets others read it"),
        ("", 0o600, "one line with the token is expected"),
        ("two words\n", 0o600, "one line with the token is expected"),
        ("pässwort\n", 0o600, "holds something else than a token"),
    ],
)
def test_a_token_file_that_cannot_be_used(tmp_path: Path, text: str, mode: int, wrong: str) -> None:
    said = tollhouse("system", "status", "--token-file", token_file(tmp_path, text, mode))
    assert (said.status, said.out) == (1, "")
    assert wrong in said.err
    assert "secret-word" not in said.err


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    said = tollhouse("system", "status", "--token-file", str(tmp_path / "none"))
    assert (said.status, said.err) == (1, f"tollhouse: token file {tmp_path / 'none'}: No such file or directory\n")


def test_the_first_default_that_is_there_is_the_token(tmp_path: Path) -> None:
    second = Path(token_file(tmp_path, "second\n"))
    assert read_token(None, (tmp_path / "none", second)) == "second"
    assert read_token(None, (tmp_path / "none",)) is None


def test_nothing_answers() -> None:
    said = tollhouse("wallet", "list", "--url", "http://127.0.0.1:1")
    assert (said.status, said.out) == (3, "")
    assert said.err == (
        "tollhouse: nothing answers at http://127.0.0.1:1: Connection refused; "
        "with no engine running, --data DIR reads the disk\n"
    )
    moving = tollhouse(
        "wallet", "recharge", "1001", "--amount", "1", "--request-id", "a", "--url", "http://127.0.0.1:1"
    )
    assert moving.status == 3
    assert moving.err.endswith("; `wallet recharge` needs a running engine\n")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that reads one request, says this, and hangs up; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                asked = b""
                while not asked.endswith(b"}}"):
                    asked += connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join(10)


def test_an_answer_that_never_came_is_asked_for_again_under_the_same_id() -> None:
    with answering(b"") as url:
        said = tollhouse("wallet", "recharge", "1001", "--amount", "1", "--request-id", "mine", "--url", url)
    assert (said.status, said.out) == (3, "")
    assert "whether it was done is not known: ask again with --request-id mine" in said.err


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nelse\n", "error 404: else"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "error 302: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "what answered does not speak JSON-RPC"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "what answered does not speak JSON-RPC"),
    ],
)
def test_somebody_else_answers(answer: bytes, wrong: str) -> None:
    with answering(answer) as url:
        said = tollhouse("wallet", "list", "--url", url)
    assert (said.status, said.out) == (1, "")
    assert wrong in said.err
