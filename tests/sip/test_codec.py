"""Bytes to requests and answers to bytes (RFC 3261 7, 8.2.6, 18.2; RFC 3581)."""

from __future__ import annotations

import random

import pytest
from tests.sip.messages import header, request
from tests.sip.rfc4475 import NAMES, message

from tollhouse.sip.codec import MAX_HEAD, CodecError, encode, name_addr, parse, stamp
from tollhouse.sip.conversation import reply_to
from tollhouse.sip.dialects.redirect import Declined, at_once, authorize
from tollhouse.sip.settings import Settings
from tollhouse.snapshot.accounts import Gateway


def status(datagram: bytes) -> tuple[int, bool]:
    """Status of the codec's complaint, and whether it can be answered."""
    with pytest.raises(CodecError) as caught:
        parse(datagram)
    return caught.value.status, caught.value.envelope is not None


def test_what_the_decision_needs() -> None:
    read = parse(request(extra="P-Asserted-Identity: <sip:1002@example.com>\r\n", body="v=0"))
    assert (read.method, read.target.user, read.target.host, read.target.port) == (
        b"INVITE",
        b"441234567890",
        b"127.0.0.1",
        5060,
    )
    assert (read.sequence, read.sender_uri, read.sender_tag) == (1, b"sip:1001@example.com", b"a1")
    assert read.asserted == b"<sip:1002@example.com>"
    assert (read.envelope.via.branch, read.envelope.via.port) == (b"z9hG4bKone", 5070)


def test_compact_names_mean_the_same() -> None:
    long = request()
    short = long
    for name, compact in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Content-Length", "l")):
        short = short.replace(f"\r\n{name}:".encode(), f"\r\n{compact}:".encode())
    assert short != long
    assert parse(short) == parse(long)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", (505, True)),
        (b"INVITE sip:", b"INVITE http:", (416, True)),
        (b"INVITE sip:", b"INVITE sip;", (400, True)),
        (b"CSeq: 1 ", b"CSeq: 2147483648 ", (400, True)),
        (b"CSeq: 1 INVITE", b"CSeq: 1 invite", (400, True)),
        (b"CSeq: 1 INVITE", b"CSeq: one INVITE", (400, True)),
        (b"Max-Forwards: 70", b"Max-Forwards: 256", (400, True)),
        (b"Max-Forwards: 70", b"Max-Forwards: " + b"9" * 5000, (400, True)),
        (b"Content-Length: 0", b"Content-Length: " + b"9" * 5000, (400, True)),
        (b"Content-Length: 0", b"Content-Length: 1", (400, True)),
        (b"Call-ID: call-1", b"Call-ID: call 1", (400, True)),
        (b";tag=a1", b";tag", None),
        (b";tag=a1", b";tag=", (400, True)),
        (b";branch=", b";;branch=", (400, True)),
        (b"192.0.2.1:5070", b"192.0.2.1:65536", (0, False)),
        (b"192.0.2.1:5070", b"192.0.2.1:0", (0, False)),
        (b"Via: ", b"Vla: ", (0, False)),
        (b"From: ", b"Form: ", (0, False)),
        (b"To: <", b"To: \r\nX: <", (0, False)),
        (b"To: <", b"To: <\n", (0, False)),
        (b"Max-Forwards: 70", b"nothing at all", (400, True)),
    ],
)
def test_complaints(old: bytes, new: bytes, expected: tuple[int, bool] | None) -> None:
    spoilt = request().replace(old, new)
    assert spoilt != request()
    if expected is None:
        assert parse(spoilt).sender_tag == b""
    else:
        assert status(spoilt) == expected


def test_an_ack_is_never_answered() -> None:
    assert status(request("ACK").replace(b"Max-Forwards: 70", b"Max-Forwards: x")) == (400, False)


def test_too_much_is_dropped() -> None:
    assert status(request(extra="X: " + "y" * MAX_HEAD + "\r\n")) == (0, False)
    assert status(request(extra="X: y\r\n" * 300)) == (0, False)
    assert status(request(extra="Via: SIP/2.0/UDP a.invalid\r\n" * 70)) == (0, False)


def test_bytes_after_the_body_are_ignored() -> None:
    assert parse(request() + b"INVITE junk") == parse(request())


def test_line_ends_before_the_request_are_ignored() -> None:
    assert parse(b"\r\n\r\n" + request()) == parse(request())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<sip:a@b>", (b"sip:a@b", b"")),
        (b'"A <x>; B" <sip:a@b;p=q>;x="u;tag=no";tag=yes', (b"sip:a@b;p=q", b"yes")),
        (b"A B <sip:a@b>;TAG = yes", (b"sip:a@b", b"yes")),
        (b"sip:a@b;tag=yes", (b"sip:a@b", b"yes")),  # RFC 3261 20: parameters without <> are the header's
        (b"Zo\xc3\xab <sip:a@b>", (b"sip:a@b", b"")),
    ],
)
def test_addresses(value: bytes, expected: tuple[bytes, bytes]) -> None:
    assert name_addr(value) == expected


def test_an_answer_copies_as_received_and_tags_the_to() -> None:
    read = parse(request(extra="v: SIP/2.0/TCP second.invalid;branch=z9hG4bKtwo\r\n"))
    answer = encode(b"302 Moved Temporarily", stamp(read.envelope, "192.0.2.1", 5070), b"ours", b"X: y\r\n")
    assert answer == (
        b"SIP/2.0 302 Moved Temporarily\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1:5070;rport=5070;branch=z9hG4bKone;received=192.0.2.1\r\n"
        b"Via: SIP/2.0/TCP second.invalid;branch=z9hG4bKtwo\r\n"
        b"From: <sip:1001@example.com>;tag=a1\r\n"
        b"To: <sip:441234567890@127.0.0.1>;tag=ours\r\n"
        b"Call-ID: call-1@192.0.2.1\r\nCSeq: 1 INVITE\r\nX: y\r\nContent-Length: 0\r\n\r\n"
    )


def test_a_to_tag_of_the_client_stays_alone() -> None:
    read = parse(request(to="<sip:1@b>;tag=theirs"))
    assert header(encode(b"481 X", read.envelope, b"ours"), "To") == "<sip:1@b>;tag=theirs"


@pytest.mark.parametrize(
    ("via", "source", "stamped", "destination"),
    [
        # RFC 3261 18.2.1: received only where the sent-by is another host; 18.2.2: to the sent-by port
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=b", ("192.0.2.1", 9), "SIP/2.0/UDP 192.0.2.1:5070;branch=b", 5070),
        (
            "SIP/2.0/UDP gw.invalid;branch=b",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP gw.invalid;branch=b;received=192.0.2.1",
            5060,
        ),
        # RFC 3581 4: rport filled, received always, back to the source port
        (
            "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff",
            ("192.0.2.1", 9988),
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1",
            9988,
        ),
        # RFC 5118 4.5: an IPv6 received has no brackets; a value that the client invented is replaced
        (
            "SIP/2.0/UDP [2001:db8::9]:6050;received=[2001:db8::1];branch=b",
            ("2001:db8::2", 5),
            "SIP/2.0/UDP [2001:db8::9]:6050;received=2001:db8::2;branch=b",
            6050,
        ),
        (
            "SIP/2.0/UDP [2001:DB8::9];branch=b",
            ("2001:db8::9", 5),
            "SIP/2.0/UDP [2001:DB8::9];branch=b",
            5060,
        ),
        # only the first of several Vias of one line is ours to stamp
        (
            "SIP/2.0/UDP a.invalid;branch=b , SIP/2.0/TCP c.invalid",
            ("192.0.2.1", 5),
            "SIP/2.0/UDP a.invalid;branch=b;received=192.0.2.1 , SIP/2.0/TCP c.invalid",
            5060,
        ),
    ],
)
def test_where_it_came_from(via: str, source: tuple[str, int], stamped: str, destination: int) -> None:
    envelope = parse(request(via=via)).envelope
    assert stamp(envelope, *source).vias[0].decode() == stamped
    assert reply_to(envelope, source) == (source[0], destination)


def test_nul_and_folds_never_reach_an_answer() -> None:
    read = parse(request(sender='"a\0b\r\n c" <sip:1@b>;tag=x'))
    answer = encode(b"200 OK", read.envelope, b"t")
    assert header(answer, "From") == '"ab c" <sip:1@b>;tag=x'
    assert b"\0" not in answer


def handle(datagram: bytes) -> bool:
    """All that a datagram meets before the engine; only the codec's own error, or a "no", may end it (False)."""
    try:
        read = parse(datagram)
        stamp(read.envelope, "192.0.2.1", 5060)
        if at_once(read, accepting=True, settings=Settings()) is None:
            authorize(read, Gateway("g", "t", "", b"", b"", ("sip",)), "192.0.2.1", 0, Settings())
    except (CodecError, Declined):
        return False
    return True


@pytest.mark.parametrize("name", ["wsinv", "intmeth", "longreq", "sdp01", "inv2543"])
def test_cut_at_every_byte(name: str) -> None:
    whole = message(name)
    head = whole.index(b"\r\n\r\n") + 4
    assert not any(handle(whole[:end]) for end in range(head))
    for end in range(head, len(whole)):
        handle(whole[:end])


def test_a_body_cut_short_is_400() -> None:
    whole = request(body="v=0\r\n")
    for end in range(whole.index(b"\r\n\r\n") + 4, len(whole)):
        assert status(whole[:end]) == (400, True)


def test_twenty_thousand_mutations() -> None:
    dice = random.Random(4475)
    sources = [message(name) for name in NAMES if len(message(name)) < 2000] + [request()]
    alphabet = b'\r\n \t\0";,<>=@:%[]*1aZ\xff/?&+\\'
    read = 0
    for _ in range(20_000):
        mutant = bytearray(dice.choice(sources))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(mutant))
            kind = dice.randrange(4)
            if kind == 0:
                mutant[at] = dice.choice(alphabet)
            elif kind == 1:
                mutant.insert(at, dice.choice(alphabet))
            elif kind == 2:
                del mutant[at : at + dice.randint(1, 12)]
            else:
                mutant[at:at] = mutant[at : at + dice.randint(1, 40)] * dice.randint(1, 3)
            if not mutant:
                break
        read += handle(bytes(mutant))
    assert 1000 < read < 19_000  # neither all are refused at the door, nor does everything pass


@pytest.mark.parametrize(
    "filler", [b" ", b"\t ", b"a ", b'"', b'"\\', b"<", b";", b";a", b";a=", b"%", b"a,", b"\r\n "]
)
def test_nothing_is_slow(filler: bytes) -> None:
    """30 KB of anything in any header is read in linear time: a quadratic reader would take minutes here."""
    stuffing = filler * (30_000 // len(filler))
    for name in (b"Via: ", b"From: ", b"To: ", b"CSeq: ", b"P-Asserted-Identity: ", b"INVITE "):
        handle(request(extra="P-Asserted-Identity: <sip:1@b>\r\n").replace(name, name + stuffing, 1))
