"""`tollhouse probe`: real packets to a real server, one at a time."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.cli.terminal import Desk, Said, tollhouse

CALLED = "442012345678"


def radius(desk: Desk, kind: str, *words: str) -> Said:
    port = desk.process.radius_auth if kind in ("auth", "status", "call") else desk.process.radius_accounting
    return tollhouse("probe", "radius", kind, "--server", f"127.0.0.1:{port}", *words)


def diameter(desk: Desk, kind: str, subscriber: str, *words: str) -> Said:
    named = ("--subscriber", subscriber, "--called", CALLED)
    return tollhouse("probe", "diameter", kind, "--server", f"127.0.0.1:{desk.process.diameter}", *named, *words)


def balance(desk: Desk, wallet: str) -> str:
    return desk("wallet", "get", wallet).values()["balance"]


def codes(said: Said) -> list[str]:
    """Requests, each with the first line of its answer."""
    lines = said.out.splitlines()
    return [
        f"{line[2:].partition(',')[0]} {lines[at + 1].strip()}" for at, line in enumerate(lines) if line.startswith(">")
    ]


def test_a_radius_call_packet_by_packet(desk: Desk) -> None:
    """10 pays 5700 s; 85 s cost 0.6417."""
    call = ("--user", "1001", "--called", CALLED, "--calling", "1001", "--session", "one")
    granted = radius(desk, "auth", "--password", "secret", *call)
    assert granted.status == 0
    assert codes(granted) == ["Access-Request Access-Accept"]
    assert "    Session-Timeout = 5700\n" in granted.out
    for kind, more in (("start", ()), ("interim", ("--seconds", "40")), ("stop", ("--seconds", "85"))):
        said = radius(desk, kind, *call, *more)
        assert (said.status, codes(said)) == (0, ["Accounting-Request Accounting-Response"])
    assert balance(desk, "1001") == "9.3583"


def test_a_whole_radius_call(desk: Desk) -> None:
    """1002 has a limit of 100: 0 - 0.6417."""
    call = ("--user", "1002", "--password", "secret", "--called", CALLED)
    ports = ("--accounting-port", str(desk.process.radius_accounting))
    said = radius(desk, "call", *call, *ports)
    assert said.status == 0
    assert [line.split()[1] for line in codes(said)] == ["Access-Accept", "Accounting-Response", "Accounting-Response"]
    assert balance(desk, "1002") == "-0.6417"


def test_a_rejected_call_has_its_answer(desk: Desk) -> None:
    said = radius(desk, "auth", "--user", "1001", "--password", "wrong", "--called", CALLED)
    assert (said.status, said.err) == (0, "")
    assert codes(said) == ["Access-Request Access-Reject"]
    assert "wrong" not in said.out.partition("Access-Reject")[0]


def test_status_server(desk: Desk) -> None:
    assert codes(radius(desk, "status")) == ["Status-Server Access-Accept"]


def test_a_diameter_session_request_by_request(desk: Desk) -> None:
    """From 10: 40 s, then 45 more are 85 s: 9.3583. Each request comes over a connection of its own."""
    assert desk("wallet", "create", "dia", "--opening", "10").status == 0
    session = ("--session-id", "probe;1;2")
    opened = diameter(desk, "ccr-i", "dia", *session)
    assert (opened.status, opened.err) == (0, "")
    assert "Session-Id = probe;1;2" in opened.out
    assert "CC-Time = 5700" in opened.out
    assert diameter(desk, "ccr-u", "dia", *session, "--used", "40").status == 0
    assert diameter(desk, "ccr-t", "dia", *session, "--number", "2", "--used", "45").status == 0
    assert balance(desk, "dia") == "9.3583"
    assert desk("wallet", "get", "dia").values()["held"] == "0"


def test_a_whole_diameter_call(desk: Desk) -> None:
    assert desk("wallet", "create", "whole", "--opening", "10").status == 0
    said = diameter(desk, "call", "whole")
    titles = [line.split()[0] for line in codes(said)]
    assert (said.status, titles) == (0, ["CER", "CCR-I", "CCR-U", "CCR-T", "DPR"])
    assert balance(desk, "whole") == "9.3583"


def test_a_refused_diameter_session_has_its_answer(desk: Desk) -> None:
    said = diameter(desk, "call", "nobody")
    assert (said.status, said.err) == (0, "")
    assert "    Result-Code = 5030\n" in said.out  # DIAMETER_USER_UNKNOWN, RFC 8506 9.2


def test_sip(desk: Desk) -> None:
    server = ("--server", f"127.0.0.1:{desk.process.sip}")
    assert codes(tollhouse("probe", "sip", "options", *server)) == ["OPTIONS SIP/2.0 200 OK"]
    moved = tollhouse("probe", "sip", "invite", "--caller", "1002", "--called", CALLED, *server)
    assert moved.status == 0
    assert "    SIP/2.0 302 Moved Temporarily\n    Contact: " in moved.out
    refused = tollhouse("probe", "sip", "invite", "--caller", "nobody", "--called", CALLED, *server)
    assert refused.status == 0
    assert "    SIP/2.0 403 Forbidden\n" in refused.out


@pytest.fixture
def deaf() -> Iterator[str]:
    """Ports that are there and say nothing, over UDP and TCP; the options that aim at them."""
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        port = tcp.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", port))
            yield f"--server 127.0.0.1:{port} --timeout 0.05"


NOBODY = "--server 127.0.0.1:1 --timeout 0.05"
PROBES = (
    "radius auth --user 1 --password 2 --called 3",
    "radius start --user 1 --called 3 --session s",
    "radius call --user 1 --password 2 --called 3",
    "radius status",
    "diameter ccr-i --subscriber 1 --called 2",
    "diameter call --subscriber 1 --called 2",
    "sip options",
    "sip invite --called 2",
)


@pytest.mark.parametrize("probe", PROBES)
def test_silence_is_status_1(deaf: str, probe: str) -> None:
    said = tollhouse("probe", *probe.split(), *deaf.split())
    assert said.status == 1
    assert said.err.startswith("tollhouse: ")


@pytest.mark.parametrize("probe", PROBES)
def test_nobody_there_is_status_1(probe: str) -> None:
    said = tollhouse("probe", *probe.split(), *NOBODY.split())
    assert said.status == 1
    assert "refused" in said.err


def test_an_answer_under_another_secret_is_none(desk: Desk) -> None:
    """The server does not answer what is signed with a secret that it does not know."""
    said = radius(desk, "status", "--secret", "another", "--timeout", "0.2")
    assert said.status == 1
    assert said.err.startswith("tollhouse: Status-Server: ")


def test_a_name_that_is_none() -> None:
    said = tollhouse("probe", "sip", "options", "--server", "nowhere.invalid")
    assert said.status == 1
    assert said.err.startswith("tollhouse: nowhere.invalid: ")


@pytest.mark.parametrize("words", [("--user", "u" * 254, "--password", "p"), ("--user", "u", "--password", "p" * 129)])
def test_what_has_no_place_in_a_packet_is_wrong_usage(words: tuple[str, ...]) -> None:
    """RFC 2865 5: a value has at most 253 octets; 5.2: a password 128."""
    said = tollhouse("probe", "radius", "auth", "--called", "44", *words)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("tollhouse: ")
