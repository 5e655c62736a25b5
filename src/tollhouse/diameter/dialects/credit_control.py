"""Credit-Control-Request -> command (RFC 8506 section 5; 3GPP service contexts of TS 32.299).

CCR-I opens a session and asks, CCR-U reports and asks, CCR-T ends it. This release serves one service a request:
a CCR of several MSCCs and a CCR-E are answered 5012 with the AVP concerned in Failed-AVP.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from tollhouse.diameter import names
from tollhouse.diameter.codec import Avps, DiameterError, Header
from tollhouse.diameter.dialects import subscriber
from tollhouse.diameter.names import RequestType, Result
from tollhouse.values.commands import Authorize, Caller, Command, Delta, Service, Stop, Update
from tollhouse.values.instants import DAY, HOUR, SECOND, Instant
from tollhouse.values.money import INT64_MAX

_CONTEXTS: Final = (("32260", Service.VOICE), ("32251", Service.DATA), ("32274", Service.MESSAGE))
"""Service-Context-Id is `[extensions.]release.NUMBER@domain`; the 3GPP document's number decides."""

_REQUIRED: Final = (
    names.SESSION_ID,
    names.ORIGIN_HOST,
    names.ORIGIN_REALM,
    names.DESTINATION_REALM,
    names.SERVICE_CONTEXT_ID,
    names.CC_REQUEST_TYPE,
    names.CC_REQUEST_NUMBER,
)

_SINGLE: Final = frozenset(
    {
        *_REQUIRED,
        names.AUTH_APPLICATION_ID,
        names.DESTINATION_HOST,
        names.CC_SUB_SESSION_ID,
        names.EVENT_TIMESTAMP,
        names.ORIGIN_STATE_ID,
        names.REQUESTED_SERVICE_UNIT,
        names.SERVICE_INFORMATION,
        names.TERMINATION_CAUSE,
        names.USER_NAME,
    }
)
"""May occur once; Kamailio's equal copies are let pass (requirement diameter 3.8)."""

_KINDS: Final = {kind.value: kind for kind in RequestType}
_NTP_EPOCH: Final = 2_208_988_800
_NTP_ERA: Final = 1 << 32
_SESSION_KEY_LIMIT: Final = 200
_RESENT_WITHIN: Final = 4 * DAY
"""How old a time may be that comes in a request marked as resent."""


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One request as its answer needs it.

    `session` = the Session-Id AVP as received; `service_ids` = Service-Identifier and Rating-Group of the MSCC as
    received, None when the request has no MSCC; `unmatched`: units were reported that this service is not counted in.
    """

    header: Header
    avps: Avps
    client: str
    session: bytes
    sub_session: int
    kind: RequestType
    number: int
    service: Service
    service_ids: bytes | None
    unmatched: bool

    def rating_input(self) -> bytes:
        """What the price was looked up by, for Failed-AVP: the destination, else the service context."""
        raw = subscriber.raw_along(self.avps, subscriber.CALLED[self.service])
        return raw or self.avps.raw_at(self.avps.found[names.SERVICE_CONTEXT_ID])


def read(header: Header, avps: Avps, tenant: str, now: Instant, deadline: Instant) -> tuple[Command, Exchange]:
    """What the request asks of the engine, and what its answer will need. Raises DiameterError."""
    for key in _REQUIRED:
        if key not in avps.found:
            raise avps.missing(key)
    if avps.repeated:
        _check_single(avps)
    kind = _request_type(avps)
    number = avps.unsigned32(names.CC_REQUEST_NUMBER) or 0
    sub_session = avps.unsigned64(names.CC_SUB_SESSION_ID) or 0
    client = (subscriber.bounded_text(avps, names.ORIGIN_HOST) or "").lower()
    service = _service(avps)
    units, service_ids = _units_group(avps)
    used, unmatched = _used(units, service)
    session = avps.raw_at(avps.found[names.SESSION_ID])
    exchange = Exchange(header, avps, client, session, sub_session, kind, number, service, service_ids, unmatched)
    key_text = f"ccr:{sub_session}:{kind.value}:{number}"
    session_keys = (_session_key(avps, sub_session),)
    wanted = _wanted(units, service)
    at = _event_time(avps, header, now)
    if kind is RequestType.INITIAL:
        return _authorize(avps, client, tenant, key_text, session_keys, service, wanted, at, deadline), exchange
    caller = Caller(client=client, tenant=tenant)
    usage = Delta(used)
    if kind is RequestType.UPDATE:
        update = Update(caller, key_text, session_keys, usage, wanted, at, deadline=deadline, service=service)
        return update, exchange
    cause = avps.unsigned32(names.TERMINATION_CAUSE)
    text = "" if cause is None else f"termination_cause={cause}"
    return Stop(caller, key_text, session_keys, usage, text, at, deadline=deadline, service=service), exchange


def _authorize(
    avps: Avps,
    client: str,
    tenant: str,
    key: str,
    session_keys: tuple[str, ...],
    service: Service,
    wanted: int | None,
    at: Instant,
    deadline: Instant,
) -> Authorize:
    """CCR-I. Without Requested-Service-Unit it only opens the session (`ask` 0); an empty one leaves it to us."""
    wallet, name = subscriber.payer(avps)
    called = subscriber.text_along(avps, subscriber.CALLED[service])
    if service is Service.DATA:
        called = called or ""
    elif not called:
        sample = avps.missing(*subscriber.CALLED[service]).failed
        raise DiameterError(Result.RATING_FAILED, "the destination is missing", sample)
    else:
        called = subscriber.digits(called)
    path = subscriber.CALLING[service]
    calling = subscriber.text_along(avps, path) if path else None
    return Authorize(
        caller=Caller(client=client, name=name, wallet=wallet, tenant=tenant),
        key=key,
        session_keys=session_keys,
        service=service,
        called=called,
        calling=subscriber.digits(calling) if calling else wallet,
        ask=0 if wanted is None else wanted or None,
        at=at,
        begin=True,
        deadline=deadline,
    )


def _check_single(avps: Avps) -> None:
    """5009 for a second, different AVP of a kind that may occur once."""
    for key, offset in avps.repeated:
        if key in _SINGLE and avps.data_at(offset) != avps.octets(key):
            raise avps.fault(Result.AVP_OCCURS_TOO_MANY_TIMES, offset, "AVP may occur once")


def _request_type(avps: Avps) -> RequestType:
    value = avps.unsigned32(names.CC_REQUEST_TYPE)
    offset = avps.found[names.CC_REQUEST_TYPE]
    kind = _KINDS.get(value or 0)
    if kind is None:
        raise avps.fault(Result.INVALID_AVP_VALUE, offset, "no CC-Request-Type")
    if kind is RequestType.EVENT:
        raise avps.fault(Result.UNABLE_TO_COMPLY, offset, "one-time events are not served by this release")
    return kind


def _service(avps: Avps) -> Service:
    """The service by the 3GPP document that Service-Context-Id names; 5031 for a context that we do not rate."""
    context = (avps.text(names.SERVICE_CONTEXT_ID) or "").partition("@")[0]
    for number, service in _CONTEXTS:
        if context.endswith(number) and context[-len(number) - 1 : -len(number)] in ("", "."):
            return service
    raise avps.fault(Result.RATING_FAILED, avps.found[names.SERVICE_CONTEXT_ID], "service context is not rated")


def _units_group(avps: Avps) -> tuple[Avps, bytes | None]:
    """Where the units stand: in the one MSCC (with its service ids as received), else at the top (RFC 8506 8.16)."""
    offsets = avps.offsets(names.MULTIPLE_SERVICES_CREDIT_CONTROL)
    if not offsets:
        return avps, None
    if len(offsets) > 1:
        raise avps.fault(Result.UNABLE_TO_COMPLY, offsets[1], "one service a request is served by this release")
    group = avps.group_at(offsets[0])
    keys = (names.SERVICE_IDENTIFIER, names.RATING_GROUP)
    return group, b"".join(group.raw_at(offset) for key in keys for offset in group.offsets(key))


def _used(units: Avps, service: Service) -> tuple[int, bool]:
    """Sum of all Used-Service-Units in the service's unit, and whether any reported only units of other kinds."""
    total = 0
    unmatched = False
    for offset in units.offsets(names.USED_SERVICE_UNIT):
        amount = _amount(units.group_at(offset), service)
        if amount is None:
            unmatched = True
            continue
        total += amount
        if total > INT64_MAX:
            raise units.fault(Result.INVALID_AVP_VALUE, offset, "more usage than can be counted")
    return total, unmatched


def _wanted(units: Avps, service: Service) -> int | None:
    """Requested-Service-Unit in the service's unit; 0 = whatever we see fit (empty, or another unit); None = absent."""
    group = units.group(names.REQUESTED_SERVICE_UNIT)
    if group is None:
        return None
    return min(_amount(group, service) or 0, INT64_MAX)


def _amount(group: Avps, service: Service) -> int | None:
    """Microseconds, octets or messages of a unit group; None where it counts something else.

    Where Total is absent, octets are the sum of both directions (requirement diameter 5.2.3).
    """
    if service is Service.VOICE:
        seconds = group.unsigned32(names.CC_TIME)
        return None if seconds is None else seconds * SECOND
    if service is Service.MESSAGE:
        return group.unsigned64(names.CC_SERVICE_SPECIFIC_UNITS)
    octets = group.unsigned64(names.CC_TOTAL_OCTETS)
    if octets is not None:
        return octets
    up = group.unsigned64(names.CC_INPUT_OCTETS)
    down = group.unsigned64(names.CC_OUTPUT_OCTETS)
    return None if up is None and down is None else (up or 0) + (down or 0)


def _session_key(avps: Avps, sub_session: int) -> str:
    """The session's name in the engine; a Session-Id of more than 200 octets goes by its SHA-256."""
    octets = avps.octets(names.SESSION_ID) or b""
    if len(octets) > _SESSION_KEY_LIMIT:
        name = f"sha256:{hashlib.sha256(octets).hexdigest()}"
    else:
        name = avps.text(names.SESSION_ID) or ""
    return f"diameter:{name};sub={sub_session}" if sub_session else f"diameter:{name}"


def _event_time(avps: Avps, header: Header, now: Instant) -> Instant:
    """Event-Timestamp where it can be believed: within an hour, or up to four days old in a request marked as resent.

    NTP seconds (RFC 5905): with the top bit clear they belong to the era that begins in 2036. 0 = not believed.
    """
    seconds = avps.unsigned32(names.EVENT_TIMESTAMP)
    if seconds is None:
        return 0
    if seconds < _NTP_ERA >> 1:
        seconds += _NTP_ERA
    at = (seconds - _NTP_EPOCH) * SECOND
    oldest = now - (_RESENT_WITHIN if header.flags & names.RETRANSMITTED else HOUR)
    return at if oldest <= at <= now + HOUR else 0
