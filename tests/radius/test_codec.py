"""The codec against the RFCs' own octets, and against everything that is no RADIUS packet."""

from __future__ import annotations

import hashlib
import hmac
import random

import pytest
from tests.radius.support import SECRET, access, accounting, put

from tollhouse.identify.identify import proves
from tollhouse.radius import codec
from tollhouse.radius.codec import RadiusError, SharedSecret, attribute, authenticate, hide, parse, reply, reveal
from tollhouse.values.commands import Chap

XYZZY = SharedSecret(b"xyzzy5461")
PAP = bytes.fromhex(
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee"
    "0406c0a80110 050600000003"
)
"""RFC 2865 7.1: user nemo, password arctangent, secret xyzzy5461."""
ACCEPT = bytes.fromhex("02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103")
"""RFC 2865 7.1: the answer, which has no Message-Authenticator."""
CHAP = bytes.fromhex(
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379 031316e97557c316185895f293ff6344077275"
    "0406c0a80110 050600000014 060600000002 070600000001"
)
"""RFC 2865 7.2: user flopsy, CHAP identifier 22, password arctangent."""


def signed_access(*attributes: bytes) -> bytes:
    body = b"".join(attributes)
    head = bytes((1, 7)) + (38 + len(body)).to_bytes(2, "big") + bytes(16) + body + b"\x50\x12"
    return head + hmac.digest(b"testing123", head + bytes(16), "md5")


def reason(data: bytes, *, signed: bool = False) -> str:
    with pytest.raises(RadiusError) as caught:
        authenticate(parse(data), (SECRET,), signed)
    return caught.value.reason


def test_rfc2865_7_1_password() -> None:
    message = parse(PAP)
    assert (message.code, message.identifier) == (1, 0)
    assert message.attributes[0] == (1, b"nemo")
    assert reveal(message.first()[2], message.authenticator, XYZZY) == b"arctangent"
    assert hide(b"arctangent", message.authenticator, XYZZY) == message.first()[2]


def test_rfc2865_7_2_chap() -> None:
    message = parse(CHAP)
    value = message.first()[3]
    assert value[0] == 22
    assert proves(Chap(value[0], message.authenticator, value[1:]), b"arctangent")
    assert not proves(Chap(value[0], message.authenticator, value[1:]), b"arctangenu")


def test_reply_is_rfc2865_7_1_with_the_signature_in_front() -> None:
    made = reply(codec.ACCESS_ACCEPT, parse(PAP), ACCEPT[20:], XYZZY)
    assert made[20:22] == b"\x50\x12"
    assert made[38:] == ACCEPT[20:]
    # the signature covers the request's authenticator, the response authenticator covers the signature
    asked = made[:4] + PAP[4:20]
    assert made[22:38] == hmac.digest(XYZZY.octets, asked + b"\x50\x12" + bytes(16) + made[38:], "md5")
    assert made[4:20] == hashlib.md5(asked + made[20:] + XYZZY.octets).digest()


def test_accounting_response_is_unsigned_and_exact() -> None:
    request = parse(accounting(put("Acct-Status-Type", 1)))
    made = reply(codec.ACCOUNTING_RESPONSE, request, b"", SECRET)
    # by hand: code 5, identifier 9, length 20, MD5(header + request authenticator + secret)
    head = b"\x05\x09\x00\x14"
    assert made == head + hashlib.md5(head + request.authenticator + b"testing123").digest()


def test_proxy_states_come_back_in_order_after_the_rest() -> None:
    request = parse(accounting(put("Proxy-State", b"one"), put("Acct-Status-Type", 1), put("Proxy-State", b"\0two")))
    assert reply(5, request, b"", SECRET)[20:] == b"\x21\x05one" + b"\x21\x06\0two"


def test_reply_over_4096_is_never_made() -> None:
    request = parse(access(*[put("Proxy-State", b"x" * 253)] * 15))
    with pytest.raises(RadiusError, match="reply_too_long"):
        reply(3, request, b"x" * 300, SECRET)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 33, 127, 128])
def test_passwords_of_every_block_count(length: int) -> None:
    password = bytes(1 + n % 250 for n in range(length))
    hidden = hide(password, PAP[4:20], SECRET)
    assert len(hidden) == max(16, (length + 15) // 16 * 16)
    assert reveal(hidden, PAP[4:20], SECRET) == password


@pytest.mark.parametrize("hidden", [b"", b"x" * 15, b"x" * 17, b"x" * 144])
def test_passwords_of_no_block_count(hidden: bytes) -> None:
    with pytest.raises(RadiusError, match="bad_password"):
        reveal(hidden, PAP[4:20], SECRET)


def test_vendor_parts() -> None:
    two = b"\x00\x00\x00\x09" + b"\x01\x05abc" + b"\x18\x04xy"
    values = parse(access(attribute(26, two))).attributes
    assert values == ((9 << 8 | 1, b"abc"), (9 << 8 | 24, b"xy"))


@pytest.mark.parametrize(
    "value",
    [b"", b"\0\0\0\x09", b"\0\0\0\x09\x01\x01z", b"\0\0\0\x09\x01\x09z", b"\0\0\0\x09\x01\x03zq", b"\0\0\0\0\x01\x03z"],
)
def test_a_vendor_attribute_that_is_no_list_stays_whole(value: bytes) -> None:
    assert parse(access(attribute(26, value))).attributes == ((26, value),)


def test_padding_is_ignored() -> None:
    message = parse(PAP + b"\xff" * 9)
    assert message.raw == PAP
    assert message == parse(PAP)


def test_every_truncation_is_refused() -> None:
    for size in range(len(PAP)):
        with pytest.raises(RadiusError) as caught:
            parse(PAP[:size])
        assert caught.value.reason == ("too_short" if size < 20 else "bad_length")
        if size >= 20:  # a length field that agrees: fine at an attribute's end, else an attribute overruns
            cut = PAP[:2] + size.to_bytes(2, "big") + PAP[4:size]
            if size in (20, 26, 44, 50):
                parse(cut)
            else:
                with pytest.raises(RadiusError, match="bad_attribute"):
                    parse(cut)


@pytest.mark.parametrize(
    ("data", "why"),
    [  # requirement radius 2.1, its malformed set
        (b"", "too_short"),
        (b"\x01" * 19, "too_short"),
        (b"\x01\x01\x00\x0a" + bytes(16), "bad_length"),
        (b"\x01\x01\x03\x84" + bytes(21), "bad_length"),
        (access(b"\x01\x00"), "bad_attribute"),
        (access(b"\x01\x01"), "bad_attribute"),
        (access(b"\x01\x32bob"), "bad_attribute"),
        (access(b"\x01\x05bob\x01"), "bad_attribute"),
        (accounting((b"\x21\xfe" + b"x" * 252) * 17), "bad_length"),
        (access(b"\x50\x0aAAAAAAAA"), "bad_signature_attribute"),
        (access((b"\x50\x12" + bytes(16)) * 2), "bad_signature_attribute"),
        (access(b"\x50\x12" + b"\x01" * 16), "bad_signature"),
        (accounting(put("Acct-Status-Type", 1), secret=b"other"), "bad_authenticator"),
        (b"\x02" + access()[1:], "unexpected_code"),
        (b"\x63" + access()[1:], "unexpected_code"),
        (b"\x0c" + access()[1:], "unsigned"),
        (b"\x2b" + access()[1:], "unexpected_code"),
    ],
)
def test_malformed_and_forged(data: bytes, why: str) -> None:
    assert reason(data) == why


def test_signatures() -> None:
    good = signed_access(put("User-Name", "bob"))
    assert authenticate(parse(good), (SECRET,), True) is SECRET
    assert reason(good[:-1] + bytes((good[-1] ^ 1,)), signed=True) == "bad_signature"
    assert reason(access(put("User-Name", "bob")), signed=True) == "unsigned"
    assert authenticate(parse(access()), (SECRET,), False) is SECRET


def test_a_wrong_signature_in_accounting_is_refused_too() -> None:
    assert reason(accounting(b"\x50\x12" + bytes(16))) == "bad_signature"


def test_the_second_secret() -> None:
    old, new = SharedSecret(b"old"), SharedSecret(b"new")
    assert authenticate(parse(accounting(secret=b"new")), (old, new), False) is new
    unsigned = access(put("User-Password", hide(b"secret", bytes(range(16)), new)))
    assert authenticate(parse(unsigned), (old, new), False) is new
    assert authenticate(parse(signed_access()), (old, SECRET), False) is SECRET


def test_20000_broken_packets_raise_the_codecs_error_only() -> None:
    dice = random.Random(2865)
    seeds = [PAP, CHAP, accounting(put("Acct-Status-Type", 2), put("h323-conf-id", "h323-conf-id=1 2 3 4"))]
    sound = 0
    for _ in range(20_000):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        if dice.random() < 0.1:
            data = bytearray(dice.randbytes(dice.randrange(80)))
        try:
            message = parse(bytes(data))
            authenticate(message, (SECRET,), False)
            sound += 1
        except RadiusError:
            continue
    assert 100 < sound < 19_000  # the mutations are not all rejected at the door
