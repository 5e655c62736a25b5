"""URIs and numbers (RFC 3261 19.1, RFC 3966, RFC 4694)."""

from __future__ import annotations

import pytest

from tollhouse.sip.uri import Uri, UriError, escape_user, parse_uri, plain_number, user_text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"sip:1001@host", Uri(b"sip", b"1001", b"host", 0)),
        (b"SIPS:1001:pw@HOST:5061;transport=tls", Uri(b"sips", b"1001", b"host", 5061)),
        (b"sip:host", Uri(b"sip", b"", b"host", 0)),
        (b"sip:+1-201@[2001:db8::1]:5070;user=phone", Uri(b"sip", b"+1-201", b"[2001:db8::1]", 5070)),
        (b"sip:user;par=u%40example.net@example.com", Uri(b"sip", b"user;par=u%40example.net", b"example.com", 0)),
        (b"tel:+1-201-555-0123;phone-context=x", Uri(b"tel", b"+1-201-555-0123;phone-context=x", b"", 0)),
    ],
)
def test_parts(raw: bytes, expected: Uri) -> None:
    assert parse_uri(raw) == expected


@pytest.mark.parametrize(
    ("raw", "unknown"),
    [
        (b"isbn:2983792873", True),
        (b"soap.beep://192.0.2.103:3002", True),
        (b"sip:", False),
        (b"sip:a@b?Route=x", False),
        (b"sip:a b@c", False),
        (b"nothing", False),
        (b"tel:", False),
    ],
)
def test_refused(raw: bytes, unknown: bool) -> None:
    with pytest.raises(UriError) as caught:
        parse_uri(raw)
    assert caught.value.unknown_scheme is unknown


@pytest.mark.parametrize(
    ("raw", "text", "number"),
    [
        (b"sip:+1-(201).555;npdi;rn=+1303@h", "+1-(201).555", "1201555"),
        (b"sip:%2B44%31@h", "+441", "441"),
        (b"sip:j.doe@h", "j.doe", "j.doe"),
        (b"sip:1234%2344@h", "1234#44", "1234#44"),
        (b"tel:+44(20)7123", "+44(20)7123", "44207123"),
        # RFC 3966 5.1.5: a local number is completed by a context that is the beginning of a global one
        (b"tel:20-7123;phone-context=+44", "+4420-7123", "44207123"),
        (b"sip:20-7123;ext=1;Phone-Context=%2B44@h;user=phone", "+4420-7123", "44207123"),
        (b"tel:7123;phone-context=example.com", "7123", "7123"),
        (b"tel:+447123;phone-context=+1", "+447123", "447123"),
    ],
)
def test_user_and_number(raw: bytes, text: str, number: str) -> None:
    assert user_text(parse_uri(raw)) == text
    assert plain_number(text) == number


def test_a_user_that_is_no_text_is_refused() -> None:
    with pytest.raises(UriError):
        user_text(parse_uri(b"sip:%ff@h"))


def test_escaping_leaves_nothing_that_ends_a_uri() -> None:
    assert escape_user('1234#4@>"\r\n') == b"1234%234%40%3E%22%0D%0A"
