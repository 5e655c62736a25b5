"""A Diameter client for people: one charged session with real packets, each answer decoded into lines.

The builders are free of I/O; `run_probe` uses a plain blocking socket. Nothing is printed here.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from tollhouse.diameter import names
from tollhouse.diameter.capabilities import capabilities
from tollhouse.diameter.codec import (
    HEADER_SIZE,
    VENDOR_SHIFT,
    Avps,
    DiameterError,
    Header,
    frame_length,
    group_avp,
    message_bytes,
    scan,
    text_avp,
    unsigned32_avp,
)
from tollhouse.diameter.dictionary import Dictionary
from tollhouse.diameter.names import RequestType, Result, SubscriptionType
from tollhouse.diameter.settings import DiameterSettings

VOICE_CONTEXT: Final = "32260@3gpp.org"
_RECEIVE_SIZE: Final = 65_536
_INDENT: Final = "  "


class ProbeError(Exception):
    """No answer, or none that can be read: what happened, for people."""


class ProbePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One session: who asks, who pays, where to, and how many seconds are reported as used."""

    origin_host: str
    origin_realm: str
    destination_realm: str
    subscriber: str
    called: str
    seconds: int
    session_id: str
    rating_group: int = 100


class ProbeStep(msgspec.Struct, frozen=True):
    """One request and its answer: what it was, the Result-Code, the time it took, the answer's AVPs a line each.

    `granted` = seconds granted in this answer, None where none are.
    """

    title: str
    result: int
    elapsed_us: int
    lines: tuple[str, ...]
    granted: int | None


def run_probe(
    dictionary: Dictionary,
    host: str,
    port: int,
    plan: ProbePlan,
    *,
    timeout: float = 5.0,
    update: bool = True,
) -> list[ProbeStep]:
    """CER, CCR-I, CCR-U (half the seconds used), CCR-T (the rest), DPR; stops after the first refusal.

    A refused session is still ended by a DPR. Raises ProbeError when the other side cannot be reached or understood.
    """
    return run_requests(dictionary, host, port, plan, _session(plan, update), timeout=timeout)


def run_requests(
    dictionary: Dictionary,
    host: str,
    port: int,
    plan: ProbePlan,
    requests: Sequence[tuple[str, bytes]],
    *,
    timeout: float = 5.0,
) -> list[ProbeStep]:
    """CER, these requests (a title of `request_bytes` and a body each), DPR; stops after the first refusal.

    Raises ProbeError as `run_probe`.
    """
    try:
        with socket.create_connection((host, port), timeout) as connection:
            return list(_converse(connection, dictionary, plan, requests))
    except OSError as error:
        raise ProbeError(f"{host} port {port}: {error}") from error
    except DiameterError as error:
        raise ProbeError(f"{host} port {port}: the answer cannot be read: {error.reason}") from error


def _session(plan: ProbePlan, update: bool) -> list[tuple[str, bytes]]:
    """The CCRs of one session."""
    number = 0
    requests = []
    used = plan.seconds // 2 if update else 0
    for kind in RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATION:
        if kind is RequestType.UPDATE and not update:
            continue
        reported = {RequestType.INITIAL: 0, RequestType.UPDATE: used}.get(kind, plan.seconds - used)
        requests.append((f"CCR-{kind.name[0]}", ccr_body(plan, kind, number, reported)))
        number += 1
    return requests


def _converse(
    connection: socket.socket, dictionary: Dictionary, plan: ProbePlan, requests: Sequence[tuple[str, bytes]]
) -> Iterator[ProbeStep]:
    local_address = connection.getsockname()[0]
    for title, body in (("CER", cer_body(plan, local_address)), *requests):
        step = _ask(connection, dictionary, title, body)
        yield step
        if step.result != Result.SUCCESS:
            break
    if title != "CER":
        yield _ask(connection, dictionary, "DPR", _origin(plan) + unsigned32_avp(names.DISCONNECT_CAUSE, 2))


def _ask(connection: socket.socket, dictionary: Dictionary, title: str, body: bytes) -> ProbeStep:
    hop_by_hop = secrets.randbits(32)
    request = request_bytes(title, body, hop_by_hop)
    began = time.monotonic_ns()
    connection.sendall(request)
    while True:
        message = _one_message(connection)
        header = Header(message)
        if not header.flags & names.REQUEST and header.hop_by_hop == hop_by_hop:
            elapsed_us = (time.monotonic_ns() - began) // 1000
            avps = scan(message, dictionary.lengths)
            lines = tuple(describe(avps, dictionary))
            return ProbeStep(title, avps.unsigned32(names.RESULT_CODE) or 0, elapsed_us, lines, granted_seconds(avps))


def _one_message(connection: socket.socket) -> bytes:
    data = _exactly(connection, HEADER_SIZE)
    return data + _exactly(connection, frame_length(data, 0) - HEADER_SIZE)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(min(size - len(data), _RECEIVE_SIZE))
        if not more:
            raise ProbeError("the connection was closed by the other side")
        data += more
    return data


def request_bytes(title: str, body: bytes, hop_by_hop: int) -> bytes:
    """A whole request: `CER`, `DPR`, or any `CCR-...`."""
    end_to_end = secrets.randbits(32)
    if title == "CER":
        return message_bytes(names.REQUEST, names.CER, names.BASE, hop_by_hop, end_to_end, body)
    if title == "DPR":
        return message_bytes(names.REQUEST, names.DPR, names.BASE, hop_by_hop, end_to_end, body)
    flags = names.REQUEST | names.PROXIABLE
    return message_bytes(flags, names.CCR, names.CREDIT_CONTROL, hop_by_hop, end_to_end, body)


def new_session_id(origin_host: str) -> str:
    """A Session-Id as RFC 6733 8.8 recommends, unique by chance rather than by clock."""
    return f"{origin_host};{secrets.randbits(32)};{secrets.randbits(32)}"


def cer_body(plan: ProbePlan, local_address: str) -> bytes:
    """CER: this client offers credit control."""
    settings = DiameterSettings(
        origin_host=plan.origin_host, origin_realm=plan.origin_realm, origin_state_id=0, product="Tollhouse probe"
    )
    return _origin(plan) + capabilities(settings, local_address)


def ccr_body(plan: ProbePlan, kind: RequestType, number: int, used_seconds: int) -> bytes:
    """A voice CCR with one MSCC; the last one asks for nothing more."""
    asks = b"" if kind is RequestType.TERMINATION else group_avp(names.REQUESTED_SERVICE_UNIT)
    reports = b""
    if kind is not RequestType.INITIAL:
        reports = group_avp(names.USED_SERVICE_UNIT, unsigned32_avp(names.CC_TIME, used_seconds))
    return b"".join(
        (
            text_avp(names.SESSION_ID, plan.session_id),
            _origin(plan),
            text_avp(names.DESTINATION_REALM, plan.destination_realm),
            unsigned32_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL),
            text_avp(names.SERVICE_CONTEXT_ID, VOICE_CONTEXT),
            unsigned32_avp(names.CC_REQUEST_TYPE, kind),
            unsigned32_avp(names.CC_REQUEST_NUMBER, number),
            group_avp(
                names.SUBSCRIPTION_ID,
                unsigned32_avp(names.SUBSCRIPTION_ID_TYPE, SubscriptionType.E164),
                text_avp(names.SUBSCRIPTION_ID_DATA, plan.subscriber),
            ),
            group_avp(
                names.MULTIPLE_SERVICES_CREDIT_CONTROL,
                asks,
                reports,
                unsigned32_avp(names.RATING_GROUP, plan.rating_group),
            ),
            group_avp(
                names.SERVICE_INFORMATION,
                group_avp(
                    names.IMS_INFORMATION,
                    text_avp(names.CALLING_PARTY_ADDRESS, f"tel:{plan.subscriber}"),
                    text_avp(names.CALLED_PARTY_ADDRESS, f"tel:{plan.called}"),
                ),
            ),
        )
    )


def _origin(plan: ProbePlan) -> bytes:
    return text_avp(names.ORIGIN_HOST, plan.origin_host) + text_avp(names.ORIGIN_REALM, plan.origin_realm)


def granted_seconds(avps: Avps) -> int | None:
    """CC-Time granted, in the MSCC or at the top."""
    units = (avps.group(names.MULTIPLE_SERVICES_CREDIT_CONTROL) or avps).group(names.GRANTED_SERVICE_UNIT)
    return None if units is None else units.unsigned32(names.CC_TIME)


def describe(avps: Avps, dictionary: Dictionary, depth: int = 0) -> Iterator[str]:
    """Every AVP a line, by the dictionary's names; groups are followed by their members, indented."""
    at = sorted([*((offset, key) for key, offset in avps.found.items()), *((o, key) for key, o in avps.repeated)])
    for offset, key in at:
        definition = dictionary.avps.get(key)
        name = definition.name if definition else f"{key & 0xFFFFFFFF} of vendor {key >> VENDOR_SHIFT}"
        kind = definition.kind if definition else "OctetString"
        if kind == "Grouped":
            yield f"{_INDENT * depth}{name}"
            yield from describe(avps.group_at(offset), dictionary, depth + 1)
        else:
            yield f"{_INDENT * depth}{name} = {_value(kind, avps.data_at(offset))}"


def _value(kind: str, data: bytes) -> str:
    if kind in ("UTF8String", "DiameterIdentity"):
        return data.decode("utf-8", "backslashreplace")
    if kind == "Address" and len(data) in (6, 18):
        return str(ipaddress.ip_address(data[2:]))
    layout = {"Integer32": "!i", "Integer64": "!q", "Unsigned64": "!Q"}.get(kind, "!I")
    if kind != "OctetString" and len(data) == struct.calcsize(layout):
        return str(struct.unpack(layout, data)[0])
    return f"0x{data.hex()}"
