"""Passwords and shared secrets at rest: sealed with Fernet (AES-128-CBC, HMAC-SHA256) under a key file of mode 0600."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

_KEPT = 16_384


class SecretError(Exception):
    """The key file is not what it must be, or a text was not sealed with it. Never says the secret."""


class SecretBox:
    """Seals and opens under one key file, which is made when it is missing."""

    def __init__(self, key_file: Path) -> None:
        self.key_file = key_file
        self._fernet = Fernet(_read_key(key_file))
        self._opened: dict[str, bytes] = {}

    def seal(self, secret: str) -> str:
        """The sealed text; an empty secret stays empty."""
        return self._fernet.encrypt(secret.encode()).decode() if secret else ""

    def open(self, sealed: str) -> bytes:
        """The secret. SecretError where the text was not sealed with this key."""
        if not sealed:
            return b""
        held = self._opened.get(sealed)
        if held is None:
            try:
                held = self._fernet.decrypt(sealed.encode())
            except InvalidToken:
                raise SecretError("not sealed with this key file") from None
            if len(self._opened) >= _KEPT:
                self._opened.clear()
            self._opened[sealed] = held
        return held


def _read_key(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as trouble:
        raise SecretError(f"key file {path}: {trouble.strerror}") from None
    else:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        if path.stat().st_mode & 0o077:
            raise SecretError(f"key file {path}: others can read it; chmod 600")
        key = path.read_bytes().strip()
        Fernet(key)
    except OSError as trouble:
        raise SecretError(f"key file {path}: {trouble.strerror}") from None
    except ValueError:
        raise SecretError(f"key file {path}: holds no key") from None
    return key
