"""SIP requests from bytes and answers to bytes (RFC 3261 7, 8.2.6, 18.2, 25; RFC 3581): lazy, no sockets.

A request is cut at its line ends once; of its headers only those that the decision or the answer needs are looked at.
What an answer must copy is copied as received. Malformed requests raise `CodecError` with the status that the RFC
prescribes, and with what an answer copies where there was enough of it.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tollhouse.sip.uri import Uri, UriError, parse_uri

MAX_HEAD: Final = 32 * 1024
"""Octets before the body; more is dropped."""
MAX_LINES: Final = 256
MAX_VIAS: Final = 70

_TOKEN: Final = rb"[A-Za-z0-9.!%*_+`'~-]"
_QUOTED: Final = rb"\"(?:[^\"\\]|\\.)*+\""
_METHOD: Final = re.compile(_TOKEN + rb"++")
_FOLD: Final = re.compile(rb"[ \t]*+\r\n[ \t]++")
_CSEQ: Final = re.compile(rb"([0-9]{1,10})[ \t]++(" + _TOKEN + rb"++)")
_SENT_BY: Final = re.compile(
    rb"SIP[ \t]*+/[ \t]*+2\.0[ \t]*+/[ \t]*+" + _TOKEN + rb"++[ \t]++"
    rb"(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._-]++)(?:[ \t]*+:[ \t]*+([0-9]{1,5})(?![0-9]))?",
    re.I,
)
_PARAM: Final = re.compile(
    rb"[ \t]*+;[ \t]*+(" + _TOKEN + rb"++)(?:[ \t]*+=[ \t]*+(" + _QUOTED + rb"|[^\s;,\"<>=]++))?+", re.S
)
_NAME_ADDR: Final = re.compile(
    rb"(?:" + _QUOTED + rb"[ \t]*+|(?:" + _TOKEN + rb"|[ \t\x80-\xff])*+)<([^<>\s\"]++)>", re.S
)
_ADDR_SPEC: Final = re.compile(rb"[^<>\"\s;,?]++")

_SINGLE: Final = (
    b"from f",
    b"to t",
    b"call-id i",
    b"cseq",
    b"max-forwards",
    b"content-length l",
    b"date",
    b"timestamp",
)
_LISTS: Final = (b"via v", b"p-asserted-identity")


def _spellings() -> dict[bytes, bytes]:
    """Each usual spelling of a header that matters to its full lower-case name; others are lowered at need."""
    names: dict[bytes, bytes] = {}
    for entry in _SINGLE + _LISTS:
        full = entry.split()[0]
        for spelling in entry.split():
            names |= {spelling: full, spelling.upper(): full, spelling.title(): full}
    return names | {b"Call-ID": b"call-id", b"CSeq": b"cseq"}


_NAMES: Final = _spellings()


class Via(msgspec.Struct, frozen=True, gc=False):
    """The topmost Via. `port` 0 = not given. Spans are offsets into the value: what `stamp` rewrites."""

    host: bytes
    port: int
    branch: bytes
    rport: tuple[int, int] | None
    received: tuple[int, int] | None
    end: int


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What an answer copies from its request, as received (RFC 3261 8.2.6.2). `vias` has one entry a header line."""

    vias: tuple[bytes, ...]
    via: Via
    sender: bytes
    to: bytes
    call_id: bytes
    cseq: bytes
    to_tag: bytes = b""
    timestamp: bytes = b""


class Request(msgspec.Struct, frozen=True, gc=False):
    """A request as far as a redirect server reads it. `sender_uri` and `asserted` (header value) are unparsed."""

    method: bytes
    uri: bytes
    target: Uri
    envelope: Envelope
    sequence: int
    sender_uri: bytes
    sender_tag: bytes
    asserted: bytes


class CodecError(ValueError):
    """A datagram that is no request. `status` is the answer due; where `envelope` is None there can be no answer.

    `reason` is one of few fixed words, fit for a counter's label and, spelt out, for the status line.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.envelope: Envelope | None = None


def parse(datagram: bytes) -> Request:
    """Read one datagram; bytes after the body that Content-Length announces are ignored (RFC 3261 18.3).

    Raises CodecError and nothing else.
    """
    lines, body = _split(datagram)
    found, vias, complaint = _index(lines)
    envelope, via_complaint = _envelope(found, vias)
    try:
        if complaint or via_complaint:
            raise CodecError(400, complaint or via_complaint)
        return _request(lines[0], envelope, found, len(body))
    except CodecError as error:
        if not lines[0].startswith(b"ACK "):
            error.envelope = envelope
        raise


def name_addr(value: bytes) -> tuple[bytes, bytes]:
    """URI and tag of a From or To value (RFC 3261 20.10, 20.20). Raises CodecError 400."""
    match = _NAME_ADDR.match(value)
    if match is not None:
        uri = match.group(1)
    else:
        match = _ADDR_SPEC.match(value)
        if match is None:
            raise CodecError(400, "malformed address")
        uri = match.group()
    position, end, tag = match.end(), len(value), b""
    while position < end:
        match = _PARAM.match(value, position)
        if match is None:
            raise CodecError(400, "malformed address")
        name, setting = match.group(1, 2)
        if not tag and name.lower() == b"tag":
            tag = setting or b""
        position = match.end()
    return uri, tag


def first_uri(value: bytes) -> bytes:
    """The first URI of a header that lists addresses (P-Asserted-Identity, RFC 3325 9.1); CodecError 400."""
    match = _NAME_ADDR.match(value) or _ADDR_SPEC.match(value)
    if match is None:
        raise CodecError(400, "malformed address")
    return match.group(match.lastindex or 0)


def stamp(envelope: Envelope, host: str, port: int) -> Envelope:
    """The envelope whose top Via says where the request really came from (RFC 3261 18.2.1, RFC 3581 4).

    `received` is added where `rport` was asked for or the sender's own idea of its address is another one;
    it carries no brackets (RFC 5118 4.5).
    """
    via, source = envelope.via, host.encode("ascii", "ignore")
    if via.rport is None and via.host.strip(b"[]").lower() == source:
        return envelope
    edits = [(via.received or (via.end, via.end), b";received=" + source)]
    if via.rport is not None:
        edits.append((via.rport, b";rport=%d" % port))
    top = envelope.vias[0]
    for (start, end), text in sorted(edits, reverse=True):
        top = top[:start] + text + top[end:]
    return Envelope(
        (top, *envelope.vias[1:]),
        via,
        envelope.sender,
        envelope.to,
        envelope.call_id,
        envelope.cseq,
        envelope.to_tag,
        envelope.timestamp,
    )


def encode(status: bytes, envelope: Envelope, tag: bytes = b"", extra: bytes = b"") -> bytes:
    """An answer: `status` is code and phrase, `extra` is whole header lines, each ended by CRLF.

    `tag` goes to the To header unless it has one.
    """
    to = envelope.to if envelope.to_tag or not tag else envelope.to + b";tag=" + tag
    return b"".join(
        (
            b"SIP/2.0 ",
            status,
            b"\r\nVia: ",
            b"\r\nVia: ".join(envelope.vias),
            b"\r\nFrom: ",
            envelope.sender,
            b"\r\nTo: ",
            to,
            b"\r\nCall-ID: ",
            envelope.call_id,
            b"\r\nCSeq: ",
            envelope.cseq,
            b"\r\n",
            extra,
            b"Content-Length: 0\r\n\r\n",
        )
    )


def _split(datagram: bytes) -> tuple[list[bytes], bytes]:
    """Start line and header lines, unfolded and free of stray line ends and NUL; the rest is the body."""
    head, blank, body = datagram.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not head:
        raise CodecError(0, "keepalive")
    if head.startswith(b"SIP/"):
        raise CodecError(0, "response")
    if not blank or len(head) > MAX_HEAD:
        raise CodecError(0, "headers too long" if blank else "no end of headers")
    if b"\r\n " in head or b"\r\n\t" in head:
        head = _FOLD.sub(b" ", head)
    if b"\0" in head:
        head = head.replace(b"\0", b"")
    lines = head.split(b"\r\n")
    if len(lines) > MAX_LINES:
        raise CodecError(0, "headers too long")
    breaks = len(lines) - 1
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks:
        raise CodecError(0, "stray line end")
    return lines, body


def _index(lines: list[bytes]) -> tuple[dict[bytes, bytes], list[bytes], str]:
    """The headers that matter by name, the Via lines, and a complaint (empty: none) about their form."""
    found: dict[bytes, bytes] = {}
    vias: list[bytes] = []
    complaint = ""
    for line in lines[1:]:
        spelling, colon, value = line.partition(b":")
        name = _NAMES.get(spelling)
        if name is None:
            spelling = spelling.rstrip().lower()
            if not colon or not spelling:
                complaint = "malformed header"
            name = _NAMES.get(spelling)
            if name is None:
                continue
        if name == b"via":
            vias.append(value.strip())
        elif name not in found:
            found[name] = value.strip()
        elif name == b"p-asserted-identity":
            found[name] += b", " + value.strip()
        else:
            complaint = "repeated header"
    return found, vias, complaint


def _envelope(found: dict[bytes, bytes], vias: list[bytes]) -> tuple[Envelope, str]:
    """What an answer copies, and a complaint about the top Via; CodecError without one: nothing to answer with."""
    sender, to, call_id, cseq = found.get(b"from"), found.get(b"to"), found.get(b"call-id"), found.get(b"cseq")
    if not (vias and sender and to and call_id and cseq):
        raise CodecError(0, "mandatory header missing")
    if sum(line.count(b",") for line in vias) + len(vias) > MAX_VIAS:
        raise CodecError(0, "too many Vias")
    via, complaint = _via(vias[0])
    return Envelope(tuple(vias), via, sender, to, call_id, cseq, b"", found.get(b"timestamp", b"")), complaint


def _via(value: bytes) -> tuple[Via, str]:
    """The first Via of the line. Without a readable sent-by nobody can be answered: CodecError without a status."""
    match = _SENT_BY.match(value)
    if match is None:
        raise CodecError(0, "malformed Via")
    host, port_text = match.group(1, 2)
    port = int(port_text) if port_text else 0
    if port > 65535 or port_text == b"0":
        raise CodecError(0, "malformed Via")
    branch, rport, received = b"", None, None
    position = match.end()
    while (match := _PARAM.match(value, position)) is not None:
        name, setting = match.group(1, 2)
        name = name.lower()
        if name == b"branch":
            branch = setting or b""
        elif name == b"rport":
            rport = match.span()
        elif name == b"received":
            received = match.span()
        position = match.end()
    complaint = "" if value[position:].lstrip()[:1] in (b"", b",") else "malformed Via"
    return Via(host, port, branch, rport, received, position), complaint


def _request(start: bytes, envelope: Envelope, found: dict[bytes, bytes], body: int) -> Request:
    """The checked request: everything here is answered with the status that it raises."""
    method, uri, target = _start_line(start)
    match = _CSEQ.fullmatch(envelope.cseq)
    if match is None or (sequence := int(match.group(1))) >= 2**31:
        raise CodecError(400, "malformed CSeq")
    if match.group(2) != method:
        raise CodecError(400, "CSeq of another method")
    if b" " in envelope.call_id or b"\t" in envelope.call_id:
        raise CodecError(400, "malformed Call-ID")
    _limits(found, body)
    sender_uri, sender_tag = name_addr(envelope.sender)
    _, to_tag = name_addr(envelope.to)
    if to_tag:
        envelope = msgspec.structs.replace(envelope, to_tag=to_tag)
    asserted = found.get(b"p-asserted-identity", b"")
    return Request(method, uri, target, envelope, sequence, sender_uri, sender_tag, asserted)


def _start_line(start: bytes) -> tuple[bytes, bytes, Uri]:
    """Method, Request-URI as sent and parsed: single spaces, nothing before or after (RFC 3261 7.1)."""
    parts = start.split(b" ")
    if not parts[-1].upper().startswith(b"SIP/") and not start.rstrip().upper().endswith(b"SIP/2.0"):
        raise CodecError(400, "malformed request line")
    if len(parts) != 3 or _METHOD.fullmatch(parts[0]) is None:
        raise CodecError(400, "malformed request line")
    method, uri, version = parts
    if version.upper() != b"SIP/2.0":
        raise CodecError(505, "version not supported")
    try:
        return method, uri, parse_uri(uri)
    except UriError as error:
        status, reason = (416, "unsupported URI scheme") if error.unknown_scheme else (400, "malformed Request-URI")
        raise CodecError(status, reason) from error


def _limits(found: dict[bytes, bytes], body: int) -> None:
    """Numbers in their ranges (RFC 3261 20.14, 20.22) and a date in GMT (20.17)."""
    length = found.get(b"content-length")
    if length is not None and not (length.isdigit() and len(length) <= 10 and int(length) <= body):
        raise CodecError(400, "wrong Content-Length")
    forwards = found.get(b"max-forwards")
    if forwards is not None and not (forwards.isdigit() and len(forwards) <= 10 and int(forwards) <= 255):
        raise CodecError(400, "malformed Max-Forwards")
    date = found.get(b"date")
    if date is not None and not date.endswith(b"GMT"):
        raise CodecError(400, "malformed Date")
