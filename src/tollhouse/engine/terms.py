"""A session's terms: its stored price with its service, and the limits that the policy puts on a grant."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import Session
from tollhouse.rating.price import Price
from tollhouse.values.commands import Service, Start, Stop, Total, Update, Usage
from tollhouse.values.instants import DAY, HOUR, Instant
from tollhouse.values.money import INT64_MAX, AmountError


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What a session is charged by. `fresh`: prices, by their hashes, that this very decision stores."""

    price: Price
    service: Service
    fresh: Mapping[bytes, Price] = {}

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


def longest_usage(service: Service) -> int:
    """The most usage that is believed: 366 days of time (a broken counter beyond it), else what int64 counts."""
    return 366 * DAY if service == Service.VOICE else INT64_MAX


def longest_quote(service: Service) -> int:
    """The most usage that is priced for a question: 31 days of time, for each day may cost arithmetic; any units."""
    return 31 * DAY if service is Service.VOICE else INT64_MAX


def longest_limit(service: Service) -> int:
    """How far a limit is computed (CGRateS max_computed_usage, requirement cgrates 16): 72 h of time, 100 GiB, 10,000
    messages, 10^12 generic units."""
    if service is Service.VOICE:
        return 72 * HOUR
    if service is Service.DATA:
        return 100 * 2**30
    return 10**12 if service is Service.GENERIC else 10_000


def reported(session: Session, usage: Usage) -> int:
    """The session's usage by this report; it never shrinks. Raises AmountError beyond `longest_usage`."""
    total = max(session.used, usage.units) if isinstance(usage, Total) else session.used + usage.units
    if total > longest_usage(session.service):
        raise AmountError(f"session {session.id} reports more usage than can be counted")
    return total


def begun(command: Start | Update | Stop, now: Instant) -> Instant:
    """When the reported session began by the client's clock: time that was used up by `at` began so long before it."""
    at = sane(command.at, now)
    if isinstance(command, Start) or command.service != Service.VOICE or not isinstance(command.usage, Total):
        return at
    if command.usage.units > longest_usage(command.service):
        raise AmountError("more usage than can be counted")
    return at - command.usage.units
