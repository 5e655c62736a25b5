"""A SIP client that places one call and shows what it got: real packets over a blocking UDP socket."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from secrets import token_hex
from time import monotonic
from typing import Final

import msgspec

BUFFER: Final = 65_535
TRY_EVERY: Final = 0.5
"""Seconds between two sendings of a request (timer A's first step)."""


class ProbeStep(msgspec.Struct, frozen=True):
    """One request and what came back: `answer` is the status line and the headers that tell something, empty where
    nothing came (or nothing is due: ACK). `ok`: the answer was the one a working server gives."""

    title: str
    answer: tuple[str, ...]
    ok: bool
    milliseconds: int


class Call(msgspec.Struct, frozen=True):
    """The names of one call attempt."""

    host: str
    port: int
    local: str
    caller: str
    called: str
    call_id: str
    tag: str
    branch: str

    def message(self, method: str, sequence: int, to_tag: str = "") -> bytes:
        """A request of this call without a body; an ACK and a CANCEL share the INVITE's branch and sequence."""
        target = f"sip:{self.called}@{_bracketed(self.host)}:{self.port}"
        branch = self.branch if method in ("INVITE", "ACK", "CANCEL") else f"{self.branch}{method}"
        to_param = f";tag={to_tag}" if to_tag else ""
        lines = (
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.local};rport;branch=z9hG4bK{branch}",
            "Max-Forwards: 70",
            f"From: <sip:{self.caller}@tollhouse.invalid>;tag={self.tag}",
            f"To: <{target}>{to_param}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self.caller}@{self.local}>",
            "User-Agent: tollhouse-probe",
            "Content-Length: 0",
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


def run_probe(
    host: str, port: int, caller: str, called: str, timeout: float, methods: Sequence[str] = ("OPTIONS", "INVITE")
) -> list[ProbeStep]:
    """These methods in turn; an INVITE that is answered gets its ACK.

    `timeout` is in seconds for each; OSError where the socket fails.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.connect(address)
        name, local_port = link.getsockname()[:2]
        local = f"{_bracketed(name)}:{local_port}"
        call = Call(host, port, local, caller, called, f"{token_hex(8)}@probe", token_hex(4), token_hex(8))
        steps = []
        for sequence, method in enumerate(methods, start=1):
            answer, milliseconds = _exchange(link, call, method, sequence, timeout)
            title, expected = (f"INVITE {caller} -> {called}", "302") if method == "INVITE" else (method, "200")
            steps.append(ProbeStep(title, decode(answer), answer[8:11] == expected, milliseconds))
            if method == "INVITE" and answer:
                link.send(call.message("ACK", sequence, _to_tag(answer)))
                steps.append(ProbeStep("ACK", (), True, 0))
        return steps


def _exchange(link: socket.socket, call: Call, method: str, sequence: int, timeout: float) -> tuple[str, int]:
    """The final answer as text and the milliseconds it took; empty where none came in time.

    The request is sent again every half second, as UDP asks for. Answers to other requests are passed over.
    """
    begun = monotonic()
    ends, again = begun + timeout, begun
    wanted = f"\r\nCSeq: {sequence} {method}\r\n"
    request = call.message(method, sequence)
    while (now := monotonic()) < ends:
        if now >= again:
            link.send(request)
            again = now + TRY_EVERY
        link.settimeout(max(min(again, ends) - now, 0.001))
        try:
            answer = link.recv(BUFFER).decode("utf-8", "replace")
        except TimeoutError:
            continue
        if answer.startswith("SIP/2.0 ") and wanted in answer and f"\r\nCall-ID: {call.call_id}\r\n" in answer:
            if answer[8:9] != "1":
                return answer, round((monotonic() - begun) * 1000)
            again = ends
    return "", round(timeout * 1000)


def decode(answer: str) -> tuple[str, ...]:
    """Status line, then each contact, reason and promise of the answer on a line of its own."""
    status, *lines = answer.partition("\r\n\r\n")[0].split("\r\n")
    shown = [status] if status else []
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "Contact":
            shown += [f"Contact: {contact}" for contact in value.split(", ")]
        elif name in ("Reason", "Retry-After", "Allow"):
            shown.append(line)
    return tuple(shown)


def _to_tag(answer: str) -> str:
    line = next((line for line in answer.split("\r\n") if line.startswith("To: ")), "")
    return line.rpartition(";tag=")[2] if ";tag=" in line else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
