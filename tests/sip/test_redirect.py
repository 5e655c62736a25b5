"""From an INVITE to a command, from an outcome to the answer (requirement sheet, sections 1, 4 and 5)."""

from __future__ import annotations

import msgspec
import pytest
from tests.sip.messages import request

from tollhouse.sip.codec import CodecError, parse
from tollhouse.sip.dialects.redirect import PHRASES, REFUSALS, Declined, authorize, endpoint, redirect, refused, release
from tollhouse.sip.settings import Settings
from tollhouse.sip.uri import parse_uri
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Authorize, Caller, Release, Service, Wish
from tollhouse.values.outcomes import Route
from tollhouse.values.refusals import Refusal

GATEWAY = Gateway("sbc1", "t1", "192.0.2.0/24", b"", b"", ("sip",))
TARGET = parse_uri(b"sip:441234567890@127.0.0.1:5060")
OURS = frozenset({endpoint("127.0.0.1")})


def asked(**changes: str) -> Authorize:
    return authorize(parse(request(**changes)), GATEWAY, "192.0.2.1", 77, Settings())


def declined(target: str) -> bytes:
    with pytest.raises(Declined) as caught:
        asked(target=target)
    return caught.value.reply.status[:3]


def test_the_command() -> None:
    assert asked() == Authorize(
        caller=Caller("sbc1", "192.0.2.1", ani="1001", tenant="t1"),
        key="invite:call-1@192.0.2.1:a1:1:1001:441234567890",
        session_keys=(
            "sip:call-1@192.0.2.1|1001|441234567890",
            "call:call-1@192.0.2.1",
            "window:1001|1001|441234567890",
        ),
        service=Service.VOICE,
        called="441234567890",
        calling="1001",
        wish=Wish.SHORTEST,
        routes=True,
        deadline=77,
    )


def test_a_cancel_gives_back_what_its_own_invite_held_and_nothing_of_a_call_like_it() -> None:
    wish = asked()
    name = "call-1@192.0.2.1|1001|441234567890"
    assert release(wish) == Release(wish.caller, "cancel:call-1@192.0.2.1:a1:1:1001:441234567890", (f"sip:{name}",))


def test_forks_of_one_invite_are_calls_of_their_own() -> None:
    """RFC 3261 16.6: they share Call-ID, From tag and CSeq, and differ in the Request-URI."""
    one, other = asked(), asked(target="sip:331@127.0.0.1")
    assert one.key != other.key
    assert one.session_keys[0] != other.session_keys[0]
    assert one.session_keys[1] == other.session_keys[1]


@pytest.mark.parametrize(
    ("sender", "extra", "payer"),
    [
        ("<sip:1001@example.com>;tag=a", "", "1001"),
        ("<sip:1001@example.com>;tag=a", "P-Asserted-Identity: <sip:+44-20@gw>\r\n", "4420"),
        ("<sip:1@b>;tag=a", 'P-Asserted-Identity: "A, B" <sip:7@gw>, <tel:+8>\r\n', "7"),
        ("<sip:1@b>;tag=a", "P-Asserted-Identity: <tel:+1-201-555-0123>\r\n", "12015550123"),
        ("<sip:1@b>;tag=a", "P-Asserted-Identity: <sip:7@gw>\r\nP-Asserted-Identity: <tel:+8>\r\n", "7"),
        ("<sip:anonymous@anonymous.invalid>;tag=a", "", ""),
        ('"x" <sip:j.doe@b>;tag=a', "", "j.doe"),
    ],
)
def test_who_pays(sender: str, extra: str, payer: str) -> None:
    wish = asked(sender=sender, extra=extra)
    assert wish.caller.ani == payer
    assert len(wish.session_keys) == (3 if payer else 2)


def test_a_caller_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(CodecError):
        asked(extra="P-Asserted-Identity: <junk>\r\n")


@pytest.mark.parametrize(
    ("target", "called"),
    [
        ("sip:+44-(12).34@h", "441234"),
        ("tel:+1-201-555-0123", "12015550123"),
        ("sip:1234%2344;npdi@h;user=phone", "1234#44"),
        ("sip:%2B44@h", "44"),
    ],
)
def test_the_called_number(target: str, called: str) -> None:
    assert asked(target=target).called == called


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("sip:host.invalid", b"484"),
        ("sip:+@host", b"484"),
        ("sip:44%00@h", b"484"),
        ("sip:%ff@h", b"484"),
        ("sip:sips%3Auser%40example.com@h", b"404"),
        ("sip:" + "4" * 65 + "@h", b"404"),
        ("sips:44@h", b"480"),
    ],
)
def test_numbers_that_nobody_has(target: str, status: bytes) -> None:
    assert declined(target) == status


def test_every_refusal_has_an_answer() -> None:
    assert set(REFUSALS) == set(Refusal)
    for refusal in Refusal:
        answer = refused(refusal, Settings())
        status = int(answer.status[:3])
        assert answer.status.decode() == f"{status} {PHRASES[status]}"
        assert 400 <= status <= 599
        assert b"Reason: Q.850;cause=" in answer.extra
        assert (b"Retry-After: 5\r\n" in answer.extra) == (status == 503)


@pytest.mark.parametrize(
    ("refusal", "status", "cause"),
    [
        # the table of requirement sheet section 5
        (Refusal.NO_FUNDS, 402, 21),
        (Refusal.CREDIT_LIMIT, 402, 21),
        (Refusal.INSUFFICIENT_FUNDS, 402, 21),
        (Refusal.ACCOUNT_DISABLED, 403, 21),
        (Refusal.UNKNOWN_ACCOUNT, 403, 21),
        (Refusal.NUMBER_INVALID, 484, 28),
        (Refusal.NO_RATE, 404, 3),
        (Refusal.NO_ROUTE, 480, 34),
        (Refusal.OVERLOADED, 503, 42),
        (Refusal.STORE_FULL, 503, 41),
        (Refusal.INTERNAL_ERROR, 500, 41),
    ],
)
def test_the_table(refusal: Refusal, status: int, cause: int) -> None:
    answer = refused(refusal, Settings())
    assert answer.status.startswith(b"%d " % status)
    assert b"Q.850;cause=%d;" % cause in answer.extra


def contacts(*routes: Route, size: int = 300, settings: Settings | None = None) -> list[str]:
    answer = redirect(routes, TARGET, OURS, size, settings or Settings())
    if answer is None:
        return []
    assert answer.status == b"302 Moved Temporarily"
    name, _, value = answer.extra.decode().removesuffix("\r\n").partition(": ")
    assert name == "Contact"
    return value.split(", ")


def test_contacts_fall_in_q_and_order() -> None:
    assert contacts(Route("a", "a.invalid:5080", "0044", 1), Route("b", "[2001:db8::1]", "44#1", 2)) == [
        "<sip:0044@a.invalid:5080>;q=0.99",
        "<sip:44%231@[2001:db8::1]>;q=0.98",
    ]


def test_no_contact_leads_back() -> None:
    assert contacts(
        Route("self", "127.0.0.1", "1", 1),
        Route("self", "127.0.0.1:5060", "2", 1),
        Route("ok", "127.0.0.1:5080", "3", 1),
        Route("injected", "a.invalid>\r\nX: y", "4", 1),
        Route("spaced", "a b", "4", 1),
    ) == ["<sip:3@127.0.0.1:5080>;q=0.99"]
    assert contacts(Route("self", "127.0.0.1", "1", 1)) == []
    same = parse_uri(b"sip:44@c.invalid")
    assert redirect((Route("c", "C.invalid:5060", "44", 1),), same, OURS, 0, Settings()) is None


def test_a_number_cannot_split_the_answer() -> None:
    assert contacts(Route("a", "a.invalid", "4\r\nX: y>", 1)) == ["<sip:4%0D%0AX%3A%20y%3E@a.invalid>;q=0.99"]


def test_the_tail_is_cut_at_ten_contacts_and_1200_octets() -> None:
    many = tuple(Route(f"c{n}", f"c{n}.invalid", "44", n) for n in range(20))
    assert len(contacts(*many)) == 10
    answer = redirect(many, TARGET, OURS, 1100, Settings())
    assert answer is not None
    assert 1100 + len(answer.extra) <= 1200
    assert len(contacts(*many, size=5000)) == 1
    assert len(contacts(*many, settings=msgspec.structs.replace(Settings(), max_contacts=2))) == 2
