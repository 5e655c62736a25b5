"""JSON-RPC calls over whatever carries them: the running engine's HTTP port, or the disk that no engine holds."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from tollhouse.cli.errors import FAILED, CommandError

_FOREIGN: Final = "what answered does not speak JSON-RPC"


class Link(Protocol):
    """Carries a JSON-RPC body there and its answer back."""

    def ask(self, body: bytes, patience: int) -> bytes:
        """The answer, which begins within `patience` seconds. Raises CommandError."""


class _Error(msgspec.Struct, frozen=True):
    code: int
    message: str
    data: dict[str, object] = {}


class _Answer(msgspec.Struct, frozen=True):
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Error | None = None


def call(link: Link, method: str, params: dict[str, object], patience: int) -> bytes:
    """The result as JSON. CommandError where it is refused or the answer is none."""
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    try:
        answer = msgspec.json.decode(link.ask(body, patience), type=_Answer)
    except msgspec.DecodeError:
        raise CommandError(FAILED, _FOREIGN) from None
    if answer.error is not None:
        raise CommandError(FAILED, _said(answer.error))
    if answer.result is msgspec.UNSET:
        raise CommandError(FAILED, _FOREIGN)
    return bytes(answer.result)


def _said(error: _Error) -> str:
    later = "; the same request may succeed later" if error.data.get("retry") is True else ""
    return f"error {error.code}: {error.message}{later}"
