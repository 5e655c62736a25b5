"""A session's terms: its stored price with its service, and the limits that the policy puts on a grant."""

from __future__ import annotations

import msgspec

from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.rating.price import Price
from tollhouse.values.commands import Service
from tollhouse.values.instants import HOUR, Instant


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What a session is charged by."""

    price: Price
    service: Service

    @property
    def is_time(self) -> bool:
        """Whether usage is time: then a grant ends by the clock."""
        return self.service == Service.VOICE


def terms_of(book: Book, session: Session) -> Terms:
    """The terms that a session was opened with."""
    return Terms(book.price(session.price), session.service)


def most(policy: Policy, service: Service) -> int:
    """The largest grant of a service, in its usage."""
    if service == Service.VOICE:
        return policy.max_grant
    return policy.max_octets if service == Service.DATA else policy.max_messages


def sane(at: Instant, now: Instant) -> Instant:
    """A client's time where it lies within an hour of ours, else ours (DESIGN §4)."""
    return at if at and abs(at - now) <= HOUR else now
