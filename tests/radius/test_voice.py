"""The call dialect as tables: what a packet asks, and what an outcome says."""

from __future__ import annotations

import hashlib
import random

import pytest
from tests.radius.support import GATEWAY, GRANT, NAMES, NOW, NUMBERS, SECRET, access, accounting, put

from tollhouse.radius.codec import RadiusError, attribute, hide, integer, parse
from tollhouse.radius.dialects import h323, voice, voice_answers
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Chap,
    CloseClient,
    Command,
    Delta,
    Pap,
    Release,
    Service,
    Start,
    Stop,
    Total,
    Update,
)
from tollhouse.values.instants import HOUR, SECOND
from tollhouse.values.outcomes import Done, Granted, Outcome, Refused, Settled
from tollhouse.values.refusals import Refusal

PARTIES = (put("User-Name", "1001"), put("Called-Station-Id", "+442071234567"), put("Calling-Station-Id", "15550100"))
CONF = put("h323-conf-id", "h323-conf-id=14392814 011511EB ABB6D8D3 85E1BACC")
SESSION = put("Acct-Session-Id", "00123553-AV1")
SECONDS = NOW // SECOND


def ask(*attributes: bytes, identifier: int = 8) -> Authorize | Refused:
    message = parse(access(*attributes, identifier=identifier))
    return voice.access(NUMBERS, message, GATEWAY, "127.0.0.1", SECRET, NOW, NOW + 5 * SECOND)


def asked(*attributes: bytes) -> Authorize:
    command = ask(*attributes)
    assert isinstance(command, Authorize)
    return command


def report(*attributes: bytes) -> Command:
    return voice.accounting(NUMBERS, parse(accounting(*attributes)), GATEWAY, "127.0.0.1", NOW, NOW + 5 * SECOND)


def test_a_call_with_pap() -> None:
    hidden = put("User-Password", hide(b"secret", bytes(range(16)), SECRET))
    command = asked(*PARTIES, hidden, CONF, SESSION, put("Service-Type", 1))
    assert command == Authorize(
        Caller("demo-switch", "127.0.0.1", "1001", "", "", Pap(b"secret"), "demo", "127.0.0.1"),
        "auth:000102030405060708090a0b0c0d0e0f",
        (
            "radius:127.0.0.1|00123553-AV1",
            "call:14392814 011511EB ABB6D8D3 85E1BACC",
            "window:1001|15550100|442071234567",
        ),
        Service.VOICE,
        "442071234567",
        "15550100",
        at=NOW,
        deadline=NOW + 5 * SECOND,
    )


def test_the_authenticator_names_the_request() -> None:
    """RFC 2865 3: it is kept when the same request is sent again, and new for a new request about the same call."""
    first = asked(*PARTIES, SESSION)
    again = ask(*PARTIES, SESSION, identifier=99)
    assert isinstance(again, Authorize)
    assert again.key == first.key
    other = voice.access(
        NUMBERS,
        parse(access(*PARTIES, SESSION, authenticator=bytes(16))),
        GATEWAY,
        "127.0.0.1",
        SECRET,
        NOW,
        NOW + 5 * SECOND,
    )
    assert isinstance(other, Authorize)
    assert (other.key == first.key, other.session_keys) == (False, first.session_keys)


def test_chap_with_and_without_a_challenge() -> None:
    value = put("CHAP-Password", b"\x16" + b"r" * 16)
    assert asked(value).caller.proof == Chap(0x16, bytes(range(16)), b"r" * 16)
    assert asked(value, put("CHAP-Challenge", b"given")).caller.proof == Chap(0x16, b"given", b"r" * 16)


def test_without_any_password_the_empty_one_is_tried() -> None:
    assert asked(*PARTIES).caller.proof == Pap(b"")
    assert asked(PARTIES[2]).caller == Caller(
        "demo-switch", "127.0.0.1", "", "15550100", "", Pap(b""), "demo", "127.0.0.1"
    )


@pytest.mark.parametrize("name", ["MS-CHAP-Response", "MS-CHAP2-Response", "Digest-Response", "Sip-Digest-Response"])
def test_credentials_that_cannot_be_checked_are_refused(name: str) -> None:
    refused = ask(*PARTIES, put(name, b"x" * 50))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.UNSUPPORTED


def test_unsigned_eap_is_silence() -> None:
    with pytest.raises(RadiusError, match="unsigned"):
        ask(put("EAP-Message", b"\x02\x01\x00\x05\x01"))


def test_class_leads_and_a_proxys_class_is_none_of_ours() -> None:
    names = asked(*PARTIES, put("Class", b"proxy"), put("Class", b"v1:s-7"), SESSION).session_keys
    assert names[:2] == ("class:s-7", "radius:127.0.0.1|00123553-AV1")


@pytest.mark.parametrize(
    "pair",
    [
        put("Cisco-AVPair", "h323-conf-id=A B C D"),
        put("Cisco-AVPair", "call-id=A B C D"),
        put("h323-conf-id", "A B C D"),
    ],
)
def test_the_call_id_in_all_its_forms(pair: bytes) -> None:
    assert asked(*PARTIES, pair).session_keys[0] == "call:A B C D"


def test_long_names_become_digests_of_the_same_kind() -> None:
    names = asked(put("Acct-Session-Id", "x" * 253), put("User-Name", "u" * 253), PARTIES[1]).session_keys
    assert [name.partition(":#")[0] for name in names] == ["radius", "window"]
    assert all(len(name) < 64 for name in names)


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("4420", "4420"),
        ("+4420", "4420"),
        ("sip:+4420@host;user=phone", "4420"),
        ("tel:4420;ext=1", "4420"),
        ("#31#4420", "#31#4420"),
    ],
)
def test_called_numbers(dialled: str, number: str) -> None:
    assert asked(put("Called-Station-Id", dialled)).called == number


def test_framed_without_a_number_is_data() -> None:
    framed = put("Service-Type", 2)
    assert asked(framed, put("User-Name", "bob")).service is Service.DATA
    assert asked(framed, put("Called-Station-Id", "internet.apn")).called == ""
    assert asked(framed, put("Called-Station-Id", "4420")).service is Service.VOICE


COMMON = (put("User-Name", "1001"), put("Calling-Station-Id", "15550100"), put("Called-Station-Id", "4420"), SESSION)
CALLER = Caller("demo-switch", "127.0.0.1", "1001", "15550100", "", None, "demo", "127.0.0.1")
KEYS = ("radius:127.0.0.1|00123553-AV1", "window:1001|15550100|4420")


def test_start() -> None:
    assert report(put("Acct-Status-Type", 1), *COMMON, put("Event-Timestamp", SECONDS - 5)) == Start(
        CALLER, "start", KEYS, Service.VOICE, "4420", "15550100", NOW - 5 * SECOND, NOW + 5 * SECOND
    )


def test_interim() -> None:
    command = report(put("Acct-Status-Type", 3), *COMMON, put("Acct-Session-Time", 60))
    assert isinstance(command, Update)
    assert (command.key, command.usage) == ("interim:60000000", Total(60 * SECOND))
    assert (command.more, command.open_unknown) == (None, True)


def test_stop_and_its_cause() -> None:
    command = report(
        put("Acct-Status-Type", 2),
        *COMMON,
        put("Acct-Session-Time", 85),
        put("Acct-Delay-Time", 3),
        put("h323-disconnect-cause", "h323-disconnect-cause=10"),
    )
    assert isinstance(command, Stop)
    assert (command.key, command.usage, command.open_unknown) == ("stop:85000000", Total(85 * SECOND), True)
    assert command.at == NOW - 3 * SECOND
    assert command.cause == "q850:16"  # hexadecimal 10


def test_delay_and_proxies_are_no_part_of_the_key() -> None:
    plain = (put("Acct-Status-Type", 2), *COMMON, put("Acct-Session-Time", 85))
    later = report(*plain, put("Acct-Delay-Time", 9), put("Proxy-State", b"p"), put("Event-Timestamp", SECONDS - 9))
    first = report(*plain)
    assert isinstance(first, Stop)
    assert isinstance(later, Stop)
    assert (first.key, first.usage, first.session_keys) == (later.key, later.usage, later.session_keys)


@pytest.mark.parametrize(
    ("attributes", "ago"),
    [
        ([put("Event-Timestamp", SECONDS - 3600)], HOUR),
        ([put("Event-Timestamp", SECONDS - 3601)], 0),
        ([put("Event-Timestamp", SECONDS - 3601), put("Acct-Delay-Time", 7)], 7 * SECOND),
        ([put("Event-Timestamp", SECONDS - 2), put("Acct-Delay-Time", 7)], 2 * SECOND),
        ([put("Acct-Delay-Time", 3599)], 3599 * SECOND),
        ([put("Acct-Delay-Time", 3600)], 0),
    ],
)
def test_event_time(attributes: list[bytes], ago: int) -> None:
    command = report(put("Acct-Status-Type", 1), *COMMON, *attributes)
    assert isinstance(command, Start)
    assert command.at == NOW - ago


def test_stop_without_session_time_is_measured_by_the_h323_times() -> None:
    command = report(
        put("Acct-Status-Type", 2),
        *COMMON,
        put("h323-connect-time", "h323-connect-time=23:59:21.252 UTC Wed Feb 28 2024"),
        put("h323-disconnect-time", "00:00:46.252 UTC Thu Feb 29 2024"),
    )
    assert isinstance(command, Stop)
    assert command.usage == Total(85 * SECOND)


def test_data_octets_with_gigawords() -> None:
    command = report(
        put("Acct-Status-Type", 3),
        SESSION,
        put("Service-Type", 2),
        put("Acct-Session-Time", 60),
        put("Acct-Input-Octets", 4_294_967_290),
        put("Acct-Input-Gigawords", 1),
        put("Acct-Output-Octets", 6),
    )
    assert isinstance(command, Update)
    assert command.usage == Total((1 << 32) + 4_294_967_290 + 6)


def test_failed_calls_release_and_reboots_close() -> None:
    assert report(put("Acct-Status-Type", 15), *COMMON) == Release(CALLER, "failed", KEYS, NOW + 5 * SECOND)
    first = report(put("Acct-Status-Type", 7), put("Event-Timestamp", SECONDS))
    assert first == CloseClient(
        "demo-switch", f"on:127.0.0.1::at:{SECONDS}", "accounting-on", NOW, NOW + 5 * SECOND, "127.0.0.1"
    )
    off = report(put("Acct-Status-Type", 8), put("Acct-Session-Id", "boot"), put("Acct-Delay-Time", 4))
    assert isinstance(off, CloseClient)
    assert off.key == f"off:127.0.0.1:boot:hour:{(NOW - 4 * SECOND) // HOUR}"


@pytest.mark.parametrize(
    ("attributes", "machine"),
    [
        ((), "127.0.0.1"),
        ((put("NAS-Identifier", "gw-7"),), "gw-7"),
        ((put("NAS-IP-Address", bytes((10, 0, 0, 7))), put("NAS-Identifier", "gw-7")), "0a000007"),
    ],
)
def test_a_nas_is_told_from_others_of_its_gateway(attributes: tuple[bytes, ...], machine: str) -> None:
    """NAS-IP-Address, else NAS-Identifier, else where it came from; a reboot closes that NAS's sessions only."""
    begun = report(put("Acct-Status-Type", 1), *COMMON, *attributes)
    assert isinstance(begun, Start)
    assert begun.caller.machine == machine
    assert asked(*COMMON, *attributes).caller.machine == machine
    rebooted = report(put("Acct-Status-Type", 7), *attributes)
    assert isinstance(rebooted, CloseClient)
    assert rebooted.machine == machine


@pytest.mark.parametrize("kind", [(), (put("Service-Type", 2), put("Acct-Session-Time", 9))])
def test_a_stop_that_tells_no_usage_ends_with_what_is_known(kind: tuple[bytes, ...]) -> None:
    """RFC 2866 5.13: time and octets are 0-1 in a Stop. Unanswered, the NAS would say the same for ever."""
    command = (
        report(put("Acct-Status-Type", 2), SESSION, *kind) if kind else report(put("Acct-Status-Type", 2), *COMMON)
    )
    assert isinstance(command, Stop)
    assert command.usage == Delta(0)
    assert voice.tells_no_usage(command)
    assert not voice.tells_no_usage(report(put("Acct-Status-Type", 2), *COMMON, put("Acct-Session-Time", 9)))


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (COMMON, "no_status_type"),
        ((put("Acct-Status-Type", b"\x01"), *COMMON), "bad_integer"),
        ((put("Acct-Status-Type", 9), *COMMON), "unsupported_status"),
        ((put("Acct-Status-Type", 1), *COMMON[:3]), "no_session_id"),
        ((put("Acct-Status-Type", 3), *COMMON), "no_usage"),
        ((put("Acct-Status-Type", 2), *COMMON, put("Acct-Session-Time", b"\0\0\x55")), "bad_integer"),
        ((put("Acct-Status-Type", 2), *COMMON, put("Acct-Session-Time", 0xFFFFFFFF)), "bad_usage"),
        ((put("Acct-Status-Type", 3), SESSION, put("Service-Type", 2), put("Acct-Session-Time", 9)), "no_usage"),
        ((put("Acct-Status-Type", 1), SESSION, put("User-Name", b"\xff" * 100)), "bad_text"),
    ],
)
def test_what_cannot_be_charged_is_silence(attributes: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(RadiusError) as caught:
        report(*attributes)
    assert caught.value.reason == why


@pytest.mark.parametrize(
    ("begin", "end", "seconds"),
    [
        ("22:59:21.252 UTC Sun Sep 27 2020", "23:00:46.252 UTC Sun Sep 27 2020", 85),
        ("23:59:59 GMT+4 Tue Dec 31 2024", "00:00:01 GMT+4 Wed Jan 1 2025", 2),
        ("23:59:59 UTC Tue Feb 28 2023", "00:00:00 UTC Wed Mar  1 2023", 1),
        ("*22:59:21 UTC Sun Sep 27 2020", "23:00:46 UTC Sun Sep 27 2020", None),
        ("22:59:21 UTC Sun Sep 27 2020", "23:00:46 MSK Sun Sep 27 2020", None),
        ("22:59:21 UTC Sun Sep 27 2020", "22:59:20 UTC Sun Sep 27 2020", None),
        ("22:61:21 UTC Sun Sep 27 2020", "22:59:20 UTC Sun Sep 27 2020", None),
        ("22:59:21 UTC Sun Foo 27 2020", "22:59:22 UTC Sun Foo 27 2020", None),
        ("", "", None),
    ],
)
def test_h323_times(begin: str, end: str, seconds: int | None) -> None:
    assert h323.elapsed(begin, end) == (None if seconds is None else seconds * SECOND)


def said(outcome: Outcome) -> tuple[int, dict[int, bytes]]:
    answer = voice_answers.access(NUMBERS, outcome)
    assert answer is not None
    return answer.code, parse(access(answer.attributes)).first()


def test_a_grant() -> None:
    code, values = said(GRANT)  # 5700.999999 s, 9.3583 left
    assert code == 2
    assert integer(values[NUMBERS.session_timeout]) == 5700
    assert values[NUMBERS.credit_time] == b"h323-credit-time=5700"
    assert values[NUMBERS.klass] == b"v1:s-1"
    assert values[NUMBERS.credit_amount] == b"h323-credit-amount=9.3583"
    assert values[NUMBERS.return_code] == b"h323-return-code=0"
    assert values[NUMBERS.currency] == b"h323-currency=EUR"


def test_whole_amounts_keep_a_point() -> None:
    _, values = said(Granted("s", Service.VOICE, SECOND, True, 0, "EUR", 6, 0, funds=10_000_000))
    assert values[NUMBERS.credit_amount] == b"h323-credit-amount=10.0"


def test_less_than_a_second_is_a_rejection_not_a_timeout_of_zero() -> None:
    code, values = said(Granted("s", Service.VOICE, SECOND - 1, True, 0, "EUR", 6, 0))
    assert (code, values[NUMBERS.return_code]) == (3, b"h323-return-code=12")


def test_octets_granted() -> None:
    code, values = said(Granted("s", Service.DATA, (3 << 32) + 5, False, 600 * SECOND, "EUR", 6, 0))
    assert code == 2
    assert integer(values[NUMBERS.session_timeout]) == 600
    assert integer(values[NUMBERS.mikrotik_limit]) == integer(values[NUMBERS.chilli_limit]) == 5
    assert integer(values[NUMBERS.mikrotik_limit_high]) == integer(values[NUMBERS.chilli_limit_high]) == 3


def test_every_refusal_has_a_code_and_words() -> None:
    assert set(voice_answers.RETURN_CODES) == set(Refusal)


CODES = {  # requirement radius 2.5
    Refusal.UNKNOWN_ACCOUNT: 1, Refusal.BAD_PASSWORD: 2, Refusal.NO_FUNDS: 4, Refusal.WALLET_EXPIRED: 5,
    Refusal.CREDIT_LIMIT: 6, Refusal.ACCOUNT_DISABLED: 7, Refusal.WALLET_SUSPENDED: 7, Refusal.INTERNAL_ERROR: 8,
    Refusal.NO_RATE: 9, Refusal.NO_ROUTE: 8, Refusal.INSUFFICIENT_FUNDS: 12, Refusal.NUMBER_INVALID: 111,
}  # fmt: skip


@pytest.mark.parametrize("refusal", list(Refusal))
def test_refusals_at_the_auth_port(refusal: Refusal) -> None:
    if refusal in (Refusal.TOO_LATE, Refusal.OVERLOADED, Refusal.SHUTTING_DOWN, Refusal.STORE_FULL):
        assert voice_answers.access(NUMBERS, Refused(refusal)) is None
        return
    code, values = said(Refused(refusal))
    assert code == 3
    assert values[NUMBERS.reply_message]
    if refusal in CODES:
        assert values[NUMBERS.return_code] == b"h323-return-code=%d" % CODES[refusal]


@pytest.mark.parametrize("refusal", list(Refusal))
def test_refusals_at_the_accounting_port(refusal: Refusal) -> None:
    """What another try may mend is left unanswered: the NAS sends it again (RFC 2866 2). Anything else would be sent
    for ever."""
    passing = {"too_late", "shutting_down", "overloaded", "store_full", "internal_error", "wallet_quarantined"}
    answer = voice_answers.accounting(Refused(refusal))
    assert (answer is None) == (refusal.value in passing)


@pytest.mark.parametrize("outcome", [GRANT, Done(3), Settled("s", 1, "EUR", 6, 1, 1)])
def test_reports_are_acknowledged(outcome: Outcome) -> None:
    answer = voice_answers.accounting(outcome)
    assert answer is not None
    assert (answer.code, answer.attributes) == (5, b"")


def test_the_chap_proof_is_the_rfcs() -> None:
    challenge, password = bytes(range(16)), b"secret"
    response = hashlib.md5(b"\x07" + password + challenge).digest()
    assert asked(attribute(3, b"\x07" + response)).caller.proof == Chap(7, challenge, response)


def test_20000_genuine_packets_of_noise_are_commands_or_silence() -> None:
    dice = random.Random(2866)
    numbers = [number for number in NAMES.by_number if number not in (40, 80)]
    texts = [
        b"",
        b"\xff\xfe",
        b"h323-disconnect-cause=zz",
        b"=",
        b"22:59:21.252 UTC Sun Sep 31 2020",
        b"sip:@;",
        b"v1:",
    ]
    commands = 0
    for _ in range(20_000):
        noise = [
            attribute(
                dice.choice(numbers), dice.choice([*texts, dice.randbytes(4), dice.randbytes(dice.randrange(240))])
            )
        ]
        try:
            if dice.random() < 0.5:
                ask(*noise)
            else:
                report(put("Acct-Status-Type", dice.choice([1, 2, 3, 7, 8, 15])), SESSION, *noise)
            commands += 1
        except RadiusError:
            continue
    assert commands > 1000


def test_the_same_session_id_at_two_machines_of_a_gateway_is_two_sessions() -> None:
    """Acct-Session-Id is a NAS's own counter (RFC 2866 5.5); a gateway's address block may hold many NASes, which
    begin alike after a restart."""
    stops = [
        report(put("Acct-Status-Type", 2), *COMMON, put("Acct-Session-Time", 1), nas)
        for nas in (put("NAS-IP-Address", b"\x0a\0\0\1"), put("NAS-IP-Address", b"\x0a\0\0\2"))
    ]
    names = [stop.session_keys[0] for stop in stops if isinstance(stop, Stop)]
    assert names == ["radius:0a000001|00123553-AV1", "radius:0a000002|00123553-AV1"]


def test_octets_of_a_session_that_names_no_number_are_data_without_a_service_type() -> None:
    """RFC 2866 5.13: Service-Type is 0-1 in accounting; a NAS that leaves it out counts octets all the same."""
    octets = (put("Acct-Input-Octets", 2000), put("Acct-Output-Octets", 1000), put("Acct-Session-Time", 60))
    stop = report(put("Acct-Status-Type", 2), SESSION, put("User-Name", "bob"), *octets)
    assert isinstance(stop, Stop)
    assert (stop.service, stop.usage) == (Service.DATA, Total(3000))
    login = report(put("Acct-Status-Type", 2), SESSION, put("Service-Type", 1), put("User-Name", "bob"), *octets)
    assert isinstance(login, Stop)
    assert (login.service, login.usage) == (Service.VOICE, Total(60 * SECOND))
    call = report(put("Acct-Status-Type", 2), *COMMON, *octets)
    assert isinstance(call, Stop)
    assert (call.service, call.usage) == (Service.VOICE, Total(60 * SECOND))
