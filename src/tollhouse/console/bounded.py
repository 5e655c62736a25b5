"""What a client of the HTTP port may cost: connections, octets and seconds are bounded before anyone is known.

A body is kept in memory, never in a file: a full disk must not silence the console.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

BODY_MAX: Final = 1024 * 1024
"""Octets of a request's body; what comes beyond is read and thrown away, then answered 413."""

CONNECTIONS_MAX: Final = 512
"""Open connections; one more is closed at once. Half of the 1024 files that a process may usually hold."""

REQUEST_TIME: Final = 30
"""Seconds from a connection's beginning, or from its last answer, to the end of the next request."""

JSON: Final = b"application/json"


def is_json(request: Request) -> bool:
    """Whether the body says that it is JSON."""
    kind = request.getHeader(b"content-type") or b""
    return kind.partition(b";")[0].strip().lower() == JSON


class BoundedRequest(Request):
    """A request that keeps no more of its body than is allowed, and nothing of a body that is no JSON."""

    too_large = False

    def gotLength(self, length: int | None) -> None:
        """The headers are all there."""
        self.too_large = length is not None and length > BODY_MAX
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep the chunk while the body is within its bound."""
        content: Any = self.content
        if self.too_large or content.tell() + len(data) > BODY_MAX:
            self.too_large = True
        elif is_json(self):
            content.write(data)


class BoundedChannel(HTTPChannel):
    """A connection whose clock does not start anew with every octet that trickles in."""

    def connectionMade(self) -> None:
        """Count it."""
        self.factory.connections += 1
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count it off."""
        self.factory.connections -= 1
        super().connectionLost(reason)

    def resetTimeout(self) -> None:
        """What arrives gives no more time: a request is there within REQUEST_TIME or the connection ends."""


class BoundedSite(Site):
    """A site that closes connections beyond its bound. `reactor` counts its seconds."""

    protocol: Any = BoundedChannel

    def __init__(self, root: Resource, reactor: Any) -> None:
        super().__init__(root, requestFactory=BoundedRequest, timeout=REQUEST_TIME, reactor=reactor)
        self.displayTracebacks = False
        self.connections = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """The connection, or None: too many are open."""
        return super().buildProtocol(addr) if self.connections < CONNECTIONS_MAX else None

    def log(self, request: Any) -> None:
        """Requests are counted, not logged: an address may hold what is nobody's business."""
