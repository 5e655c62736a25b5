"""RFC 5080 2.2.2 without a socket: new, in progress, answered, forgotten, and never more than the caps."""

from __future__ import annotations

from tests.radius.support import NOW, access

from tollhouse.radius.conversation import IN_PROGRESS, Conversation, Exchange
from tollhouse.values.instants import SECOND

HERE = ("127.0.0.1", 40_000)


def new(talk: Conversation, identifier: int, now: int = NOW) -> Exchange:
    exchange = talk.receive(access(identifier=identifier), HERE, now)
    assert isinstance(exchange, Exchange)
    return exchange


def test_a_duplicate_in_flight_is_dropped_and_then_answered_alike() -> None:
    talk = Conversation()
    exchange = new(talk, 1)
    assert talk.receive(access(identifier=1), HERE, NOW + 1) == IN_PROGRESS
    talk.answered(exchange, b"the answer")
    assert talk.receive(access(identifier=1), HERE, NOW + 29 * SECOND) == b"the answer"


def test_port_identifier_and_authenticator_make_it_another_request() -> None:
    talk = Conversation()
    talk.answered(new(talk, 1), b"the answer")
    new(talk, 2)
    assert isinstance(talk.receive(access(identifier=1), ("127.0.0.1", 40_001), NOW), Exchange)
    assert isinstance(talk.receive(access(identifier=1, authenticator=bytes(16)), HERE, NOW), Exchange)


def test_the_same_header_over_another_body_is_another_request() -> None:
    """A client with a constant authenticator and small identifiers: the second subscriber is not the first one."""
    talk = Conversation()
    first, second = access(b"\x01\x061001"), access(b"\x01\x061002")
    assert first[:20] == second[:20]
    exchange = talk.receive(first, HERE, NOW)
    assert isinstance(exchange, Exchange)
    talk.answered(exchange, b"for the first")
    assert isinstance(talk.receive(second, HERE, NOW), Exchange)
    assert talk.receive(first, HERE, NOW) == b"for the first"


def test_after_its_lifetime_it_is_new() -> None:
    talk = Conversation(lifetime=30 * SECOND)
    talk.answered(new(talk, 1), b"the answer")
    new(talk, 1, NOW + 30 * SECOND)
    assert len(talk) == 1
    assert talk.octets == 0


def test_a_forgotten_request_is_decided_anew_and_keeps_its_own_lifetime() -> None:
    talk = Conversation(lifetime=30 * SECOND)
    talk.forget(new(talk, 1))
    talk.answered(new(talk, 1, NOW + 20 * SECOND), b"the answer")
    assert talk.receive(access(identifier=1), HERE, NOW + 40 * SECOND) == b"the answer"


def test_entries_are_capped_oldest_out() -> None:
    talk = Conversation(most_entries=3)
    for identifier in range(5):
        talk.answered(new(talk, identifier), b"x")
    assert len(talk) == 3
    assert talk.octets == 3
    new(talk, 0)


def test_octets_are_capped_oldest_out() -> None:
    talk = Conversation(most_octets=100)
    for identifier in range(5):
        talk.answered(new(talk, identifier), bytes(40))
    assert talk.octets == 80
    assert talk.receive(access(identifier=4), HERE, NOW) == bytes(40)
    assert isinstance(talk.receive(access(identifier=1), HERE, NOW), Exchange)


def test_an_answer_that_comes_after_the_cap_took_its_request_is_not_kept() -> None:
    talk = Conversation(most_entries=1)
    first = new(talk, 1)
    new(talk, 2)
    talk.answered(first, b"late")
    assert talk.octets == 0
