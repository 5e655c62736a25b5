"""The probes as data: each kind of packet with its options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

import msgspec

from tollhouse.cli.parser import word


class Server(msgspec.Struct, frozen=True):
    """Where packets go; port 0 is the protocol's own."""

    host: str
    port: int


class Option(msgspec.Struct, frozen=True):
    """An option of a probe; without a default it is required."""

    name: str
    help: str
    default: object = None
    kind: Callable[[str], object] = word

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """As `--name`."""
        told = self.help if self.default in (None, "") else f"{self.help} (default: {self.default})"
        parser.add_argument(
            f"--{self.name}", help=told, type=self.kind, default=self.default, required=self.default is None
        )


def server(text: str) -> Server:
    """`HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`. Raises ArgumentTypeError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "0"
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST or HOST:PORT")
    return Server(host, int(port))


def seconds(text: str) -> float:
    """More than nothing, at most an hour. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def whole(text: str) -> int:
    """0 to 2**32 - 1, what an attribute of 4 octets holds. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


SERVER: Final = Option("server", "HOST or HOST:PORT; the protocol's port where none is given", "127.0.0.1", server)
TIMEOUT: Final = Option("timeout", "seconds to wait for each answer", "5", seconds)
_CALLED: Final = Option("called", "the number that is called")
_SECRET: Final = Option("secret", "shared with the server", "testing123")
_USER: Final = Option("user", "User-Name: who pays")
_PASSWORD: Final = Option("password", "the user's")
_CALLING: Final = Option("calling", "the number that calls", "")
_LENGTH: Final = Option("seconds", "the call's length so far", "85", whole)
_PORT: Final = Option("accounting-port", "where Start and Stop go; 0: the port after the server's", "0", whole)
_ACCESS: Final = (_USER, _PASSWORD, _CALLED, _CALLING, _SECRET)
_ACCOUNTING: Final = (_USER, _CALLED, _CALLING, _SECRET)
_SESSION: Final = Option("session", "Acct-Session-Id of the call; what `auth` said for it")
_NEW_SESSION: Final = Option("session", "Acct-Session-Id of the call; a new one where it is not given", "")

_PEERS: Final = (
    Option("origin-host", "who we are", "probe.demo.invalid"),
    Option("origin-realm", "our realm", "demo.invalid"),
    Option("realm", "Destination-Realm", "demo.invalid"),
)
_SUBSCRIBER: Final = Option("subscriber", "Subscription-Id, type E164: who pays")
_SESSION_ID: Final = Option("session-id", "Session-Id; what `ccr-i` said for it")
_NEW_SESSION_ID: Final = Option("session-id", "Session-Id; a new one where it is not given", "")
_NUMBER: Final = Option("number", "CC-Request-Number", "1", whole)
_USED: Final = Option("used", "seconds used since the report before", "0", whole)
_DIAMETER: Final = (_SUBSCRIBER, _CALLED, *_PEERS)

_CALLER: Final = Option("caller", "user part of From: who pays", "probe")

PROBES: Final[dict[str, dict[str, tuple[str, tuple[Option, ...]]]]] = {
    "radius": {
        "auth": ("Access-Request (PAP): may this call go ahead?", (*_ACCESS, _NEW_SESSION)),
        "start": ("Accounting-Request Start", (*_ACCOUNTING, _SESSION)),
        "interim": ("Accounting-Request Interim-Update", (*_ACCOUNTING, _SESSION, _LENGTH)),
        "stop": ("Accounting-Request Stop", (*_ACCOUNTING, _SESSION, _LENGTH)),
        "status": ("Status-Server (RFC 5997)", (_SECRET,)),
        "call": ("Access-Request, Start, Stop", (*_ACCESS, _LENGTH, _PORT)),
    },
    "diameter": {
        "ccr-i": ("CER, CCR-Initial, DPR: the session stays open", (*_DIAMETER, _NEW_SESSION_ID)),
        "ccr-u": ("CER, CCR-Update, DPR", (*_DIAMETER, _SESSION_ID, _NUMBER, _USED)),
        "ccr-t": ("CER, CCR-Termination, DPR", (*_DIAMETER, _SESSION_ID, _NUMBER, _USED)),
        "call": ("CER, CCR-Initial, -Update, -Termination, DPR", (*_DIAMETER, _NEW_SESSION_ID, _LENGTH)),
    },
    "sip": {
        "options": ("OPTIONS: does it serve?", (_CALLER,)),
        "invite": ("INVITE and its ACK: where does this call go?", (_CALLER, _CALLED)),
    },
}
