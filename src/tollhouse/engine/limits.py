"""How many sessions a wallet serves at a time, and how much of its funds one of them may hold.

Source: requirement oracle_vws 5.2 and 5.6 (the greedy rule).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.engine.book import Book
from tollhouse.engine.laying import Laid, Ways, lay
from tollhouse.engine.policy import OnOverrun, OnSilence, Policy
from tollhouse.engine.request_types import MANNERS
from tollhouse.engine.session import STARTED, Session
from tollhouse.engine.stretches import cut
from tollhouse.engine.terms import most
from tollhouse.rating.named_events import event_reservation_end
from tollhouse.snapshot.rules import ReservationRules, SessionRules, of_client
from tollhouse.values.commands import Service
from tollhouse.values.instants import SECOND, Duration, Instant
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal
from tollhouse.wallet.state import Wallet


class Share(msgspec.Struct, frozen=True, gc=False):
    """What a wallet allows one session. `sessions`: at a time, 0: any number; `others`: of them that are open now.

    `longest`: usage of one grant. `cautious`: buckets that may expire in the course of a call do not pay for it.
    """

    sessions: int
    others: int
    greedy: Duration
    longest: int
    cautious: bool = False

    @property
    def looks_at(self) -> int:
        """How much usage the wallet has to be asked for, to know this session's part of it."""
        return self.longest * max(self.sessions, 1)

    def worst(self, session: Session) -> Instant:
        """The latest end of a call that is being opened, where that matters; else 0."""
        return session.began + self.longest if self.cautious and session.service is Service.VOICE else 0

    def crowded(self, session: str = "") -> Refused | None:
        """Why no further session may begin, if so."""
        if not self.sessions or self.others < self.sessions:
            return None
        return Refused(Refusal.SESSION_LIMIT, f"{self.others} of {self.sessions} sessions are open", session)

    def part(self, affordable: int, session: str = "") -> int | Refused:
        """The usage that may be granted of what the wallet affords: below the greedy length one session has it all and
        the wallet serves no other; else each has its part, but not less than that length."""
        if self.sessions <= 1:
            return min(affordable, self.longest)
        if affordable < self.greedy:
            return affordable if not self.others else Refused(Refusal.SESSION_LIMIT, "funds for one session", session)
        return min(affordable, self.longest, max(self.greedy, affordable // self.sessions))


def share(book: Book, policy: Policy, session: Session, wallet: Wallet, ended: Sequence[Session] = ()) -> Share:
    """The session's share of the wallet, by the provider's rules, the wallet, or its product. `ended`: by the
    command in hand, so they are others no more. What the wallet does not pay, and reserved events, are nobody's
    others."""
    rules = book.snapshot.rules(wallet.tenant).reservation
    longest = longest_grant(policy, rules, session.service)
    sessions = rules.max_sessions or _of_wallet(book, wallet)
    if not sessions or not _counts(session):
        return Share(0, 0, 0, longest, rules.worst_case_buckets)
    own = {session.id, *(one.id for one in ended)}
    others = sum(one.id not in own and _counts(one) for one in book.open_sessions_of(wallet.name))
    greedy = rules.greedy_below_seconds * SECOND if session.service is Service.VOICE else 0
    return Share(sessions, others, greedy, longest, rules.worst_case_buckets)


def _counts(session: Session) -> bool:
    """Whether it is one of the wallet's sessions at a time: reserved events are none (case 31)."""
    return MANNERS[session.request_type].charges and session.event is None


def at_a_time(book: Book, wallet: Wallet) -> int:
    """How many sessions the wallet serves at a time; 0: any number."""
    return book.snapshot.rules(wallet.tenant).reservation.max_sessions or _of_wallet(book, wallet)


def alone(longest: int) -> Share:
    """The share of a session that runs already: whoever else there is."""
    return Share(0, 0, 0, longest)


def levelled(most: tuple[int, bool] | None, gone: int, ask: int) -> tuple[int, bool]:
    """What may be asked for where other legs allow `most` beyond what has gone, and whether one's money ends there."""
    if most is None or gone + most[0] >= ask:
        return ask, False
    return gone + most[0], most[1]


def shared_out(
    ways: Ways, wallet: Wallet, session: Session, part: Share, gone: int, ask: int, now: Instant
) -> Laid | Refused:
    """The session's usage laid out behind what was used, up to `ask` or to the end of its share."""
    kept = cut(session.stretches, ways.prices, session.began, session.used)
    if part.sessions > 1:
        affords = lay(ways, wallet, kept, gone + part.looks_at, now).reach - gone
        allowed = part.part(max(affords, 0), session.id)
        if isinstance(allowed, Refused):
            return allowed
        ask = min(ask, gone + allowed) if allowed else ask
    return lay(ways, wallet, kept, ask, now)


def unbegun_until(book: Book, policy: Policy, session: Session, now: Instant) -> Instant:
    """How long what a session asks for is held while nothing tells that it has begun; of events, that they took place
    (case 56)."""
    rules = book.snapshot.rules(session.tenant)
    if session.service in (Service.VOICE, Service.DATA) or not rules.event.reservation_milliseconds:
        return now + (rules.session.setup_seconds * SECOND or policy.setup_window)
    return event_reservation_end(now, rules.event)


def longest_grant(policy: Policy, rules: ReservationRules, service: Service) -> int:
    """The largest grant of a service, by the provider's rules and the settings."""
    if service is Service.VOICE and rules.longest_seconds:
        return rules.longest_seconds * SECOND
    return most(policy, service)


def tolerance(book: Book, policy: Policy, session: Session) -> Duration:
    """How long after its grant's end a session's report may come: as its client's is set, its provider's (case 25), or
    by the settings."""
    rules = book.snapshot.rules(session.tenant)
    pairs = rules.session.tolerance_seconds_of_clients
    if pairs and (own := of_client(pairs, session.client)):
        return int(own) * SECOND
    seconds = rules.reservation.tolerance_seconds
    return policy.tolerance if seconds < 0 else seconds * SECOND


def validity(book: Book, policy: Policy, session: Session, now: Instant) -> Duration:
    """How long a begun session's grant is good for; 0: it has not begun, and its time does not run yet."""
    if session.service != Service.VOICE:
        own = book.snapshot.rules(session.tenant).session.validity_seconds
        return own * SECOND or policy.validity
    return max(session.began + session.granted - now, 0) if session.state == STARTED else 0


def on_silence(book: Book, policy: Policy, session: Session) -> OnSilence:
    """What it costs when nothing is heard of it any more: as is set for its client, its provider, or at all."""
    rules = book.snapshot.rules(session.tenant).session
    own = of_client(rules.on_silence_of_clients, session.client) or rules.on_silence
    return OnSilence(own) if own else policy.on_silence


def owes_overrun(policy: Policy, rules: SessionRules) -> bool:
    """Whether usage that neither the grant nor free money pays becomes a debt; else it is let go."""
    own = rules.on_overrun
    return (OnOverrun(own) if own else policy.on_overrun) is OnOverrun.DEBT


def _of_wallet(book: Book, wallet: Wallet) -> int:
    if wallet.max_sessions or not wallet.product:
        return wallet.max_sessions
    product = book.snapshot.product(wallet.tenant, wallet.product)
    return 0 if product is None else product.max_sessions
