"""JSON-RPC 2.0 (jsonrpc.org/specification) over bytes: one request or a batch in, one answer out. No I/O.

Errors: -32700 no JSON, -32600 no request, -32601 no such method, -32602 parameters, -32603 our own error, and
-32000 for every refusal, with `data` {"refusal": its name, "retry": whether the same request may succeed later}.
Parameters go by name only. A request without an id is a notification: it is done and not answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import msgspec

from tollhouse.console.desk import Desk, Json, ParameterError
from tollhouse.console.methods import METHODS, PAGES
from tollhouse.console.params import Method
from tollhouse.console.views import refused
from tollhouse.engine.book import DamagedError
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REFUSED: Final = -32000

BATCH_MAX: Final = 1000
PAGES_MAX: Final = 4
"""Pages in a batch: all of a batch is done in one turn, and calls wait for it."""

Respond: TypeAlias = Callable[[bytes | None], None]
"""Takes the answer's bytes; None = there is nothing to answer."""
Id: TypeAlias = str | int | float | None


class Fault(Exception):
    """An error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def handle(body: bytes, desk: Desk, respond: Respond) -> None:
    """Do what the body asks; `respond` is called once, when every answer in it is there. Never raises."""
    try:
        document = read(body)
    except Fault as fault:
        desk.tally.count("jsonrpc_errors", str(fault.code))
        return respond(encode(failure(None, fault.code, str(fault))))
    if not isinstance(document, list):
        return one(document, desk, lambda answer: respond(encode(answer) if answer else None))
    return Batch(len(document), respond).run(document, desk)


def read(body: bytes) -> object:
    """A request, or a batch that is not empty. Raises Fault.

    A name that an object has twice is refused: whoever looks at a request on its way here may read the other value.
    """
    try:
        document: object = msgspec.json.decode(body)
        json.loads(body, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise Fault(PARSE_ERROR, "the body is no JSON") from None
    if isinstance(document, list) and not 0 < len(document) <= BATCH_MAX:
        raise Fault(INVALID_REQUEST, f"a batch holds 1 to {BATCH_MAX} requests")
    if isinstance(document, list) and sum(map(asks_for_page, document)) > PAGES_MAX:
        raise Fault(INVALID_REQUEST, f"a batch asks for at most {PAGES_MAX} pages (lists, audit)")
    return document


def asks_for_page(request: object) -> bool:
    """Whether the request reads a page of many entities."""
    name = request.get("method") if isinstance(request, dict) else None
    return isinstance(name, str) and name in PAGES


def unique(pairs: list[tuple[str, object]]) -> None:
    """Raises Fault where a name comes twice."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise Fault(INVALID_REQUEST, "an object has a name twice")


class Batch:
    """Answers of a batch, kept in the order of its requests until the last one is there."""

    def __init__(self, size: int, respond: Respond) -> None:
        self._answers: list[Json | None] = [None] * size
        self._missing = size
        self._respond = respond

    def run(self, requests: list[object], desk: Desk) -> None:
        """Do all of them, in order."""
        for place, request in enumerate(requests):
            one(request, desk, partial(self._take, place))

    def _take(self, place: int, answer: Json | None) -> None:
        self._answers[place] = answer
        self._missing -= 1
        if not self._missing:
            answers = [known for known in self._answers if known]
            self._respond(encode(answers) if answers else None)


def one(request: object, desk: Desk, answer: Callable[[Json | None], None]) -> None:
    """Do one request; `answer` is called once, with None for a notification."""

    def fail(identity: Id, silent: bool, code: int, message: str) -> None:
        desk.tally.count("jsonrpc_errors", str(code))
        answer(None if silent else failure(identity, code, message))

    try:
        identity, silent, name, method = parse(request)
    except Fault as fault:
        silent = isinstance(request, dict) and "id" not in request and fault.code != INVALID_REQUEST
        return fail(known_id(request), silent, fault.code, str(fault))

    def told(result: Json | Refused) -> None:
        if isinstance(result, Refused):
            desk.tally.count("jsonrpc_errors", str(code_of(result)))
        answer(None if silent else outcome(identity, result))

    desk.tally.count("jsonrpc_requests", name)
    try:
        method.run(desk, told)
    except ParameterError as error:
        fail(identity, silent, INVALID_PARAMS, str(error))
    except DamagedError as error:
        fail(identity, silent, INTERNAL_ERROR, f"{error}; system.audit names what is damaged")


def parse(request: object) -> tuple[Id, bool, str, Method]:
    """Id, whether it is a notification, the method's name, and the method with its parameters. Raises Fault."""
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
        raise Fault(INVALID_REQUEST, 'a request is an object with "jsonrpc": "2.0"')
    identity = request.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | float | None):
        raise Fault(INVALID_REQUEST, "id: a string, a number or null")
    name, params = request.get("method"), request.get("params", {})
    if not isinstance(name, str) or not isinstance(params, dict | list):
        raise Fault(INVALID_REQUEST, "method is a string, params an object")
    kind = METHODS.get(name)
    if kind is None:
        raise Fault(METHOD_NOT_FOUND, f"no method {name[:64]!r}")
    if isinstance(params, list):
        raise Fault(INVALID_PARAMS, "parameters go by name")
    try:
        return identity, "id" not in request, name, msgspec.convert(params, type=kind)
    except msgspec.ValidationError as error:
        raise Fault(INVALID_PARAMS, str(error)) from error


def known_id(request: object) -> Id:
    """The id of a request that is wrong in something else; null where it has none that can be named."""
    identity = request.get("id") if isinstance(request, dict) else None
    return identity if isinstance(identity, str | int | float) and not isinstance(identity, bool) else None


def outcome(identity: Id, result: Json | Refused) -> Json:
    """The answer to a request that was understood."""
    if not isinstance(result, Refused):
        return {"jsonrpc": "2.0", "id": identity, "result": result}
    message = f"{result.refusal.value}: {result.detail}" if result.detail else result.refusal.value
    return failure(identity, code_of(result), message, refused(result))


def code_of(result: Refused) -> int:
    """-32603 for a bug of ours, -32000 for everything that was decided."""
    return INTERNAL_ERROR if result.refusal is Refusal.INTERNAL_ERROR else REFUSED


def failure(identity: Id, code: int, message: str, data: Json | None = None) -> Json:
    """The error object of section 5.1."""
    error: Json = {"code": code, "message": message}
    return {"jsonrpc": "2.0", "id": identity, "error": {**error, "data": data} if data else error}


def encode(document: object) -> bytes:
    """The answer's bytes."""
    return msgspec.json.encode(document)
