"""A connection that is fed anything, in pieces of any size: well-formed answers or an end, never an exception."""

from __future__ import annotations

import random

import pytest
from tests.diameter import build
from tests.diameter.build import DATA, avp, ccr, cer, ims, message, mscc, rsu, subscription, usu

from tollhouse.diameter.conversation import Ask, Conversation
from tollhouse.diameter.dictionary import Dictionary
from tollhouse.diameter.node import Node
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.tally import Tally
from tollhouse.values.commands import Authorize, Release, Start, Stop, Update
from tollhouse.values.instants import SECOND, parse_instant
from tollhouse.values.outcomes import Granted, Outcome, Refused, Settled
from tollhouse.values.refusals import Refusal

T0 = parse_instant("2026-11-23T10:00:00Z")
PAYER = subscription(0, "46700000001")
ORIGIN = avp(264, "pgw.example.org") + avp(296, "example.org")
SOUND = [
    ccr(1, 0, PAYER, mscc(rsu(avp(420, 60)), avp(432, 1)), ims("tel:+4420")),
    ccr(1, 0, PAYER, rsu(), ims("sip:4420@example.org;user=phone"), session="a;1", end=22),
    ccr(2, 1, PAYER, mscc(rsu(), usu(avp(420, 60)), avp(432, 1)), ims("tel:+4420"), end=23),
    ccr(3, 2, PAYER, mscc(usu(avp(420, 85)), avp(432, 1)), ims("tel:+4420"), end=24),
    ccr(
        1, 0, subscription(1, "001010000000001"), mscc(rsu(build.u64(421, 10**6))), context=DATA, session="b;1", end=25
    ),
    message(280, 0, ORIGIN, hop=9, end=9),
    message(280, 0, avp(268, 2001) + ORIGIN, flags=0, hop=1, end=1),
]
CLOSING = message(282, 0, ORIGIN + avp(273, 0), hop=10, end=10)


class Line:
    """A connection and an engine that answers every question by dice."""

    def __init__(self, settings: DiameterSettings, dictionary: Dictionary, seed: int) -> None:
        self.tally = Tally()
        self.core = Conversation(Node(settings, dictionary, self.tally), "127.0.0.1", "acme", T0, lambda: None)
        self.asked: list[Ask] = []
        self.written = b""
        self._dice = random.Random(seed)

    def feed(self, raw: bytes, now: int) -> None:
        """Octets arrive; whatever the engine is asked is answered at once."""
        for ask in self.core.receive(raw, now):
            self.asked.append(ask)
            if ask.exchange is not None:
                self.core.answer(ask.exchange, self._outcome(ask), now)
        self.written += self.core.output()

    def _outcome(self, ask: Ask) -> Outcome:
        if self._dice.random() < 0.3:
            return Refused(self._dice.choice([*Refusal]))
        assert isinstance(ask.command, Authorize | Start | Update | Stop | Release), ask.command
        if isinstance(ask.command, Stop | Release):
            return Settled("s", 85, "EUR", 6, 641_700, 0)
        return Granted("s", ask.command.service, 60 * SECOND, self._dice.random() < 0.5, 0, "EUR", 6, 0)


def mutated(dice: random.Random, raw: bytes) -> bytes:
    """Octets changed anywhere behind the length; now and then the length too."""
    data = bytearray(raw)
    for _ in range(dice.randrange(1, 5)):
        data[dice.randrange(4 if dice.random() < 0.97 else 0, len(data))] = dice.randrange(256)
    return bytes(data)


def pieces(dice: random.Random, raw: bytes) -> list[bytes]:
    """The octets as a network may bring them."""
    cuts = sorted(dice.randrange(len(raw) + 1) for _ in range(dice.randrange(6)))
    return [raw[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


def messages(raw: bytes) -> list[bytes]:
    """The messages in a stream, in the order of their octets."""
    found = []
    while raw:
        size = int.from_bytes(raw[1:4], "big")
        found.append(raw[:size])
        raw = raw[size:]
    return sorted(found)


@pytest.mark.parametrize("seed", range(6))
def test_anything_after_the_capabilities(seed: int, settings: DiameterSettings, dictionary: Dictionary) -> None:
    """200 connections a seed: what is written can be read by a plain reader, every answer has a Result-Code."""
    dice = random.Random(seed)
    asked = 0
    for number in range(200):
        line = Line(settings, dictionary, seed * 1000 + number)
        stream = cer() + b"".join(
            raw if dice.random() < 0.4 else mutated(dice, raw) for raw in dice.choices(SOUND, k=dice.randrange(1, 20))
        )
        if dice.random() < 0.3:
            stream += dice.choice([CLOSING, dice.randbytes(60), b"\x01" + bytes(40)])
        for place, piece in enumerate(pieces(dice, stream)):
            line.feed(piece, T0 + place * 1000)
        line.core.lost(T0 + SECOND)
        for answer in build.read_all(line.written):
            assert answer.flags & 0x80 or answer.has(268)
            assert answer.has(264)
            assert answer.has(296)
        asked += len(line.asked)
    assert asked > 300  # most of it gets as far as the engine


@pytest.mark.parametrize("seed", range(3))
def test_anything_before_the_capabilities(seed: int, settings: DiameterSettings, dictionary: Dictionary) -> None:
    """A CER with octets changed opens, is refused, or ends the connection; noise asks nothing of the engine."""
    dice = random.Random(seed)
    for number in range(1000):
        line = Line(settings, dictionary, number)
        line.feed(mutated(dice, cer()) if dice.random() < 0.8 else dice.randbytes(dice.randrange(200)), T0)
        build.read_all(line.written)
        assert line.asked == []


def test_octet_by_octet_is_the_same_as_whole(settings: DiameterSettings, dictionary: Dictionary) -> None:
    """How the stream is cut changes neither what is asked nor what is answered (an engine's answers come later)."""
    stream = cer() + b"".join(SOUND)
    whole, single = Line(settings, dictionary, 1), Line(settings, dictionary, 1)
    whole.feed(stream, T0)
    for at in range(len(stream)):
        single.feed(stream[at : at + 1], T0)
    assert messages(whole.written) == messages(single.written)
    assert [ask.command for ask in whole.asked] == [ask.command for ask in single.asked]
    assert len(whole.asked) == 5


def test_cut_at_every_octet(settings: DiameterSettings, dictionary: Dictionary) -> None:
    """A message that is not whole asks nothing and is not answered."""
    for raw in SOUND:
        for size in range(len(raw)):
            line = Line(settings, dictionary, 1)
            line.feed(cer(), T0)
            before = line.written
            line.feed(raw[:size], T0)
            assert (line.asked, line.written) == ([], before)


def test_a_refused_report_whose_service_information_cannot_be_read(
    settings: DiameterSettings, dictionary: Dictionary
) -> None:
    """A CCR-T needs no called party; the Failed-AVP of its 5031 is then the Service-Context-Id (RFC 8506 9)."""
    node = Node(settings, dictionary, Tally())
    core = Conversation(node, "127.0.0.1", "acme", T0, lambda: None)
    core.receive(cer(), T0)
    core.output()
    broken = avp(873, avp(9_999_999, b"what", build.TGPP), build.TGPP)
    (ask,) = core.receive(ccr(3, 2, PAYER, mscc(usu(avp(420, 85)), avp(432, 1)), broken), T0)
    assert ask.exchange is not None
    core.answer(ask.exchange, Refused(Refusal.NO_RATE), T0)
    (answer,) = build.read_all(core.output())
    assert answer.result == 5031
    assert answer.first(279) == avp(461, build.VOICE)
    assert core.in_hand == 0
