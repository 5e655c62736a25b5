"""The bearer token of the HTTP API: a file of mode 0600, made at the first start, read by the command line too."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


class TokenError(Exception):
    """The token file is not what it must be. Never says the token."""


def read_token(path: Path) -> str:
    """The token; one of 32 random bytes is made where there is none. TokenError where it can't be used."""
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _make(path)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise TokenError(f"token file {path}: mode {mode:04o} lets others read it; chmod 600 {path}")
        token = path.read_text(encoding="ascii").strip()
    except OSError as trouble:
        raise TokenError(f"token file {path}: {trouble.strerror}") from None
    except UnicodeDecodeError:
        raise TokenError(f"token file {path}: holds something else than a token") from None
    if not token or len(token.split()) != 1:
        raise TokenError(f"token file {path}: one line with the token is expected; remove the file and one is made")
    return token


def _make(path: Path) -> None:
    """A new file, whole or not at all: a start that is stopped halfway leaves none."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
