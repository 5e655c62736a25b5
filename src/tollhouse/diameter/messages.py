"""Answers around a body, and the answer to a request that cannot be served (RFC 6733 6.2 and 7.2)."""

from __future__ import annotations

from typing import Final

from tollhouse.diameter import names
from tollhouse.diameter.codec import (
    DiameterError,
    Header,
    message_bytes,
    octets_avp,
    salvage,
    text_avp,
    unsigned32_avp,
)

_REQUEST_ECHO: Final = (names.CC_REQUEST_TYPE, names.CC_REQUEST_NUMBER)
_REASON_LIMIT: Final = 120
_UNFRAMED: Final = frozenset({names.Result.UNSUPPORTED_VERSION, names.Result.INVALID_MESSAGE_LENGTH})


def answer(request: Header, result: int, body: bytes) -> bytes:
    """A whole answer: ids and P as in the request, R and T off, E for protocol errors (3xxx)."""
    flags = request.flags & names.PROXIABLE
    if 3000 <= result < 4000:
        flags |= names.ERROR
    return message_bytes(flags, request.command, request.application, request.hop_by_hop, request.end_to_end, body)


def error_answer(request: Header, message: bytes, error: DiameterError, origin: bytes) -> bytes:
    """The answer that says what is wrong with `message`.

    Protocol errors, and requests so incomplete that their own answer's grammar cannot be met, take the
    `answer-message` grammar with E set; others their command's grammar (requirement diameter 3.3).
    """
    sound = salvage(message)
    first = dict(reversed(sound))
    proxies = [raw for key, raw in sound if key == names.PROXY_INFO]
    echo: list[bytes] = []
    flags = request.flags & names.PROXIABLE
    if 3000 <= error.result < 4000:
        flags |= names.ERROR
    elif request.command == names.CCR and request.application == names.CREDIT_CONTROL:
        if all(key in first for key in (names.SESSION_ID, *_REQUEST_ECHO)):
            application = unsigned32_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL)
            echo = [application, *(first[key] for key in _REQUEST_ECHO)]
        else:
            flags |= names.ERROR
    elif request.application != names.BASE or error.result in _UNFRAMED:
        flags |= names.ERROR
    body = b"".join(
        (
            first.get(names.SESSION_ID, b""),
            unsigned32_avp(names.RESULT_CODE, error.result),
            origin,
            *echo,
            text_avp(names.ERROR_MESSAGE, error.reason[:_REASON_LIMIT], mandatory=False),
            octets_avp(names.FAILED_AVP, error.failed) if error.failed else b"",
            *proxies,
        )
    )
    return message_bytes(flags, request.command, request.application, request.hop_by_hop, request.end_to_end, body)
