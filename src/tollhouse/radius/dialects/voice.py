"""The call dialect, requests: an Access- or Accounting-Request of a voice gateway (or a NAS) becomes a command.

A mandatory attribute that is missing or cannot be read is a `RadiusError`: no answer, a counter, never a free call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from tollhouse.radius.codec import Message, RadiusError, SharedSecret, integer, printable, reveal, text
from tollhouse.radius.dialects import h323
from tollhouse.radius.dialects.numbers import Numbers
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Chap,
    CloseClient,
    Command,
    Delta,
    Pap,
    Proof,
    Release,
    Service,
    Start,
    Stop,
    Total,
    Update,
)
from tollhouse.values.instants import HOUR, SECOND, Duration, Instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

START: Final = 1
STOP: Final = 2
INTERIM: Final = 3
ACCOUNTING_ON: Final = 7
ACCOUNTING_OFF: Final = 8
FAILED: Final = 15
"""Acct-Status-Type of a call that nobody answered (SIP proxies)."""

FRAMED: Final = 2
CHAP_LENGTH: Final = 17
CLASS_MARK: Final = b"v1:"
"""Leads the Class that we give out; a Class without it is a proxy's own."""
LONGEST_CALL: Final = 366 * 24 * 3600
"""Seconds; what a NAS reports beyond it is a broken counter, not a call."""

LONGEST_NAME: Final = 200
"""Characters; a longer session key is replaced by its digest, so that any index can hold it."""

Values = Mapping[int, bytes]


def access(
    n: Numbers, message: Message, gateway: Gateway, address: str, secret: SharedSecret, now: Instant, deadline: Instant
) -> Authorize | Refused:
    """An Access-Request as a question to the engine; credentials of a kind that we cannot check are refused.

    Its key is the authenticator, which names the request (RFC 2865 3: unique, and kept when it is sent again). Whether
    another request about the same call is a repeat or asks for more is known by what became of the call.
    """
    values = message.first()
    proof = _proof(n, values, message, secret)
    if isinstance(proof, Refused):
        return proof
    user, called, calling = _parties(n, values)
    machine = _machine(n, values, address)
    caller = Caller(gateway.name, address, user, "" if user else calling, "", proof, gateway.tenant, machine)
    service, called = _service(n, values, called)
    names = _session_keys(n, values, message, machine, user, calling, called)
    key = f"auth:{message.authenticator.hex()}"
    return Authorize(caller, key, names, service, called, calling, at=now, deadline=deadline)


def accounting(
    n: Numbers, message: Message, gateway: Gateway, address: str, now: Instant, deadline: Instant
) -> Command:
    """An Accounting-Request as a report to the engine (RFC 2866 5.1).

    Its key is the kind with the cumulative usage: Acct-Delay-Time, Event-Timestamp and Proxy-State have no part in it.
    A Stop that tells no usage ends the call with what was reported before.
    Reasons: no_status_type, unsupported_status, no_session_id, no_usage, bad_usage, bad_integer.
    """
    values = message.first()
    if n.status_type not in values:
        raise RadiusError("no_status_type", "Acct-Status-Type is missing")
    status = integer(values[n.status_type])
    at = _event_time(n, values, now)
    machine = _machine(n, values, address)
    if status in (ACCOUNTING_ON, ACCOUNTING_OFF):
        return _close(n, values, gateway, machine, status, at, deadline)
    user, called, calling = _parties(n, values)
    names = _session_keys(n, values, message, machine, user, calling, called)
    if not names or names[0].startswith("window:"):
        raise RadiusError("no_session_id", "neither Acct-Session-Id nor Class nor h323-conf-id")
    caller = Caller(gateway.name, address, user, calling, "", None, gateway.tenant, machine)
    service, called = _service(n, values, called)
    if status == START:
        return Start(caller, "start", names, service, called, calling, at, deadline)
    if status == FAILED:
        return Release(caller, "failed", names, deadline)
    if status not in (INTERIM, STOP):
        raise RadiusError("unsupported_status", f"Acct-Status-Type {status}")
    used = _data_usage(n, values) if service is Service.DATA else _call_usage(n, values, message)
    if status == INTERIM:
        if used is None:
            raise RadiusError("no_usage", "an interim report without time or octets")
        key = f"interim:{used}"
        return Update(caller, key, names, Total(used), None, at, deadline, service, called, calling, True)
    usage, key = (Delta(0), "stop") if used is None else (Total(used), f"stop:{used}")
    return Stop(caller, key, names, usage, _cause(n, values), at, deadline, service, called, calling, True)


def tells_no_usage(command: Command | Refused) -> bool:
    """Whether it is a Stop that says neither time nor octets (RFC 2866 5.13 has them as 0-1): the call ends with what
    was reported before."""
    return isinstance(command, Stop) and isinstance(command.usage, Delta)


def probably_wrong_secret(message: Message, asked: Authorize) -> bool:
    """Whether an unsigned password came out as noise: the client very likely has another secret."""
    proof = asked.caller.proof
    return not message.signature and isinstance(proof, Pap) and not printable(proof.password)


def _proof(n: Numbers, values: Values, message: Message, secret: SharedSecret) -> Proof | Refused:
    """PAP (RFC 2865 5.2) or CHAP (5.3; its challenge is the authenticator where none is given)."""
    hidden = values.get(n.user_password)
    if hidden is not None:
        return Pap(reveal(hidden, message.authenticator, secret))
    chap = values.get(n.chap_password)
    if chap is not None:
        if len(chap) != CHAP_LENGTH:
            raise RadiusError("bad_password", f"CHAP-Password of {len(chap)} octets")
        return Chap(chap[0], values.get(n.chap_challenge, message.authenticator), chap[1:])
    if n.eap_message in values:
        if not message.signature:
            raise RadiusError("unsigned", "EAP-Message without Message-Authenticator (RFC 3579 3.1)")
        return Refused(Refusal.UNSUPPORTED, "EAP")
    for number in (n.ms_chap, n.ms_chap2, n.digest, n.sip_digest):
        if number in values:
            return Refused(Refusal.UNSUPPORTED, "MS-CHAP or Digest")
    return Pap(b"")


def _parties(n: Numbers, values: Values) -> tuple[str, str, str]:
    """User name, called and calling number; empty where not given."""
    get = values.get
    return text(get(n.user_name, b"")), _number(get(n.called, b"")), _number(get(n.calling, b""))


def _number(value: bytes) -> str:
    """A number as dialled: without `sip:` or `tel:`, host, parameters and the plus sign."""
    number = text(value)
    if number.isdigit():
        return number
    number = number.removeprefix("sips:").removeprefix("sip:").removeprefix("tel:")
    return number.partition("@")[0].partition(";")[0].removeprefix("+")


def _service(n: Numbers, values: Values, called: str) -> tuple[Service, str]:
    """Data where a framed service names no number (its Called-Station-Id is an access point); a call otherwise.

    Accounting may leave Service-Type out (RFC 2866 5.13): octets that belong to no number are data then.
    """
    kind = values.get(n.service_type)
    counts_octets = n.input_octets in values or n.output_octets in values
    framed = counts_octets if kind is None else kind == FRAMED.to_bytes(4, "big")
    if framed and not called.replace("*", "").replace("#", "").isdigit():
        return Service.DATA, ""
    return Service.VOICE, called


def _session_keys(
    n: Numbers, values: Values, message: Message, machine: str, user: str, calling: str, called: str
) -> tuple[str, ...]:
    """The names by which the session may be found, best first (DESIGN 5).

    Acct-Session-Id is a NAS's own counter (RFC 2866 5.5): it names a session together with the NAS.
    """
    names = []
    klass = values.get(n.klass)
    if klass is not None:
        names += [f"class:{text(own[3:])}" for own in message.all(n.klass) if own.startswith(CLASS_MARK)]
    session = values.get(n.session_id)
    if session:
        names.append(f"radius:{machine}|{text(session)}")
    call = _voice_text(n.conf_id, "h323-conf-id", values) or _av_pair(n, values, message, ("h323-conf-id", "call-id"))
    if call:
        names.append(f"call:{call}")
    if called:
        names.append(f"window:{user}|{calling}|{called}")
    return tuple(name if len(name) <= LONGEST_NAME else _digest(name) for name in names)


def _digest(name: str) -> str:
    """A short stand-in for a long key, of the same kind."""
    kind, _, rest = name.partition(":")
    return f"{kind}:#{hashlib.blake2b(rest.encode(), digest_size=16).hexdigest()}"


def _voice_text(number: int, name: str, values: Values) -> str:
    value = values.get(number)
    return h323.bare(text(value), name) if value is not None else ""


def _av_pair(n: Numbers, values: Values, message: Message, wanted: tuple[str, ...]) -> str:
    """The first Cisco-AVPair of one of these names."""
    if n.av_pair not in values:
        return ""
    for value in message.all(n.av_pair):
        name, _, rest = text(value).partition("=")
        if name.strip().lower() in wanted and rest:
            return h323.bare(rest, name)
    return ""


def _event_time(n: Numbers, values: Values, now: Instant) -> Instant:
    """When it happened: Event-Timestamp, else receipt minus Acct-Delay-Time; each only where it is within an hour."""
    stamp = values.get(n.event_timestamp)
    if stamp is not None:
        at = integer(stamp) * SECOND
        if -HOUR <= at - now <= HOUR:
            return at
    delay = values.get(n.delay_time)
    if delay is not None:
        late = integer(delay) * SECOND
        if late < HOUR:
            return now - late
    return now


def _machine(n: Numbers, values: Values, address: str) -> str:
    """Which NAS it is: NAS-IP-Address or NAS-Identifier (RFC 2865 4.1 and RFC 2866 4.1 want one of them), else where
    the request came from. A gateway's address block may hold many of them, or a proxy stand before them."""
    if n.nas_address in values:
        return values[n.nas_address].hex()
    return text(values[n.nas_identifier]) if n.nas_identifier in values else address


def _close(
    n: Numbers, values: Values, gateway: Gateway, machine: str, status: int, at: Instant, deadline: Instant
) -> CloseClient:
    """Accounting-On or -Off: the NAS lost its sessions. A client that gives no time of the event can say it
    once an hour, so that a report sent again ends nothing that began since."""
    kind = "on" if status == ACCOUNTING_ON else "off"
    session = text(values.get(n.session_id, b""))
    stamp = values.get(n.event_timestamp)
    moment = f"at:{integer(stamp)}" if stamp is not None else f"hour:{at // HOUR}"
    return CloseClient(
        gateway.name, f"{kind}:{machine}:{session}:{moment}", f"accounting-{kind}", at, deadline, machine
    )


def _call_usage(n: Numbers, values: Values, message: Message) -> Duration | None:
    """Microseconds: Acct-Session-Time, else what h323-connect-time and -disconnect-time say; None: neither."""
    seconds = values.get(n.session_time)
    if seconds is not None:
        length = integer(seconds)
        if length > LONGEST_CALL:
            raise RadiusError("bad_usage", f"Acct-Session-Time of {length} s")
        return length * SECOND
    begin = _voice_text(n.connect_time, "h323-connect-time", values) or _av_pair(
        n, values, message, ("h323-connect-time",)
    )
    end = _voice_text(n.disconnect_time, "h323-disconnect-time", values) or _av_pair(
        n, values, message, ("h323-disconnect-time",)
    )
    measured = h323.elapsed(begin, end) if begin and end else None
    if measured is not None and measured > LONGEST_CALL * SECOND:
        raise RadiusError("bad_usage", "h323 times more than a year apart")
    return measured


def _data_usage(n: Numbers, values: Values) -> int | None:
    """Octets both ways, each 64 bits wide (RFC 2869 5.1, 5.2); None: neither."""
    if n.input_octets not in values and n.output_octets not in values:
        return None

    def wide(low: int, high: int) -> int:
        upper, lower = values.get(high), values.get(low)
        return (integer(upper) << 32 if upper is not None else 0) + (integer(lower) if lower is not None else 0)

    return wide(n.input_octets, n.input_gigawords) + wide(n.output_octets, n.output_gigawords)


def _cause(n: Numbers, values: Values) -> str:
    """Why it ended: h323-disconnect-cause (hexadecimal Q.850) in decimal, else Acct-Terminate-Cause."""
    q850 = _voice_text(n.disconnect_cause, "h323-disconnect-cause", values)
    if q850:
        return f"q850:{int(q850, 16)}" if len(q850) <= 2 and _hexadecimal(q850) else f"q850:{q850[:16]}"
    reason = values.get(n.terminate_cause)
    return f"radius:{integer(reason)}" if reason is not None else ""


def _hexadecimal(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)
