"""A redirect server's words (RFC 3261 8.3): from an INVITE to `Authorize`, from its outcome to a 302 or a refusal."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tollhouse.sip.codec import CodecError, Request, first_uri
from tollhouse.sip.settings import Settings
from tollhouse.sip.uri import DEFAULT_PORT, Uri, UriError, escape_user, parse_uri, plain_number, user_text
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Authorize, Caller, Release, Service, Wish
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Route
from tollhouse.values.refusals import Refusal

ALLOW: Final = b"Allow: INVITE, ACK, CANCEL, OPTIONS\r\n"
MAX_NUMBER: Final = 64
_DIALABLE: Final = re.compile(r"[0-9A-Za-z*#_]++")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._-]++)(?::([0-9]{1,5}))?((?:;[A-Za-z0-9._=-]++)*+)")
_BREAKS: Final = re.compile(rb"[\r\n\0]++")

PHRASES: Final = {
    200: "OK",
    302: "Moved Temporarily",
    400: "Bad Request",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Unsupported URI Scheme",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Request Merged",
    484: "Address Incomplete",
    487: "Request Terminated",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
}

REFUSALS: Final = {
    Refusal.TOO_LATE: (503, 41),
    Refusal.SHUTTING_DOWN: (503, 41),
    Refusal.OVERLOADED: (503, 42),
    Refusal.STORE_FULL: (503, 41),
    Refusal.INTERNAL_ERROR: (500, 41),
    Refusal.CONFLICT: (400, 127),
    Refusal.UNSUPPORTED: (501, 79),
    Refusal.INVALID: (400, 127),
    Refusal.UNKNOWN_SESSION: (481, 127),
    Refusal.SESSION_CLOSED: (481, 127),
    Refusal.UNKNOWN_ACCOUNT: (403, 21),
    Refusal.BAD_PASSWORD: (403, 21),
    Refusal.ACCOUNT_DISABLED: (403, 21),
    Refusal.UNKNOWN_WALLET: (403, 21),
    Refusal.WALLET_EXISTS: (500, 41),
    Refusal.WALLET_QUARANTINED: (480, 41),
    Refusal.WALLET_SUSPENDED: (403, 21),
    Refusal.WALLET_EXPIRED: (403, 21),
    Refusal.SESSION_LIMIT: (480, 34),
    Refusal.NUMBER_INVALID: (484, 28),
    Refusal.NO_RATE: (404, 3),
    Refusal.NO_ROUTE: (480, 34),
    Refusal.UNIT_MISMATCH: (500, 41),
    Refusal.AMOUNT_OUT_OF_RANGE: (500, 41),
    Refusal.NO_FUNDS: (402, 21),
    Refusal.CREDIT_LIMIT: (402, 21),
    Refusal.INSUFFICIENT_FUNDS: (402, 21),
}
"""SIP status and Q.850 cause of each refusal. Some clients take a gateway that says 503 out of service, so only what
concerns all calls says it; a quarantined wallet is its owner's trouble. `too_late` is silence: its row serves an INVITE
that has had a 100 and would otherwise wait for ever."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Status line (code and phrase) and the header lines that belong to it, each ended by CRLF."""

    status: bytes
    extra: bytes = b""


class Declined(Exception):
    """An INVITE that needs no decision; `reply` is its answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status.decode())
        self.reply = reply


def reply(status: int, extra: bytes = b"") -> Reply:
    """An answer with the status's own phrase."""
    return Reply(f"{status} {PHRASES[status]}".encode(), extra)


def with_reason(status: int, cause: int, text: str, settings: Settings) -> Reply:
    """A refusal that says why (RFC 3326; causes of ITU-T Q.850); 503 says when to come again."""
    extra = b'Reason: Q.850;cause=%d;text="%s"\r\n' % (cause, _quotable(text))
    return reply(status, extra + b"Retry-After: %d\r\n" % settings.retry_after if status == 503 else extra)


def refused(refusal: Refusal, settings: Settings) -> Reply:
    """The answer that a business "no" gets."""
    status, cause = REFUSALS[refusal]
    return with_reason(status, cause, refusal.value.replace("_", " "), settings)


def unread(error: CodecError) -> Reply:
    """The answer to a malformed request whose envelope could be read; the phrase says what is wrong."""
    if error.status != 400:
        return reply(error.status)
    extra = b'Reason: Q.850;cause=127;text="%s"\r\n' % _quotable(error.reason)
    return Reply(f"400 Bad Request - {error.reason}".encode(), extra)


def at_once(request: Request, accepting: bool, settings: Settings) -> Reply | None:
    """The answer to whatever is no new INVITE, CANCEL or ACK; None for an INVITE that wants a decision."""
    if request.method == b"INVITE":
        return reply(481) if request.envelope.to_tag else None
    if request.method == b"OPTIONS":
        health = reply(200, ALLOW + b"Accept: application/sdp\r\n")
        return health if accepting else refused(Refusal.SHUTTING_DOWN, settings)
    return reply(481) if request.envelope.to_tag else reply(405, ALLOW)


def authorize(request: Request, gateway: Gateway, address: str, deadline: Instant, settings: Settings) -> Authorize:
    """What the engine is asked: hold the price of the shortest charge and name the carriers.

    The payer is the user part of P-Asserted-Identity, else of From. Forks of an INVITE differ in their Request-URI
    alone (RFC 3261 16.6), so the number is part of the key and of the call's own name. Raises Declined, or
    CodecError for a header that matters and cannot be read.
    """
    if request.target.scheme == b"sips":
        raise Declined(with_reason(480, 34, "no secure route", settings))
    called = _called(request.target, settings)
    payer = _payer(request)
    call_id = _text(request.envelope.call_id)
    keys: tuple[str, ...] = (f"sip:{call_id}|{payer}|{called}", f"call:{call_id}")
    if payer:
        keys += (f"window:{payer}|{payer}|{called}",)
    return Authorize(
        caller=Caller(gateway.name, address, ani=payer, tenant=gateway.tenant),
        key=f"invite:{call_id}:{_text(request.sender_tag)}:{request.sequence}:{payer}:{called}",
        session_keys=keys,
        service=Service.VOICE,
        called=called,
        calling=payer,
        wish=Wish.SHORTEST,
        routes=True,
        deadline=deadline,
    )


def release(wish: Authorize) -> Release:
    """What gives back all that the INVITE held, and nothing of another call. It is never too late for it."""
    return Release(wish.caller, wish.key.replace("invite:", "cancel:", 1), wish.session_keys[:1])


def endpoint(host: str) -> tuple[str, int] | None:
    """Host (lower case) and port of `host[:port][;params]` as it may stand in a URI; None where it may not."""
    match = _HOST.fullmatch(host)
    return (match.group(1).lower(), int(match.group(2) or DEFAULT_PORT)) if match is not None else None


def redirect(
    routes: tuple[Route, ...], target: Uri, ours: frozenset[tuple[str, int] | None], size: int, settings: Settings
) -> Reply | None:
    """The 302: one Contact header, best first with falling q, no expiry (it could be cached past charging).

    `size` is what the answer takes without contacts, `ours` the endpoints that lead back to us. A route to one of them
    or to the Request-URI itself is left out (RFC 3261 8.3); None where no route remains.
    """
    dialled = (target.user, target.host.decode(), target.port or DEFAULT_PORT)
    contacts: list[bytes] = []
    size += len(b"Contact: \r\n")
    for route in routes:
        place = endpoint(route.host)
        user = escape_user(route.number)
        if place is None or place in ours or (user, *place) == dialled:
            continue
        contact = b"<sip:%s@%s>;q=0.%02d" % (user, route.host.encode(), 99 - len(contacts))
        size += len(contact) + 2
        if contacts and (size > settings.max_bytes or len(contacts) >= settings.max_contacts):
            break
        contacts.append(contact)
    return reply(302, b"Contact: " + b", ".join(contacts) + b"\r\n") if contacts else None


def _called(target: Uri, settings: Settings) -> str:
    """The dialled number; Declined with 484 where there is none, 404 where nobody could have that number."""
    try:
        user = user_text(target)
    except UriError as error:
        raise Declined(with_reason(484, 28, "malformed number", settings)) from error
    number = plain_number(user)
    if not number.strip("+"):
        raise Declined(with_reason(484, 28, "no number", settings))
    if len(number) > MAX_NUMBER or _DIALABLE.fullmatch(number) is None:
        status, cause = (404, 1) if number.isprintable() else (484, 28)
        raise Declined(with_reason(status, cause, "not a number", settings))
    return number


def _payer(request: Request) -> str:
    """Who pays: empty for an anonymous caller, whom only the address can name."""
    raw = first_uri(request.asserted) if request.asserted else request.sender_uri
    try:
        uri = parse_uri(raw)
        user = plain_number(user_text(uri))
    except UriError as error:
        raise CodecError(400, "malformed caller") from error
    if uri.host == b"anonymous.invalid" or not user.isprintable() or len(user) > MAX_NUMBER:
        return ""
    return user


def _text(raw: bytes) -> str:
    """A copied identifier as text; octets that are no ASCII stay distinct."""
    return raw.decode("ascii", "backslashreplace")


def _quotable(text: str) -> bytes:
    """Text for a quoted string: nothing that could end the string or the line."""
    plain = text.encode("ascii", "replace").replace(b'"', b"'").replace(b"\\", b"/")
    return _BREAKS.sub(b" ", plain)
