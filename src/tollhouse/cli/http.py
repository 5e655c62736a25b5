"""The way to a running engine: HTTP with the bearer token, which is read by itself. No proxy, no redirect."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tollhouse.cli.errors import FAILED, CommandError, LostError, SilentError

DEFAULT_URL: Final = "http://127.0.0.1:2080"


def base_url(text: str) -> str:
    """`http://host:port` or https, without a path. Raises ArgumentTypeError."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/") and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username is not None:
        raise ArgumentTypeError(f"{text!r} is not http://HOST:PORT")
    return text.rstrip("/")


class HttpLink:
    """Implements `Link`. `token` None: none is sent."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, body: bytes, patience: int) -> bytes:
        """The answer's body. SilentError where nothing answers, CommandError where HTTP refuses."""
        connection = self._connection(patience)
        try:
            connection.connect()
        except OSError as trouble:
            raise SilentError(f"nothing answers at {self._url}: {_words(trouble)}") from None
        try:
            connection.request("POST", "/jsonrpc", body, self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException) as trouble:
            raise LostError(f"no answer from {self._url}: {_words(trouble)}") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise CommandError(FAILED, _refusal(answer.status, text))
        return text

    def _connection(self, patience: int) -> HTTPConnection:
        parts = urlsplit(self._url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=patience)


def _words(trouble: Exception) -> str:
    return getattr(trouble, "strerror", None) or str(trouble) or type(trouble).__name__


def _refusal(status: int, text: bytes) -> str:
    said = text[:200].decode(errors="replace").strip().partition("\n")[0]
    hint = "; name the engine's token file by --token-file or TOLLHOUSE_TOKEN_FILE" if status == 401 else ""
    return f"error {status}: {said}{hint}"


def read_token(named: Path | None, defaults: Sequence[Path]) -> str | None:
    """The token of the file that was named; else of the first default that this user can read; else None.

    CommandError where the named file, or one that can be read, holds no token or lets others read it.
    """
    if named is not None:
        return _token(named)
    for path in defaults:
        try:
            with path.open("rb"):
                pass
        except OSError:
            continue
        return _token(path)
    return None


def _token(path: Path) -> str:
    try:
        mode = path.stat().st_mode & 0o777
        token = path.read_text(encoding="ascii").strip()
    except OSError as trouble:
        raise CommandError(FAILED, f"token file {path}: {trouble.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(FAILED, f"token file {path}: holds something else than a token") from None
    if mode & 0o077:
        raise CommandError(FAILED, f"token file {path}: mode {mode:04o} lets others read it; chmod 600 {path}")
    if len(token.split()) != 1:
        raise CommandError(FAILED, f"token file {path}: one line with the token is expected")
    return token
