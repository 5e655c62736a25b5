"""Several legs of one session: its customer, and whoever is charged for the same call by a tariff of his own.

Each leg is a session of its own, charging another account's wallet, found by the main one's id. What the main leg is
asked the others are asked too, in one decision: what is granted is the least of all, and where one of them cannot, none
does; but what has been used is charged by all, though one has no money for more. Silence ends each by itself, and all
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from tollhouse.engine.book import Book, Image
from tollhouse.engine.decision import Decision
from tollhouse.engine.session import CLOSED, Session
from tollhouse.values.commands import Authorize, Caller, Release, Start, Stop, Update
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Granted, Refused
from tollhouse.values.refusals import Refusal

_LEG: Final = "leg:"
_BEFORE_NAME: Final = "\x1f"
Of = TypeVar("Of", Authorize, Start, Update, Stop, Release)


def with_legs(book: Book, command: Of, decide: Callable[[Of], Decision]) -> Decision:
    """What the command does to the main leg, and to every other that it was opened with."""
    decision = decide(command)
    main = _main(decision)
    if main is None or not main.legs:
        return decision
    others = _others(book, command, main, decision, decide)
    if isinstance(command, Authorize | Update) and (wiser := _levelled(command, main, decision, others)) is not None:
        decision = decide(wiser)
        main = _main(decision) or main
        others = _others(book, wiser, main, decision, decide)
        command = wiser
    refused = _refused(main, others)
    charged = isinstance(command, Update) and command.no is not None
    if refused is not None and not charged:
        return Decision(refused)
    return _together(main, decision, others)


def _others(
    book: Book, command: Of, main: Session, decision: Decision, decide: Callable[[Of], Decision]
) -> list[Decision]:
    """What it does to each other leg; whoever lends to several, or to another leg, knows what he lent already."""
    others: list[Decision] = []
    images: tuple[Image, ...] = decision.images
    for name in main.legs:
        with book.supposing(images):
            others.append(decide(_for_leg(command, main, name)))
        images = (*images, *others[-1].images)
    return others


def _levelled(command: Of, main: Session, decision: Decision, others: Sequence[Decision]) -> Of | None:
    """The command that has all legs do alike; None: they do."""
    every = (decision, *others)
    refused = decision.outcome if isinstance(decision.outcome, Refused) else _refused(main, others)
    if refused is None:
        limit = _limit(every)
        return None if limit is None else msgspec.structs.replace(command, most=limit)
    if isinstance(command, Update) and all(one.images for one in every):
        return msgspec.structs.replace(command, no=(refused.refusal, refused.detail))
    return None


def legs_of(book: Book, main: Session) -> list[Session]:
    """The session's other legs that are open."""
    found = [one for name in main.legs for one in book.sessions(main.client, _key(main.id, name))]
    return [one for one in found if one.state != CLOSED]


def main_of(book: Book, session: Session) -> Session:
    """The session whose leg this is; itself where it is nobody's, or that one is not there any more."""
    key = next((key for key in session.keys if key.startswith(_LEG)), "")
    return book.session(key[len(_LEG) :].partition(_BEFORE_NAME)[0]) or session if key else session


def _key(main: str, name: str) -> str:
    """By which the leg of this account is found."""
    return f"{_LEG}{main}{_BEFORE_NAME}{name}"


def _main(decision: Decision) -> Session | None:
    """The session that the decision is about, if it changed it."""
    return next((image for image in reversed(decision.images) if isinstance(image, Session)), None)


def _for_leg(command: Of, main: Session, name: str) -> Of:
    """The same of another account, of that account's request type: no password is asked for, and it is found by the
    main leg's id."""
    caller = Caller(command.caller.client, name=name, machine=command.caller.machine)
    keys = (_key(main.id, name),)
    asked = msgspec.structs.replace(command, caller=caller, key=f"{command.key}\x1f{name}", session_keys=keys)
    return msgspec.structs.replace(asked, request_type=None) if isinstance(asked, Authorize | Start) else asked


def _refused(main: Session, others: Sequence[Decision]) -> Refused | None:
    """The first leg that cannot, by name."""
    for name, one in zip(main.legs, others, strict=True):
        if isinstance(one.outcome, Refused):
            return Refused(one.outcome.refusal, f"leg {name}: {one.outcome.detail}", main.id)
    return None


def _limit(decisions: Sequence[Decision]) -> tuple[int, bool] | None:
    """The least that a leg was granted, where they were not granted alike; and whether its money ends there."""
    grants = [one.outcome for one in decisions if isinstance(one.outcome, Granted)]
    if len({one.granted for one in grants}) < 2:
        return None
    least = min(grants, key=lambda one: (one.granted, not one.final))
    return least.granted, least.final


def _together(main: Session, decision: Decision, others: Sequence[Decision]) -> Decision:
    """All of it in one, in the order in which it was decided; but the main leg's session is the last."""
    every = (decision, *others)
    sessions = [one for one in map(_main, every) if one is not None]
    if len({one.wallet for one in sessions}) < len(sessions):
        return Decision(Refused(Refusal.INVALID, "two legs are charged to one wallet", main.id))
    own = _main(decision)
    until = main.until if own is None else own.until
    changed = [_going_alike(image, main, until) for one in every for image in one.images if image is not own]
    images = tuple(changed) if own is None else (*changed, own)
    return Decision(decision.outcome, images, tuple([record for one in every for record in one.records]))


def _going_alike(image: Image, main: Session, until: Instant) -> Image:
    """A leg that goes on counts as silent when the main one does: its own grant may be another where nobody asked."""
    if not isinstance(image, Session) or image.state == CLOSED or not image.keys[0].startswith(_key(main.id, "")):
        return image
    return msgspec.structs.replace(image, until=until)
