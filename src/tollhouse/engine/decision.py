"""What a decision is: an outcome and the changes that make it true. A value, thrown away unless it is installed."""

from __future__ import annotations

import msgspec

from tollhouse.engine.book import Image, encode_outcome
from tollhouse.engine.session import Session
from tollhouse.records.record import Record
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import NEVER_STORED, Refusal


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`images` replace what stands under their names; `records` go with them into the same batch."""

    outcome: Outcome
    images: tuple[Image, ...] = ()
    records: tuple[tuple[Record, bytes], ...] = ()


def refuse(refusal: Refusal, detail: str = "", session: str = "") -> Decision:
    """A "no" that moves nothing."""
    return Decision(Refused(refusal, detail, session))


def remember(session: Session, key: str, outcome: Outcome, keep: int) -> Session:
    """The session with the outcome under its request's key; refusals of the moment are never kept.

    The opening's outcome stays for good: a late repeat of it must not open the session again.
    """
    if isinstance(outcome, Refused) and outcome.refusal in NEVER_STORED:
        return session
    recent = (*session.recent[:1], *session.recent[1:][-(keep - 2) :], (key, encode_outcome(outcome)))
    return msgspec.structs.replace(session, recent=recent)
