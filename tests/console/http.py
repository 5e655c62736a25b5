"""The HTTP port on loopback, and a client that sends the octets it is told to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.console.desks import ScriptedCharging, desk
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tollhouse.console.desk import Desk
from tollhouse.console.metrics import Gauge, registry
from tollhouse.console.server import site

REACTOR: Any = reactor
PATIENCE = 20


@dataclass(frozen=True)
class Answer:
    """What came back on a connection until it was closed."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Line(Protocol):
    """Collects what arrives; `heard` is called when the other side has closed, `begun` when something has come."""

    def __init__(self) -> None:
        self.data = b""
        self.heard: Deferred[bytes] = Deferred()
        self.begun: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if not self.begun.called:
            self.begun.callback(self.data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.heard.callback(self.data)


@asynccontextmanager
async def serving(
    at: Desk | None = None, token: str | None = None, gauges: Sequence[Gauge] = (), clock: Any = REACTOR
) -> AsyncIterator[int]:
    """The port's number; closed at the end."""
    at = at or desk(ScriptedCharging())
    port = REACTOR.listenTCP(0, site(at, registry(at.tally, gauges), token, clock), interface="127.0.0.1")
    try:
        yield port.getHost().port
    finally:
        await maybeDeferred(port.stopListening)


async def connect(port: int) -> Line:
    """An open connection."""
    return await connectProtocol(TCP4ClientEndpoint(REACTOR, "127.0.0.1", port), Line())


async def end_of(line: Line) -> Answer:
    """The answer on a connection that the server closes behind it."""
    return parse(await line.heard.addTimeout(PATIENCE, REACTOR))


async def exchange(port: int, octets: bytes) -> Answer:
    """Send the octets, read until the server closes."""
    line = await connect(port)
    line.transport.write(octets)  # type: ignore[union-attr]
    return await end_of(line)


async def ask(port: int, body: bytes | object, **headers: str) -> Answer:
    """POST a body (bytes, or something to encode) to /jsonrpc."""
    return await exchange(port, post(body if isinstance(body, bytes) else json.dumps(body).encode(), **headers))


async def get(port: int, path: str, method: str = "GET") -> Answer:
    """A request without a body."""
    return await exchange(port, f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())


def post(body: bytes, **headers: str) -> bytes:
    """The octets of a POST to /jsonrpc after which the server closes; `content_type` is written Content-Type."""
    lines = {"host": "127.0.0.1", "connection": "close", "content_type": "application/json", **headers}
    lines.setdefault("content_length", str(len(body)))
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"POST /jsonrpc HTTP/1.1\r\n{head}\r\n".encode() + body


def parse(octets: bytes) -> Answer:
    """One answer, all of it."""
    head, _, body = octets.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    named = (line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), {name.lower(): value for name, value in named}, body)
