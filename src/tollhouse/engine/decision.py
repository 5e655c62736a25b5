"""What a decision is: an outcome and the changes that make it true. A value, thrown away unless it is installed."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from tollhouse.engine.book import Image, decode_outcome, encode_outcome
from tollhouse.engine.session import Answered, Session
from tollhouse.records.record import Record
from tollhouse.values.commands import Authorize, CloseClient, Release, Start, Stop, Update
from tollhouse.values.disconnects import DisconnectReason
from tollhouse.values.instants import Instant
from tollhouse.values.money import AmountError
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import NEVER_STORED, Refusal

API: Final = "api"
"""The client whose keys are its own choice: it is told when it uses one for two different requests."""

Keyed: TypeAlias = Authorize | Start | Update | Stop | Release
"""Requests about a session."""

_BODY: Final = msgspec.msgpack.Encoder()


class Closing(msgspec.Struct, frozen=True, gc=False):
    """A CloseClient under way: the sessions still to look at, and how many have ended."""

    command: CloseClient
    left: tuple[str, ...]
    done: int = 0
    deadline: Instant = 0
    """None: what was begun is carried through."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`images` replace what stands under their names; `records` go with them into the same batch.

    `rest`: what is left for the next turns; `outcome` is the answer only where nothing is. `disconnects`: sessions, by
    their ids, that are to end; their clients are told when all this is durable.
    """

    outcome: Outcome
    images: tuple[Image, ...] = ()
    records: tuple[tuple[Record, bytes], ...] = ()
    rest: Closing | None = None
    disconnects: tuple[tuple[str, DisconnectReason], ...] = ()


def refuse(refusal: Refusal, detail: str = "", session: str = "") -> Decision:
    """A "no" that moves nothing."""
    return Decision(Refused(refusal, detail, session))


def body_hash(command: msgspec.Struct) -> bytes:
    """What makes two requests the same: all that the client said but the deadline.

    What was left at its default at the end of a command does not count, so that another release, whose commands say
    more, knows the requests that this one answered. Raises AmountError on a number beyond 64 bits.
    """
    try:
        said = msgspec.structs.replace(command, deadline=0)
        if isinstance(said, Authorize | Update):
            said = msgspec.structs.replace(said, most=None)
        if isinstance(said, Update):
            said = msgspec.structs.replace(said, no=None)
        values, defaults = list(msgspec.structs.astuple(said)), list(type(said).__struct_defaults__)
        while defaults and values[-1] == defaults.pop():
            values.pop()
        body = _BODY.encode((type(said).__name__, *values))
    except OverflowError as error:
        raise AmountError("a number is out of range") from error
    return blake2b(body, digest_size=16).digest()


def repeated(session: Session, command: Keyed) -> Outcome | None:
    """The answer to a request whose key the session has answered before: the same; to another body by API, conflict."""
    before = session.stored(command.key)
    if before is None:
        return None
    if before.body and before.body != body_hash(command):
        return Refused(Refusal.CONFLICT, f"another request was made under {command.key!r}", session.id)
    return decode_outcome(before.outcome)


def remember(session: Session, command: Keyed, outcome: Outcome, keep: int) -> Session:
    """The session with the outcome under its request's key; refusals of the moment are never kept.

    The opening's outcome stays for good: a late repeat of it must not open the session again.
    """
    if isinstance(outcome, Refused) and outcome.refusal in NEVER_STORED:
        return session
    body = body_hash(command) if command.caller.client == API else b""
    answered = Answered(command.key, encode_outcome(outcome), body)
    recent = (*session.recent[:1], *session.recent[1:][-(keep - 2) :], answered)
    return msgspec.structs.replace(session, recent=recent)
