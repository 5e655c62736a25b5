"""A small RADIUS client: one call as a switch makes it, with each answer checked and put in words.

`run_probe` talks to a server over plain sockets; the rest only makes and reads packets.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import time
from pathlib import Path
from typing import Final

import msgspec

from tollhouse.radius.codec import (
    ACCESS_ACCEPT,
    ACCESS_CHALLENGE,
    ACCESS_REJECT,
    ACCESS_REQUEST,
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    HEADER,
    LARGEST,
    MESSAGE_AUTHENTICATOR,
    STATUS_SERVER,
    RadiusError,
    SharedSecret,
    attribute,
    hide,
    integer_attribute,
    parse,
)
from tollhouse.radius.dialects.voice import START, STOP
from tollhouse.radius.dictionary import Attribute, Dictionary, load

CODES: Final = {
    ACCESS_REQUEST: "Access-Request",
    ACCESS_ACCEPT: "Access-Accept",
    ACCESS_REJECT: "Access-Reject",
    ACCOUNTING_REQUEST: "Accounting-Request",
    ACCOUNTING_RESPONSE: "Accounting-Response",
    ACCESS_CHALLENGE: "Access-Challenge",
    STATUS_SERVER: "Status-Server",
}


class ProbeStep(msgspec.Struct, frozen=True):
    """One request and what came back. `reply` is empty where nothing usable did, and `error` says what happened.

    `elapsed` in microseconds. `code` of the reply, 0 without one.
    """

    request: str
    reply: tuple[str, ...]
    elapsed: int
    code: int = 0
    error: str = ""


class Call(msgspec.Struct, frozen=True):
    """What a probe's packets say about its call."""

    user: str
    password: str
    called: str
    calling: str
    session: str


def access_request(
    names: Dictionary, secret: SharedSecret, identifier: int, authenticator: bytes, call: Call, chap: bool = False
) -> bytes:
    """A signed Access-Request with the password as PAP, or as CHAP over the authenticator (RFC 2865 5.2, 5.3)."""
    if chap:
        digest = hashlib.md5(bytes((identifier,)) + call.password.encode() + authenticator, usedforsecurity=False)
        proof = attribute(names.number("CHAP-Password"), bytes((identifier,)) + digest.digest())
    else:
        proof = attribute(names.number("User-Password"), hide(call.password.encode(), authenticator, secret))
    attributes = proof + integer_attribute(names.number("Service-Type"), 1) + _common(names, call)
    return _signed(ACCESS_REQUEST, identifier, authenticator, attributes, secret)


def accounting_request(
    names: Dictionary, secret: SharedSecret, identifier: int, status: int, call: Call, seconds: int, klass: bytes = b""
) -> bytes:
    """An Accounting-Request (RFC 2866): `status` is Acct-Status-Type, `seconds` the call's length so far."""
    attributes = integer_attribute(names.number("Acct-Status-Type"), status) + _common(names, call)
    if klass:
        attributes += attribute(names.number("Class"), klass)
    if status != START:
        attributes += integer_attribute(names.number("Acct-Session-Time"), seconds)
    if status == STOP:
        attributes += integer_attribute(names.number("Acct-Terminate-Cause"), 1)
    header = _header(ACCOUNTING_REQUEST, identifier, len(attributes))
    authenticator = hashlib.md5(header + bytes(16) + attributes + secret.octets, usedforsecurity=False).digest()
    return header + authenticator + attributes


def status_request(secret: SharedSecret, identifier: int, authenticator: bytes) -> bytes:
    """A Status-Server (RFC 5997 3): nothing but its signature."""
    return _signed(STATUS_SERVER, identifier, authenticator, b"", secret)


def verify_reply(reply: bytes, request: bytes, secret: SharedSecret) -> None:
    """Whether a reply is one to this request: identifier, Response Authenticator, Message-Authenticator.

    Reasons: those of `parse`, not_ours, bad_authenticator, bad_signature, unsigned (in a reply to a signed request).
    """
    message = parse(reply)
    if message.identifier != request[1]:
        raise RadiusError("not_ours", f"identifier {message.identifier}, not {request[1]}")
    asked = message.raw[:4] + request[4:HEADER] + message.raw[HEADER:]
    expected = hashlib.md5(asked + secret.octets, usedforsecurity=False).digest()
    if not hmac.compare_digest(expected, message.authenticator):
        raise RadiusError("bad_authenticator", "the reply is not made with this secret")
    at = message.signature
    if at:
        if not hmac.compare_digest(secret.sign(asked[:at] + bytes(16) + asked[at + 16 :]), asked[at : at + 16]):
            raise RadiusError("bad_signature", "the reply's Message-Authenticator is wrong")
    elif request[0] != ACCOUNTING_REQUEST:
        raise RadiusError("unsigned", "the reply has no Message-Authenticator")


def printed(packet: bytes, names: Dictionary) -> tuple[str, ...]:
    """A packet in words: its code, then an attribute a line; passwords and signatures are left out."""
    message = parse(packet)
    hidden = (names.number("User-Password"), names.number("CHAP-Password"), MESSAGE_AUTHENTICATOR)
    shown = (_line(number, value, names) for number, value in message.attributes if number not in hidden)
    return (CODES.get(message.code, f"code {message.code}"), *shown)


def run_probe(
    host: str,
    auth_port: int,
    acct_port: int,
    secret: bytes,
    user: str,
    password: str,
    called: str,
    calling: str,
    seconds: int,
    timeout: float,
    *,
    dictionaries: Path,
    chap: bool = False,
) -> list[ProbeStep]:
    """One call: authorise, start, stop after `seconds` (as told, nothing waits). Ends early where a step fails.

    `timeout` in seconds, for each step. Raises DictionaryError and OSError (a host that is no address).
    """
    names, shared = load(dictionaries), SharedSecret(secret)
    call = Call(user, password, called, calling, f"probe-{secrets.token_hex(8)}")
    identifier = secrets.randbelow(250)
    steps = []
    with _client(host, timeout) as client:
        request = access_request(names, shared, identifier, secrets.token_bytes(16), call, chap)
        step, reply = _exchange(client, (host, auth_port), request, shared, names)
        steps.append(step)
        if step.code != ACCESS_ACCEPT:
            return steps
        klass = parse(reply).first().get(names.number("Class"), b"")
        for number, status in enumerate((START, STOP), start=identifier + 1):
            request = accounting_request(names, shared, number, status, call, seconds, klass)
            step, _ = _exchange(client, (host, acct_port), request, shared, names)
            steps.append(step)
            if step.error:
                break
    return steps


def ask(
    host: str, port: int, request: bytes, secret: SharedSecret, names: Dictionary, timeout: float
) -> tuple[ProbeStep, bytes]:
    """One request and its reply, empty where no usable one came. OSError where the host is no address."""
    with _client(host, timeout) as client:
        return _exchange(client, (host, port), request, secret, names)


def _client(host: str, timeout: float) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(timeout)
    return client


def _exchange(
    client: socket.socket, address: tuple[str, int], request: bytes, secret: SharedSecret, names: Dictionary
) -> tuple[ProbeStep, bytes]:
    """Send once and wait for the answer, which is checked before it is believed."""
    said = ", ".join(printed(request, names))
    begun = time.monotonic_ns()
    try:
        client.connect(address)
        client.send(request)
        reply = client.recv(LARGEST)
        elapsed = (time.monotonic_ns() - begun) // 1000
        verify_reply(reply, request, secret)
    except (TimeoutError, ConnectionRefusedError) as trouble:
        return ProbeStep(said, (), (time.monotonic_ns() - begun) // 1000, error=str(trouble) or "no answer"), b""
    except RadiusError as trouble:
        return ProbeStep(said, (), elapsed, error=str(trouble)), b""
    return ProbeStep(said, printed(reply, names), elapsed, reply[0]), reply


def _common(names: Dictionary, call: Call) -> bytes:
    texts = (
        ("User-Name", call.user),
        ("Called-Station-Id", call.called),
        ("Calling-Station-Id", call.calling),
        ("Acct-Session-Id", call.session),
    )
    return b"".join(attribute(names.number(name), text.encode()) for name, text in texts if text)


def _header(code: int, identifier: int, size: int) -> bytes:
    return bytes((code, identifier)) + (HEADER + size).to_bytes(2, "big")


def _signed(code: int, identifier: int, authenticator: bytes, attributes: bytes, secret: SharedSecret) -> bytes:
    """A request with Message-Authenticator first."""
    header = _header(code, identifier, 18 + len(attributes)) + authenticator
    mark = bytes((MESSAGE_AUTHENTICATOR, 18))
    return header + mark + secret.sign(header + mark + bytes(16) + attributes) + attributes


def _line(number: int, value: bytes, names: Dictionary) -> str:
    known = names.by_number.get(number)
    if known is None:
        vendor, kind = divmod(number, 256)
        return f"{f'vendor {vendor} ' if vendor else ''}attribute {kind} = 0x{value.hex()}"
    return f"{known.name} = {_value(known, value)}"


def _value(known: Attribute, value: bytes) -> str:
    if known.type in ("integer", "date") and len(value) == 4:
        number = int.from_bytes(value, "big")
        return known.values.get(number, str(number))
    if known.type == "ipaddr" and len(value) == 4:
        return socket.inet_ntoa(value)
    shown = value.decode("utf-8", "backslashreplace")
    return shown if shown.isprintable() else f"0x{value.hex()}"
