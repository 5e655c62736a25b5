"""HTTP: POST /jsonrpc, GET /metrics, GET /health. Carries bytes; what they mean is `jsonrpc`'s business.

A body must say that it is JSON: a browser sends that to another origin only after asking, so no web page can drive a
demo that runs without a token.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any, Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tollhouse.console.desk import Desk
from tollhouse.console.jsonrpc import handle
from tollhouse.console.metrics import exposition

BODY_MAX: Final = 1024 * 1024
"""Octets of a request's body; what comes beyond is read and thrown away, then answered 413."""

JSON: Final = b"application/json"


class BoundedRequest(Request):
    """A request that keeps no more of its body than is allowed."""

    too_large = False

    def handleContentChunk(self, data: bytes) -> None:
        """Keep the chunk while the body is within its bound."""
        content: Any = self.content
        if self.too_large or content.tell() + len(data) > BODY_MAX:
            self.too_large = True
        else:
            super().handleContentChunk(data)


class JsonRpc(Resource):
    """POST /jsonrpc. `token` None: whoever reaches the port may ask (demo, on loopback)."""

    isLeaf = True

    def __init__(self, desk: Desk, token: str | None) -> None:
        super().__init__()
        self._desk = desk
        self._token = None if token is None else f"Bearer {token}".encode()

    def render(self, request: Request) -> bytes | int:
        """401, 405, 413, 415, or what JSON-RPC answers: 200, and 204 where there is nothing to say."""
        if not self._allowed(request.getHeader(b"authorization")):
            request.setHeader(b"www-authenticate", b'Bearer realm="tollhouse"')
            return problem(request, 401, "a bearer token is required")
        if request.method != b"POST":
            request.setHeader(b"allow", b"POST")
            return problem(request, 405, "POST a JSON-RPC request")
        if getattr(request, "too_large", False):
            return problem(request, 413, f"a body has at most {BODY_MAX} octets")
        kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
        if kind != JSON:
            return problem(request, 415, "Content-Type: application/json")
        self._answer(request)
        return NOT_DONE_YET

    def _allowed(self, offered: bytes | None) -> bool:
        return self._token is None or compare_digest(offered or b"", self._token)

    def _answer(self, request: Request) -> None:
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)

        def respond(body: bytes | None) -> None:
            if gone:
                return
            request.setResponseCode(204 if body is None else 200)
            if body is not None:
                request.setHeader(b"content-type", JSON)
                request.setHeader(b"content-length", str(len(body)).encode())
                request.write(body)
            request.finish()

        content: Any = request.content
        handle(content.read(), self._desk, respond)


class Metrics(Resource):
    """GET /metrics."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        """The text format of Prometheus."""
        request.setHeader(b"content-type", CONTENT_TYPE_LATEST.encode())
        return exposition(self._registry)


class Health(Resource):
    """GET /health: 200 while new sessions are taken, else 503."""

    isLeaf = True

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def render_GET(self, request: Request) -> bytes:
        """Whether it serves, as JSON."""
        accepting = self._desk.charging.accepting()
        request.setResponseCode(200 if accepting else 503)
        request.setHeader(b"content-type", JSON)
        return msgspec.json.encode({"status": "ok" if accepting else "not accepting"})


def problem(request: Request, code: int, text: str) -> bytes:
    """An error of HTTP, said in one line."""
    request.setResponseCode(code)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return f"{text}\n".encode()


def site(desk: Desk, registry: CollectorRegistry, token: str | None) -> Site:
    """What main listens with."""
    root: Any = Resource()
    root.putChild(b"jsonrpc", JsonRpc(desk, token))
    root.putChild(b"metrics", Metrics(registry))
    root.putChild(b"health", Health(desk))
    made = Site(root, requestFactory=BoundedRequest, timeout=60)
    made.displayTracebacks = False
    return made
