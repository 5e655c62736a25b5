"""Credit-control requests as commands, outcomes as answers (RFC 8506; requirement diameter 3.8, 5, 6)."""

from __future__ import annotations

import pytest
from tests.diameter import build
from tests.diameter.build import DATA, MESSAGES, VOICE, avp, ccr, ims, member, mscc, number, rsu, subscription, u64, usu

from tollhouse.diameter.codec import DiameterError, Header, scan
from tollhouse.diameter.dialects.credit_answer import AnswerWriter
from tollhouse.diameter.dialects.credit_control import Exchange, read
from tollhouse.diameter.dialects.refusals import RESULTS, SILENCE
from tollhouse.diameter.dialects.subscriber import digits
from tollhouse.diameter.dictionary import Dictionary
from tollhouse.diameter.messages import answer
from tollhouse.diameter.node import Node
from tollhouse.values.commands import Authorize, Caller, Command, Delta, Service, Stop, Update
from tollhouse.values.instants import HOUR, SECOND, parse_instant
from tollhouse.values.outcomes import Granted, Outcome, Refused, Settled
from tollhouse.values.refusals import Refusal

NOW = parse_instant("2026-11-23T10:00:00Z")
NTP_NOW = NOW // SECOND + 2_208_988_800
DEADLINE = NOW + 4 * SECOND
WHO = subscription(0, "46700000001")
CALL = ims("tel:+4420")


def command(raw: bytes, dictionary: Dictionary) -> Command:
    return ask(raw, dictionary)[0]


def ask(raw: bytes, dictionary: Dictionary) -> tuple[Command, Exchange]:
    return read(Header(raw), scan(raw, dictionary.lengths), "acme", NOW, DEADLINE)


def refusal(raw: bytes, dictionary: Dictionary) -> DiameterError:
    with pytest.raises(DiameterError) as caught:
        ask(raw, dictionary)
    return caught.value


def test_an_initial_request_opens_a_session_and_asks(dictionary: Dictionary) -> None:
    raw = ccr(1, 0, WHO, mscc(rsu(avp(420, 60)), avp(432, 100)), CALL, host="PGW.example.org")
    assert command(raw, dictionary) == Authorize(
        caller=Caller(client="pgw.example.org", wallet="46700000001", tenant="acme"),
        key="ccr:0:1:0",
        session_keys=("diameter:pgw.example.org;1;2",),
        service=Service.VOICE,
        called="4420",
        calling="46700000001",
        ask=60 * SECOND,
        begin=True,
        routes=False,
        deadline=DEADLINE,
    )


def test_an_update_reports_and_asks(dictionary: Dictionary) -> None:
    raw = ccr(2, 1, mscc(rsu(avp(420, 60)), usu(avp(420, 30)), avp(432, 100)))
    assert command(raw, dictionary) == Update(
        Caller(client="pgw.example.org", tenant="acme"),
        "ccr:0:2:1",
        ("diameter:pgw.example.org;1;2",),
        Delta(30 * SECOND),
        60 * SECOND,
        deadline=DEADLINE,
        service=Service.VOICE,
    )


def test_a_termination_ends_the_session(dictionary: Dictionary) -> None:
    raw = ccr(3, 2, usu(avp(420, 85)), avp(295, 1))
    assert command(raw, dictionary) == Stop(
        Caller(client="pgw.example.org", tenant="acme"),
        "ccr:0:3:2",
        ("diameter:pgw.example.org;1;2",),
        Delta(85 * SECOND),
        "termination_cause=1",
        deadline=DEADLINE,
        service=Service.VOICE,
        open_unknown=False,
    )


@pytest.mark.parametrize(
    ("context", "units", "ask_for"),
    [
        (VOICE, (rsu(),), None),
        (VOICE, (rsu(avp(420, 0)),), None),
        (VOICE, (rsu(u64(421, 1000)),), None),
        (VOICE, (mscc(rsu(), avp(432, 1)),), None),
        (VOICE, (mscc(avp(432, 1)),), 0),
        (VOICE, (), 0),
        (VOICE, (rsu(avp(420, 7200)),), 7_200_000_000),
        (DATA, (rsu(u64(421, 1_000_000)),), 1_000_000),
        (DATA, (rsu(u64(412, 300), u64(414, 200)),), 500),
        (DATA, (rsu(u64(421, 2**64 - 1)),), 2**63 - 1),
        (MESSAGES, (rsu(u64(417, 2)),), 2),
    ],
)
def test_requested_units(context: str, units: tuple[bytes, ...], ask_for: int | None, dictionary: Dictionary) -> None:
    recipient = avp(
        873,
        avp(2000, avp(2026, avp(1201, avp(897, "+4420", build.TGPP), build.TGPP), build.TGPP), build.TGPP),
        build.TGPP,
    )
    rest = {VOICE: CALL, DATA: b"", MESSAGES: recipient}[context]
    asked = command(ccr(1, 0, WHO, *units, rest, context=context), dictionary)
    assert isinstance(asked, Authorize)
    assert asked.ask == ask_for


@pytest.mark.parametrize(
    ("context", "units", "used", "unmatched"),
    [
        (VOICE, (usu(avp(420, 10)), usu(avp(420, 5))), 15 * SECOND, False),
        (VOICE, (usu(avp(420, 10), u64(421, 99)),), 10 * SECOND, False),
        (VOICE, (usu(u64(421, 99)),), 0, True),
        (VOICE, (), 0, False),
        (DATA, (usu(u64(412, 30), u64(414, 20)), usu(u64(421, 7))), 57, False),
        (DATA, (usu(avp(420, 9), u64(412, 30)),), 30, False),
        (DATA, (usu(u64(421, 100), u64(412, 30), u64(414, 20)),), 100, False),
        (MESSAGES, (usu(u64(417, 3)),), 3, False),
    ],
)
def test_all_used_units_are_summed_in_the_services_unit(
    context: str, units: tuple[bytes, ...], used: int, unmatched: bool, dictionary: Dictionary
) -> None:
    """Requirement diameter 5.2.3, with and without an MSCC."""
    for rest in (units, (mscc(*units, avp(432, 1)),)):
        stop, exchange = ask(ccr(3, 1, *rest, context=context), dictionary)
        assert isinstance(stop, Stop)
        assert stop.usage == Delta(used)
        assert exchange.unmatched == unmatched


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("46700000001", "46700000001"),
        ("+46700000001", "46700000001"),
        ("tel:+46-70.0(0)1", "46700001".replace("00001", "0001")),
        ("tel:+4420;phone-context=+44", "4420"),
        ("sip:+4420@ims.example.org;user=phone", "4420"),
        ("SIPS:+4420:x@ims.example.org", "4420"),
        ("sip:alice@example.org", "alice"),
        ("alice@example.org", "alice"),
        ("", ""),
    ],
)
def test_numbers_become_digits(text: str, plain: str) -> None:
    assert digits(text) == plain


@pytest.mark.parametrize(
    ("identities", "wallet", "name"),
    [
        ((subscription(1, "240010000000001"), subscription(0, "+46700000001")), "46700000001", ""),
        ((subscription(2, "sip:+46700000001@example.org"),), "46700000001", ""),
        ((subscription(2, "sip:alice@example.org"),), "", "alice@example.org"),
        ((subscription(1, "240010000000001"),), "", "240010000000001"),
        ((subscription(3, "alice@example.org"),), "", "alice@example.org"),
        ((subscription(4, "private"),), "", "private"),
        ((avp(1, "alice"),), "", "alice"),
        ((avp(873, subscription(0, "46700000001"), build.TGPP),), "46700000001", ""),
    ],
)
def test_who_pays(identities: tuple[bytes, ...], wallet: str, name: str, dictionary: Dictionary) -> None:
    asked = command(ccr(1, 0, *identities, rsu(), context=DATA), dictionary)
    assert isinstance(asked, Authorize)
    assert (asked.caller.wallet, asked.caller.name) == (wallet, name)


def test_the_access_point_is_what_data_is_called(dictionary: Dictionary) -> None:
    packet_switched = avp(873, avp(874, avp(30, "internet"), build.TGPP), build.TGPP)
    asked = command(ccr(1, 0, WHO, rsu(), packet_switched, context="8.32251@3gpp.org"), dictionary)
    assert isinstance(asked, Authorize)
    assert asked.called == "internet"


def test_kamailio_is_let_pass(dictionary: Dictionary) -> None:
    """Requirement diameter 3.8: equal copies of singletons, accounting AVPs with M, subscription inside the service."""
    twice = avp(264, "pgw.example.org") + avp(296, "example.org") + avp(480, 2) + avp(485, 0)
    raw = ccr(1, 0, twice, WHO, rsu(), CALL, context="ext.01.240.8.32260@3gpp.org")
    assert isinstance(command(raw, dictionary), Authorize)
    assert refusal(ccr(1, 0, avp(264, "other.example.org"), WHO, CALL), dictionary).result == 5009


@pytest.mark.parametrize(
    ("seconds", "flags", "at"),
    [
        (NTP_NOW - 60, 0xC0, NOW - 60 * SECOND),
        (NTP_NOW - 3601, 0xC0, 0),
        (NTP_NOW - 3601, 0xD0, NOW - 3601 * SECOND),
        (NTP_NOW + 3601, 0xD0, 0),
        (5, 0xC0, 0),
    ],
)
def test_the_clients_time_counts_only_when_it_can_be_believed(
    seconds: int, flags: int, at: int, dictionary: Dictionary
) -> None:
    asked = command(ccr(1, 0, WHO, CALL, avp(55, seconds), flags=flags), dictionary)
    assert isinstance(asked, Authorize)
    assert asked.at == at


def test_ntp_time_runs_on_into_the_era_of_2036(dictionary: Dictionary) -> None:
    """2036-02-07T06:28:16Z is second 0 of era 1 (RFC 5905 figure 4)."""
    turn = parse_instant("2036-02-07T06:28:16Z")
    raw = ccr(3, 1, avp(55, 10))
    asked, _ = read(Header(raw), scan(raw, dictionary.lengths), "", turn + HOUR // 2, 0)
    assert isinstance(asked, Stop)
    assert asked.at == turn + 10 * SECOND


def test_sub_sessions_are_sessions_of_their_own(dictionary: Dictionary) -> None:
    asked = command(ccr(2, 1, u64(419, 5)), dictionary)
    assert isinstance(asked, Update)
    assert (asked.key, asked.session_keys) == ("ccr:5:2:1", ("diameter:pgw.example.org;1;2;sub=5",))


def test_a_long_session_id_is_named_by_its_hash(dictionary: Dictionary) -> None:
    asked = command(ccr(2, 1, session="s" * 5000), dictionary)
    assert isinstance(asked, Update)
    assert len(asked.session_keys[0]) < 100


@pytest.mark.parametrize(
    ("raw", "result", "failed"),
    [
        pytest.param(ccr(4, 0, WHO, CALL), 5012, avp(416, 4), id="an event: not in this release"),
        pytest.param(
            ccr(1, 0, WHO, mscc(avp(432, 1)), mscc(avp(432, 2)), CALL), 5012, mscc(avp(432, 2)), id="several services"
        ),
        pytest.param(ccr(9, 0, WHO, CALL), 5004, avp(416, 9), id="no such request type"),
        pytest.param(ccr(1, 0, CALL), 5030, b"", id="nobody pays"),
        pytest.param(ccr(1, 0, WHO, context="32299@3gpp.org"), 5031, avp(461, "32299@3gpp.org"), id="another context"),
        pytest.param(
            ccr(1, 0, WHO, context="132260@3gpp.org"), 5031, avp(461, "132260@3gpp.org"), id="number in a number"
        ),
        pytest.param(
            ccr(1, 0, WHO),
            5031,
            avp(873, avp(876, avp(832, bytes(4), build.TGPP), build.TGPP), build.TGPP),
            id="no destination",
        ),
        pytest.param(
            ccr(3, 1, usu(u64(421, 2**64 - 1)), context=DATA), 5004, usu(u64(421, 2**64 - 1)), id="too much usage"
        ),
        pytest.param(
            ccr(1, 0, avp(443, avp(444, "x")), CALL), 5005, avp(443, avp(450, 0)), id="no type of subscription"
        ),
        pytest.param(
            build.message(272, 4, avp(263, "s") + avp(264, "h") + avp(296, "r") + avp(283, "d") + avp(461, VOICE)),
            5005,
            avp(416, 0),
            id="no request type",
        ),
    ],
)
def test_what_cannot_be_served(raw: bytes, result: int, failed: bytes, dictionary: Dictionary) -> None:
    error = refusal(raw, dictionary)
    assert (error.result, error.failed) == (result, failed)


GRANT = Granted("s1", Service.VOICE, 5_700 * SECOND, True, 5_700 * SECOND, "EUR", 6, 0)


def answered(raw: bytes, outcome: Outcome, node: Node) -> build.Read:
    _, exchange = ask(raw, node.dictionary)
    written = node.answers.write(exchange, outcome)
    assert written is not None
    return build.read(answer(exchange.header, *written))


def test_a_grant_answers_in_the_mscc(node: Node) -> None:
    """RFC 8506 8.16: units, the ids of the request, validity, result; money ends with the grant: TERMINATE."""
    proxy = avp(284, avp(280, "dra.example.org") + avp(33, b"state"))
    raw = ccr(1, 0, WHO, mscc(rsu(avp(420, 60)), avp(439, 1000), avp(432, 100)), CALL, proxy)
    reply = answered(raw, GRANT, node)
    assert (reply.flags, reply.command, reply.application, reply.hop, reply.end) == (0x40, 272, 4, 11, 21)
    assert [code for code, _ in reply.avps] == [263, 268, 264, 296, 258, 416, 415, 456, 284]
    assert reply.first(263) == b"pgw.example.org;1;2"
    assert reply.result == 2001
    service = reply.first(456)
    assert number(member(service, 431, 420)) == 5700
    assert [number(member(service, code)) for code in (439, 432, 448, 268)] == [1000, 100, 5700, 2001]
    assert number(member(service, 430, 449)) == 0
    assert reply.first(284) == avp(280, "dra.example.org") + avp(33, b"state")


def test_no_validity_time_where_the_engine_names_none(node: Node) -> None:
    """RFC 8506 8.33: it says how long the grant is good for; a longer one would be a promise that is broken."""
    grant = Granted("s1", Service.VOICE, 60 * SECOND, False, 0, "EUR", 6, 0)
    reply = answered(ccr(1, 0, WHO, rsu(), CALL), grant, node)
    assert number(member(reply.first(431), 420)) == 60
    assert not reply.has(448)


def test_without_an_mscc_the_grant_stands_at_the_top(node: Node) -> None:
    data = Granted("s1", Service.DATA, 1_000_000, False, 1_799_999_999, "EUR", 6, 0)
    reply = answered(ccr(1, 0, WHO, rsu(), context=DATA), data, node)
    assert number(member(reply.first(431), 421)) == 1_000_000
    assert number(reply.first(448)) == 1799
    assert not reply.has(456)
    assert not reply.has(430)


def test_a_report_only_update_gets_no_units(node: Node) -> None:
    nothing = Granted("s1", Service.VOICE, 0, False, 0, "EUR", 6, 0)
    reply = answered(ccr(2, 1, mscc(usu(avp(420, 1)), avp(432, 7))), nothing, node)
    assert build.avps(reply.first(456)) == [(432, b"\0\0\0\7"), (268, (2001).to_bytes(4, "big"))]


def test_the_end_tells_the_cost(node: Node) -> None:
    """0.6417 EUR is 641700 x 10^-6; EUR is 978 in ISO 4217."""
    settled = Settled("s1", 85 * SECOND, "EUR", 6, 641_700, 9_358_300)
    reply = answered(ccr(3, 2, usu(avp(420, 85))), settled, node)
    cost = reply.first(423)
    assert reply.result == 2001
    assert number(member(cost, 445, 447)) == 641_700
    assert int.from_bytes(member(cost, 445, 429), "big", signed=True) == -6
    assert number(member(cost, 425)) == 978
    points = Settled("s1", 1, "points", 0, 3, 0)
    assert not answered(ccr(3, 2), points, node).has(423)


def test_every_refusal_has_its_result_code() -> None:
    assert set(RESULTS) == set(Refusal)


EXPECTED = {
    Refusal.NO_FUNDS: 4012,
    Refusal.CREDIT_LIMIT: 4012,
    Refusal.INSUFFICIENT_FUNDS: 4012,
    Refusal.UNKNOWN_ACCOUNT: 5030,
    Refusal.UNKNOWN_WALLET: 5030,
    Refusal.NO_RATE: 5031,
    Refusal.NUMBER_INVALID: 5031,
    Refusal.UNKNOWN_SESSION: 5002,
    Refusal.SESSION_CLOSED: 5002,
    Refusal.BAD_PASSWORD: 5003,
    Refusal.OVERLOADED: 3004,
    Refusal.STORE_FULL: 3004,
    Refusal.SHUTTING_DOWN: 3004,
    Refusal.INTERNAL_ERROR: 5012,
}


@pytest.mark.parametrize("refused", list(Refusal))
def test_refusals_are_answered(refused: Refusal, node: Node) -> None:
    raw = ccr(1, 0, WHO, mscc(rsu(), avp(432, 100)), CALL)
    _, exchange = ask(raw, node.dictionary)
    if RESULTS[refused] == SILENCE:
        assert refused is Refusal.TOO_LATE
        assert node.answers.write(exchange, Refused(refused)) is None
        return
    reply = answered(raw, Refused(refused), node)
    assert reply.result == EXPECTED.get(refused, reply.result)
    assert reply.flags == (0x60 if reply.result < 4000 else 0x40)
    about_the_service = reply.result in (4012, 5031)
    assert reply.has(456) == about_the_service
    if about_the_service:
        assert number(member(reply.first(456), 268)) == reply.result
        assert number(member(reply.first(456), 432)) == 100
    if reply.result == 5031:
        assert reply.first(279) == avp(873, avp(876, avp(832, "tel:+4420", build.TGPP), build.TGPP), build.TGPP)


def test_one_outcome_is_always_the_same_bytes(node: Node) -> None:
    raw = ccr(1, 0, WHO, mscc(rsu(), avp(432, 100)), CALL)
    _, exchange = ask(raw, node.dictionary)
    writer = AnswerWriter(node.origin, node.dictionary.currencies)
    assert writer.write(exchange, GRANT) == node.answers.write(exchange, GRANT)
