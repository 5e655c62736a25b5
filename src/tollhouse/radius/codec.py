"""RADIUS packets: bytes to values and back (RFC 2865, 2866, 2869, 3579, 5080, 5997). Pure functions, no sockets.

An attribute's number is its type, or `vendor << 8 | type` for one inside a Vendor-Specific attribute. Everything
that a peer can get wrong ends in `RadiusError`, whose `reason` is one of few fixed words: the packet is dropped.
"""

from __future__ import annotations

import hashlib
import hmac
from struct import Struct
from typing import Final

import msgspec

ACCESS_REQUEST: Final = 1
ACCESS_ACCEPT: Final = 2
ACCESS_REJECT: Final = 3
ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
ACCESS_CHALLENGE: Final = 11
STATUS_SERVER: Final = 12

USER_PASSWORD: Final = 2
VENDOR_SPECIFIC: Final = 26
PROXY_STATE: Final = 33
MESSAGE_AUTHENTICATOR: Final = 80

HEADER: Final = 20
LARGEST: Final = 4096
LONGEST_VALUE: Final = 253
LONGEST_VENDOR_VALUE: Final = 247
LONGEST_PASSWORD: Final = 128

_SIGNATURE: Final = 16
_UNSIGNED: Final = bytes(_SIGNATURE)
_SIGNATURE_ATTRIBUTE: Final = bytes((MESSAGE_AUTHENTICATOR, 2 + _SIGNATURE))
_LENGTH: Final = Struct("!H")
_REPLY: Final = Struct("!BBH16s")
_VENDOR: Final = Struct("!BBIBB")
_INTEGER: Final = Struct("!BBI")


class RadiusError(Exception):
    """A packet that gets no answer. `reason` names a counter; `detail` is for the log and holds no secret."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class SharedSecret:
    """A secret with its HMAC key prepared: the preparation costs as much as a signature itself."""

    __slots__ = ("_keyed", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._keyed = hmac.new(octets, digestmod="md5")

    def sign(self, packet: bytes) -> bytes:
        """HMAC-MD5 over the packet (RFC 3579 3.2)."""
        signature = self._keyed.copy()
        signature.update(packet)
        return signature.digest()


class Message(msgspec.Struct, frozen=True, gc=False):
    """A request whose structure is sound; `authenticate` says whether it is genuine.

    `attributes` are all (number, value) in the order of the packet. A Vendor-Specific attribute is taken apart
    into its parts; one that is no list of parts stays whole under number 26 (RFC 2865 5.26 allows it).
    `signature` is the offset of Message-Authenticator's value in `raw`, 0 where there is none.
    """

    code: int
    identifier: int
    authenticator: bytes
    attributes: tuple[tuple[int, bytes], ...]
    raw: bytes
    signature: int = 0

    def first(self) -> dict[int, bytes]:
        """The first value of each attribute, by number."""
        return dict(self.attributes[::-1])

    def all(self, number: int) -> list[bytes]:
        """Each value of one attribute, in order."""
        return [value for found, value in self.attributes if found == number]


def parse(data: bytes) -> Message:
    """Octets of one datagram to a message (RFC 2865 3); octets beyond the packet's own length are padding.

    Reasons: too_short, bad_length, bad_attribute, bad_signature_attribute.
    """
    if len(data) < HEADER:
        raise RadiusError("too_short", f"{len(data)} octets")
    end = data[2] << 8 | data[3]
    if not HEADER <= end <= LARGEST or end > len(data):
        raise RadiusError("bad_length", f"says {end}, has {len(data)} octets")
    raw = data[:end]
    attributes: list[tuple[int, bytes]] = []
    append = attributes.append
    signature = 0
    at, last = HEADER, end - 1
    while at < last:
        number = raw[at]
        following = at + raw[at + 1]
        if following < at + 2:
            raise RadiusError("bad_attribute", f"type {number} at {at} is shorter than its header")
        if number == VENDOR_SPECIFIC:
            attributes += _vendor_parts(raw[at + 2 : following])
        else:
            append((number, raw[at + 2 : following]))
            if number == MESSAGE_AUTHENTICATOR:
                if signature or following != at + 2 + _SIGNATURE:
                    raise RadiusError("bad_signature_attribute", "Message-Authenticator twice or not of 18 octets")
                signature = at + 2
        at = following
    if at != end:
        raise RadiusError("bad_attribute", "the last attribute overruns the packet")
    return Message(raw[0], raw[1], raw[4:HEADER], tuple(attributes), raw, signature)


def _vendor_parts(value: bytes) -> list[tuple[int, bytes]]:
    """The parts of one Vendor-Specific value, or the value itself where it is no list of parts."""
    end = len(value)
    if end < 6:
        return [(VENDOR_SPECIFIC, value)]
    vendor = int.from_bytes(value[:4], "big") << 8
    if not vendor:
        return [(VENDOR_SPECIFIC, value)]
    size = value[5]
    if size == end - 4:
        return [(vendor | value[4], value[6:])]
    parts = []
    at = 4
    while at < end - 1:
        size = value[at + 1]
        if size < 2:
            return [(VENDOR_SPECIFIC, value)]
        parts.append((vendor | value[at], value[at + 2 : at + size]))
        at += size
    return parts if at == end else [(VENDOR_SPECIFIC, value)]


def authenticate(message: Message, secrets: tuple[SharedSecret, ...], signed: bool) -> SharedSecret:
    """The secret, of those the client may use, that the request was made with.

    An Accounting-Request proves itself by its authenticator (RFC 2866 3), any other by Message-Authenticator
    (RFC 3579 3.2), which must be there in a Status-Server (RFC 5997 3) and where `signed` asks for it. An
    Access-Request without one proves nothing; of two secrets the one that makes the password printable is taken.
    Reasons: bad_authenticator, bad_signature, unsigned, unexpected_code.
    """
    code, raw = message.code, message.raw
    if code == ACCOUNTING_REQUEST:
        secret = _genuine_accounting(message, secrets)
        if message.signature:
            _genuine(message, raw[:4] + _UNSIGNED, (secret,))
        return secret
    if code not in (ACCESS_REQUEST, STATUS_SERVER):
        raise RadiusError("unexpected_code", f"code {code}")
    if message.signature:
        return _genuine(message, raw[:HEADER], secrets)
    if signed or code == STATUS_SERVER:
        raise RadiusError("unsigned", "no Message-Authenticator")
    return _likely(message, secrets) if len(secrets) > 1 else secrets[0]


def _genuine_accounting(message: Message, secrets: tuple[SharedSecret, ...]) -> SharedSecret:
    raw = message.raw
    signed = raw[:4] + _UNSIGNED + raw[HEADER:]
    for secret in secrets:
        expected = hashlib.md5(signed + secret.octets, usedforsecurity=False).digest()
        if hmac.compare_digest(expected, message.authenticator):
            return secret
    raise RadiusError("bad_authenticator", "the request authenticator is not made with the client's secret")


def _genuine(message: Message, header: bytes, secrets: tuple[SharedSecret, ...]) -> SharedSecret:
    raw, at = message.raw, message.signature
    signed = header + raw[HEADER:at] + _UNSIGNED + raw[at + _SIGNATURE :]
    for secret in secrets:
        if hmac.compare_digest(secret.sign(signed), raw[at : at + _SIGNATURE]):
            return secret
    raise RadiusError("bad_signature", "Message-Authenticator is not made with the client's secret")


def _likely(message: Message, secrets: tuple[SharedSecret, ...]) -> SharedSecret:
    hidden = message.first().get(USER_PASSWORD)
    if hidden is None:
        return secrets[0]
    return next((one for one in secrets if printable(reveal(hidden, message.authenticator, one))), secrets[0])


def printable(password: bytes) -> bool:
    """Whether a password looks like one; if not, it was probably hidden with another secret."""
    return all(octet >= 0x20 and octet != 0x7F for octet in password)


def reveal(hidden: bytes, authenticator: bytes, secret: SharedSecret) -> bytes:
    """User-Password as it was typed (RFC 2865 5.2): 16 to 128 octets in blocks of 16. Reason: bad_password."""
    if not hidden or len(hidden) % 16 or len(hidden) > LONGEST_PASSWORD:
        raise RadiusError("bad_password", f"User-Password of {len(hidden)} octets")
    mask, before = b"", authenticator
    for at in range(0, len(hidden), 16):
        mask += hashlib.md5(secret.octets + before, usedforsecurity=False).digest()
        before = hidden[at : at + 16]
    return _xor(hidden, mask).rstrip(b"\0")


def hide(password: bytes, authenticator: bytes, secret: SharedSecret) -> bytes:
    """The inverse of `reveal`, for the client's side. Reason: bad_password (more than 128 octets)."""
    if len(password) > LONGEST_PASSWORD:
        raise RadiusError("bad_password", f"{len(password)} octets")
    padded = password.ljust(max(16, -(-len(password) // 16) * 16), b"\0")
    hidden, before = b"", authenticator
    for at in range(0, len(padded), 16):
        before = _xor(padded[at : at + 16], hashlib.md5(secret.octets + before, usedforsecurity=False).digest())
        hidden += before
    return hidden


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def reply(code: int, request: Message, attributes: bytes, secret: SharedSecret) -> bytes:
    """The answer to a request: attributes as given, then the request's Proxy-State unchanged and in order.

    Message-Authenticator comes first in every answer (RFC 3579 3.2, and against BlastRADIUS, CVE-2024-3596) but a
    plain Accounting-Response. Reason: reply_too_long (nothing over 4096 octets is ever sent).
    """
    for number, value in request.attributes:
        if number == PROXY_STATE:
            attributes += attribute(PROXY_STATE, value)
    if code != ACCOUNTING_RESPONSE or request.code == STATUS_SERVER:
        header = _REPLY.pack(code, request.identifier, HEADER + 18 + len(attributes), request.authenticator)
        signature = secret.sign(header + _SIGNATURE_ATTRIBUTE + _UNSIGNED + attributes)
        attributes = _SIGNATURE_ATTRIBUTE + signature + attributes
    else:
        header = _REPLY.pack(code, request.identifier, HEADER + len(attributes), request.authenticator)
    if HEADER + len(attributes) > LARGEST:
        raise RadiusError("reply_too_long", f"{HEADER + len(attributes)} octets")
    authenticator = hashlib.md5(header + attributes + secret.octets, usedforsecurity=False).digest()
    return header[:4] + authenticator + attributes


def attribute(number: int, value: bytes) -> bytes:
    """One attribute as octets; `number` may be a vendor's. Reason: value_too_long."""
    vendor = number >> 8
    size = len(value)
    if vendor:
        if size > LONGEST_VENDOR_VALUE:
            raise RadiusError("value_too_long", f"{size} octets in attribute {number & 0xFF} of vendor {vendor}")
        return _VENDOR.pack(VENDOR_SPECIFIC, size + 8, vendor, number & 0xFF, size + 2) + value
    if size > LONGEST_VALUE:
        raise RadiusError("value_too_long", f"{size} octets in attribute {number}")
    return bytes((number, size + 2)) + value


def integer_attribute(number: int, value: int) -> bytes:
    """An attribute of four octets; more than they hold becomes the most that they hold."""
    held = min(value, 0xFFFFFFFF)
    return attribute(number, held.to_bytes(4, "big")) if number >> 8 else _INTEGER.pack(number, 6, held)


def integer(value: bytes) -> int:
    """A value of four octets (RFC 2865 5, type integer or time). Reason: bad_integer."""
    if len(value) != 4:
        raise RadiusError("bad_integer", f"an integer of {len(value)} octets")
    return int.from_bytes(value, "big")


def text(value: bytes) -> str:
    """A text; octets that are no UTF-8 stay visible as escapes, so that no two texts become one.

    Reason: bad_text, where the escapes make it longer than any attribute.
    """
    decoded = value.decode("utf-8", "backslashreplace")
    if len(decoded) > LONGEST_VALUE:
        raise RadiusError("bad_text", f"{len(value)} octets that are no text")
    return decoded
