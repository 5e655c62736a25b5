"""What a redirect server makes of each message of RFC 4475 (requirement sheet, section 7)."""

from __future__ import annotations

import pytest
from tests.sip.rfc4475 import NAMES, message

from tollhouse.sip.codec import CodecError, parse
from tollhouse.sip.dialects.redirect import Declined, at_once, authorize
from tollhouse.sip.settings import Settings
from tollhouse.snapshot.accounts import Gateway

GATEWAY = Gateway("gw", "t1", "192.0.2.0/24", b"", b"", ("sip",))
SILENCE = "silence"

EXPECTED = {
    # 3.1.1 valid. An INVITE with a To tag belongs to a dialog, which a redirect server never has.
    "wsinv": "481",
    "intmeth": "405",
    "esc01": "404",  # the user part is `sips:user@example.com` and no number
    "escnull": "405",
    "esc02": "405",  # method names are never unescaped
    "lwsdisp": "200",
    "longreq": "ask user",
    "dblreq": "405",
    "semiuri": "200",
    "transports": "200",
    "mpart01": "405",
    "unreason": SILENCE,
    "noreason": SILENCE,
    # 3.1.2 invalid
    "badinv01": "400",
    "clerr": "400",
    "ncl": "400",
    "scalar02": "400",
    "scalarlg": SILENCE,
    "quotbal": "400",
    "ltgtruri": "400",
    "lwsruri": "400",
    "lwsstart": "400",
    "trws": "400",
    "escruri": "400",
    "baddate": "400",
    "regbadct": "405",
    "badaspec": "400",
    "baddn": "400",
    "badvers": SILENCE,  # its Via is of version 7.0 too: nothing says how to answer it
    "mismatch01": "400",
    "mismatch02": "400",
    "bigcode": SILENCE,
    # 3.2 to 3.4
    "badbranch": "200",
    "insuf": SILENCE,
    "unkscm": "416",
    "novelsc": "416",
    "unksm2": "405",  # the method is looked at before the headers (RFC 3261 8.2)
    "bext01": "200",
    "invut": "ask user",
    "regaut01": "405",
    "multi01": "400",
    "mcl01": "400",
    "bcast": SILENCE,
    "zeromf": "200",
    "cparam01": "405",
    "cparam02": "405",
    "regescrt": "405",
    "sdp01": "ask user",
    "inv2543": "ask UserB",
}


def verdict(datagram: bytes) -> str:
    """The status answered, silence, or the number that the engine is asked about."""
    try:
        request = parse(datagram)
    except CodecError as error:
        return str(error.status) if error.envelope is not None and error.status else SILENCE
    answer = at_once(request, accepting=True, settings=Settings())
    if answer is not None:
        return answer.status[:3].decode()
    try:
        return "ask " + authorize(request, GATEWAY, "192.0.2.1", 0, Settings()).called
    except Declined as declined:
        return declined.reply.status[:3].decode()


def test_every_message_has_an_expectation() -> None:
    assert set(EXPECTED) == set(NAMES)
    assert len(NAMES) == 49


@pytest.mark.parametrize("name", NAMES)
def test_verdict(name: str) -> None:
    assert verdict(message(name)) == EXPECTED[name]


def test_wsinv_is_read_through_its_folds_and_spaces() -> None:
    request = parse(message("wsinv"))
    assert request.sender_uri == b"sip:jdrosen@example.com"
    assert request.sender_tag == b"98asjd8"
    assert request.envelope.to_tag == b"1918181833n"
    assert (request.sequence, request.method) == (9, b"INVITE")
    assert (request.envelope.via.host, request.envelope.via.branch) == (b"192.0.2.2", b"390skdjuw")
    assert len(request.envelope.vias) == 2  # the second line holds two


def test_intmeth_keeps_every_odd_character() -> None:
    request = parse(message("intmeth"))
    assert request.method == b"!interesting-Method0123456789_*+`.%indeed'~"
    assert request.envelope.via.branch == b"z9hG4bK-.!%66*_+`'~"
    assert request.sender_tag == b"_token~1'+`*%!-."
    assert request.envelope.call_id == b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert request.target.host == b"example.com"


def test_longreq_has_34_vias() -> None:
    assert len(parse(message("longreq")).envelope.vias) == 34


def test_a_version_that_nobody_speaks_is_505_where_its_via_can_be_read() -> None:
    assert verdict(message("badvers").replace(b"Via: SIP/7.0", b"Via: SIP/2.0")) == "505"
