"""Packets as a switch makes them, and a scripted engine on the other side of `Charging`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from tollhouse.radius.codec import SharedSecret, attribute, integer_attribute
from tollhouse.radius.dialects.numbers import numbers
from tollhouse.radius.dictionary import load
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Authorize, Command, Service, Stop, Total
from tollhouse.values.instants import HOUR, SECOND, Instant
from tollhouse.values.outcomes import Done, Granted, Outcome, Settled

DICTIONARIES = Path(__file__).resolve().parents[2] / "dictionaries" / "radius"
NAMES = load(DICTIONARIES)
NUMBERS = numbers(NAMES)
SECRET = SharedSecret(b"testing123")
NOW: Instant = 1_790_000_000 * SECOND
GATEWAY = Gateway("demo-switch", "demo", "127.0.0.0/8", b"testing123", b"", ("radius",))
GRANT = Granted("s-1", Service.VOICE, 5_700 * SECOND + 999_999, True, HOUR, "EUR", 6, 0, funds=9_358_300)


def put(name: str, value: bytes | str | int) -> bytes:
    """One attribute by its name in the dictionaries."""
    number = NAMES.number(name)
    if isinstance(value, int):
        return integer_attribute(number, value)
    return attribute(number, value.encode() if isinstance(value, str) else value)


def accounting(*attributes: bytes, secret: bytes = b"testing123", identifier: int = 9) -> bytes:
    """An Accounting-Request with its authenticator (RFC 2866 3)."""
    body = b"".join(attributes)
    header = bytes((4, identifier)) + (20 + len(body)).to_bytes(2, "big")
    return header + hashlib.md5(header + bytes(16) + body + secret).digest() + body


def access(*attributes: bytes, identifier: int = 8, authenticator: bytes = bytes(range(16))) -> bytes:
    """An unsigned Access-Request."""
    body = b"".join(attributes)
    return bytes((1, identifier)) + (20 + len(body)).to_bytes(2, "big") + authenticator + body


class ScriptedEngine:
    """`Charging` with an answer for each kind of command; answers are held back until `flush` where `hold` is set."""

    def __init__(self, answer: Callable[[Command], Outcome] | None = None) -> None:
        self.commands: list[Command] = []
        self.moment = NOW
        self.gateways = {"127.0.0.1": GATEWAY}
        self.open = True
        self.hold = False
        self.answer = answer or usual
        self._waiting: list[tuple[Command, Callable[[Outcome], None]]] = []

    def now(self) -> Instant:
        return self.moment

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        return self.gateways.get(address) if protocol == "radius" else None

    def accepting(self) -> bool:
        return self.open

    def submit(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        self.commands.append(command)
        self._waiting.append((command, answer))
        if not self.hold:
            self.flush()

    def flush(self) -> None:
        """Give the answers that are waiting."""
        waiting, self._waiting = self._waiting, []
        for command, answer in waiting:
            answer(self.answer(command))


def usual(command: Command) -> Outcome:
    """A grant of 5700 s for who asks, a settlement for who stops."""
    if isinstance(command, Authorize):
        return GRANT
    if isinstance(command, Stop):
        used = command.usage.units if isinstance(command.usage, Total) else 0
        return Settled("s-1", used, "EUR", 6, 641_700, 9_358_300)
    return Done(0)
