"""The whole room is fed anything, the engine answers anything: responses to where it came from, or silence."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from tests.sip.charging import Script, granted
from tests.sip.messages import request
from tests.sip.rfc4475 import NAMES, message
from twisted.internet.task import Clock

from tollhouse.engine.tally import Tally
from tollhouse.sip.server import SipServer
from tollhouse.sip.settings import Settings
from tollhouse.values.outcomes import Outcome, Refused, Route
from tollhouse.values.refusals import Refusal

SOURCE = "127.0.0.9"
STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9]) [^\r\n\0]+")
ODD_ROUTES = (Route("c", "c.invalid", "", 1), Route("d", "[2001:db8::1]:5060", '4"<>;@% \r\n', 0))


class Port:
    """What the room writes with; nothing leaves."""

    def __init__(self, bound: socket.socket) -> None:
        self.socket = bound
        self.written: list[tuple[bytes, tuple[str, int]]] = []

    def write(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.written.append((datagram, address))


@contextmanager
def serving(script: Script) -> Iterator[tuple[SipServer, Port, Clock]]:
    """A room on a port that only records."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as bound:
        bound.bind(("127.0.0.1", 0))
        port, clock = Port(bound), Clock()
        server: Any = SipServer(script, Tally(), Settings(), clock, b"s" * 16)
        server.makeConnection(port)
        yield server, port, clock
        server.stopProtocol()
    assert clock.getDelayedCalls() == []


def changed(dice: random.Random, datagram: bytes) -> bytes:
    """Octets changed, put in, taken out, lines doubled or dropped."""
    data = bytearray(datagram)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(data))
        kind = dice.randrange(5)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            data.insert(at, dice.choice(b'\r\n \t\0";,<>=@:%[]'))
        elif kind == 2 and len(data) > 20:
            del data[at : at + dice.randint(1, 12)]
        else:
            lines = bytes(data).split(b"\r\n")
            line = dice.randrange(len(lines))
            lines[line : line + 1] = [] if kind == 3 and len(lines) > 2 else [lines[line]] * 2
            data = bytearray(b"\r\n".join(lines))
    return bytes(data)


def outcome(dice: random.Random) -> Outcome:
    """A grant with routes good and odd, or any refusal."""
    if dice.random() < 0.4:
        return Refused(dice.choice([*Refusal]))
    return dice.choice([granted(), granted(()), granted(ODD_ROUTES)])


def check(datagram: bytes, address: tuple[str, int]) -> None:
    """A response: a status line, headers each on a line of its own, no control octets, to the source's host."""
    head, end, _ = datagram.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert end
    assert STATUS.fullmatch(first), first
    assert all(re.match(rb"[A-Za-z-]+[ \t]*:|[ \t]", line) for line in lines), datagram
    names = {line.partition(b":")[0].strip().lower() for line in lines}
    assert {b"via", b"from", b"to", b"call-id", b"cseq"} <= names, datagram
    assert address[0] == SOURCE


@pytest.mark.parametrize("seed", range(4))
def test_anything(seed: int) -> None:
    """3,000 datagrams: calls, their repeats, ACKs and CANCELs, the torture messages, all with octets changed."""
    dice = random.Random(seed)
    torture = [message(name) for name in NAMES if len(message(name)) < 2000]
    script = Script()
    with serving(script) as (server, port, clock):
        for number in range(3000):
            which = dice.randrange(number // 8 + 1)
            via = f"SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK{which}"
            method = dice.choice(["INVITE", "INVITE", "INVITE", "ACK", "CANCEL", "OPTIONS", "BYE"])
            call = request(method, via=via, call_id=f"call-{which}")
            datagram = dice.choice([call, call, call, dice.choice(torture), dice.randbytes(dice.randrange(100))])
            if dice.random() < 0.7 and datagram:
                datagram = changed(dice, datagram)
            script.outcome = outcome(dice)
            server.datagramReceived(datagram, (SOURCE, 5000 + number % 50))
            if dice.random() < 0.5:
                script.answer()
            if dice.random() < 0.1:
                clock.pump([0.05] * dice.randrange(40))
        script.answer()
        clock.pump([0.5] * 130)
        before = len(port.written)
        clock.pump([0.5] * 130)
        assert len(port.written) == before  # every transaction has ended
        for sent in port.written:
            check(*sent)
        assert len(port.written) > 500
        assert len(script.commands) > 100
