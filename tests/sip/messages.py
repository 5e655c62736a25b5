"""Requests as a switch sends them, for the tests of the room."""

from __future__ import annotations


def request(
    method: str = "INVITE",
    target: str = "sip:441234567890@127.0.0.1:5060",
    *,
    via: str = "SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKone",
    sender: str = "<sip:1001@example.com>;tag=a1",
    to: str = "<sip:441234567890@127.0.0.1>",
    call_id: str = "call-1@192.0.2.1",
    sequence: int = 1,
    extra: str = "",
    body: str = "",
) -> bytes:
    """One request; `extra` is whole header lines, each ended by CRLF."""
    return (
        f"{method} {target} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {sender}\r\nTo: {to}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {sequence} {method}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def header(answer: bytes, name: str) -> str:
    """The value of the header's first line in an answer; empty if there is none."""
    for line in answer.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]:
        found, _, value = line.partition(": ")
        if found == name:
            return value
    return ""
