"""HTTP: POST /jsonrpc, GET /metrics, GET /health. Carries bytes; what they mean is `jsonrpc`'s business.

A body must say that it is JSON: a browser sends that to another origin only after asking. Without a token (the demo)
the Host must be a name of this machine, so that no name that is later made to point here gets through either.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any, Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tollhouse.console.bounded import BODY_MAX, JSON, BoundedSite, is_json
from tollhouse.console.desk import Desk
from tollhouse.console.jsonrpc import handle
from tollhouse.console.metrics import exposition

_OWN_NAMES: Final = (b"", b"127.0.0.1", b"localhost", b"[::1]")


class JsonRpc(Resource):
    """POST /jsonrpc. `token` None: whoever reaches the port may ask (demo, on loopback)."""

    isLeaf = True

    def __init__(self, desk: Desk, token: str | None) -> None:
        super().__init__()
        self._desk = desk
        self._token = None if token is None else token.encode()

    def render(self, request: Request) -> bytes | int:
        """401, 403, 405, 413, 415, or what JSON-RPC answers: 200, and 204 where there is nothing to say."""
        if self._token is not None and not bears(request, self._token):
            request.setHeader(b"www-authenticate", b'Bearer realm="tollhouse"')
            return self._refuse(request, 401, "token", "a bearer token is required")
        if self._token is None and host(request) not in _OWN_NAMES:
            return self._refuse(request, 403, "host", "without a token: only as 127.0.0.1 or localhost")
        if request.method != b"POST":
            request.setHeader(b"allow", b"POST")
            return self._refuse(request, 405, "method", "POST a JSON-RPC request")
        if getattr(request, "too_large", False):
            return self._refuse(request, 413, "size", f"a body has at most {BODY_MAX} octets")
        if not is_json(request):
            return self._refuse(request, 415, "type", "Content-Type: application/json")
        self._answer(request)
        return NOT_DONE_YET

    def _refuse(self, request: Request, code: int, reason: str, text: str) -> bytes:
        """An error of HTTP, counted and said in one line."""
        peer: Any = request.getClientAddress()
        self._desk.tally.trouble("http_refused", reason, self._desk.charging.now(), f"from {peer.host}")
        return problem(request, code, text)

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


def bears(request: Request, token: bytes) -> bool:
    """Whether the request carries the token (RFC 6750 section 2.1); takes the same time however much of it is right."""
    scheme, _, offered = (request.getHeader(b"authorization") or b"").partition(b" ")
    return compare_digest(offered.strip(), token) and scheme.lower() == b"bearer"


def host(request: Request) -> bytes:
    """The name by which the client calls us, without the port."""
    name = (request.getHeader(b"host") or b"").strip().lower()
    return name[: name.find(b"]") + 1] if name.startswith(b"[") else name.partition(b":")[0]


def problem(request: Request, code: int, text: str) -> bytes:
    """An error of HTTP, said in one line."""
    request.setResponseCode(code)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return f"{text}\n".encode()


class Readable(Resource):
    """What is only read; by itself, a page that is not there."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """405, or the page."""
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"allow", b"GET, HEAD")
            return problem(request, 405, "GET it")
        return self.render_GET(request)

    def render_GET(self, request: Request) -> bytes:
        """404."""
        return problem(request, 404, "POST /jsonrpc, GET /health, GET /metrics")


class Root(Resource):
    """The way to the three pages."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Every other path."""
        return Readable()


class Metrics(Readable):
    """GET /metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        """The text format of Prometheus."""
        request.setHeader(b"content-type", CONTENT_TYPE_LATEST.encode())
        return exposition(self._registry)


class Health(Readable):
    """GET /health: 200 while new sessions are taken, else (draining, or the disk is low) 503."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def render_GET(self, request: Request) -> bytes:
        """Whether it serves, as JSON."""
        accepting = self._desk.charging.accepting()
        request.setResponseCode(200 if accepting else 503)
        request.setHeader(b"content-type", JSON)
        return msgspec.json.encode({"status": "ok" if accepting else "not accepting"})


def site(desk: Desk, registry: CollectorRegistry, token: str | None, reactor: Any) -> Site:
    """What main listens with; `reactor` counts the seconds that a request may take to arrive."""
    root: Any = Root()
    root.putChild(b"jsonrpc", JsonRpc(desk, token))
    root.putChild(b"metrics", Metrics(registry))
    root.putChild(b"health", Health(desk))
    return BoundedSite(root, reactor)
