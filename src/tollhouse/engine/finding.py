"""Finding the session: which one a request is about, and whether it has been answered before."""

from __future__ import annotations

from typing import Final

from tollhouse.engine.book import Book, decode_outcome
from tollhouse.engine.decision import API, repeated
from tollhouse.engine.policy import Policy
from tollhouse.engine.session import AUTHORISED, CLOSED, STARTED, WINDOW, Session
from tollhouse.identify.identify import Payer
from tollhouse.values.commands import Authorize, Release, Start, Stop, Update
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal

CLASS: Final = "class:"


def find(book: Book, policy: Policy, command: Start | Update | Stop | Release, now: Instant) -> Session | None:
    """The session of a report: by its best key that leads to one; by the window key only one that has not begun.

    One that has answered this very request is it, closed lately or not: a repeat must not be taken for a report of
    another. Of one that ended long ago the client uses the name again.
    """
    closed = None
    for key in command.session_keys:
        found = _by_key(book, command.caller.client, key)
        if key.startswith(WINDOW):
            waiting = [one for one in found if one.state == AUTHORISED]
            if waiting and closed is None:
                book.joined_by_window += 1
                return waiting[0]
            continue
        for session in reversed(found):
            lately = session.state != CLOSED or now - session.reported <= policy.reuse_after
            if lately and session.stored(command.key) is not None:
                return session
        for session in reversed(found):
            if session.state != CLOSED:
                return session
            closed = closed or session
    return closed


def find_for_opening(book: Book, command: Authorize, payer: Payer | Refused) -> Session | None:
    """The open session that this request repeats or extends; else the one, closed since, that it opened; else None.

    One that has not begun is extended only by the same payer's call to the same number: forked and repeated attempts
    share their names, and neither routes nor price of one are another's.
    """
    own = [key for key in command.session_keys if not key.startswith(WINDOW)]
    for key in own or command.session_keys:
        found = _by_key(book, command.caller.client, key)
        for session in reversed(found):
            if session.stored(command.key) and (own or session.state == AUTHORISED):
                return session
        for session in reversed(found):
            if session.state == AUTHORISED and _same_call(session, command, payer):
                return session
            if session.state == STARTED and own:
                return session
    return None


def _same_call(session: Session, command: Authorize, payer: Payer | Refused) -> bool:
    asked = None if isinstance(payer, Refused) else (payer.wallet, payer.called, command.service)
    return asked == (session.wallet, session.called, session.service)


def said_before(session: Session, command: Authorize) -> Outcome | None:
    """The answer to a repeat: the same key again, or a session not begun that is asked for in the same way."""
    said = repeated(session, command)
    if said is None and session.event != command.event:
        return Refused(Refusal.CONFLICT, "the name is that of something else", session.id)
    if said is None and session.event is not None and (command.ask or 1) != session.granted:
        return Refused(Refusal.CONFLICT, "another number of events is reserved under this name", session.id)
    if said is None and session.state == AUTHORISED and session.wish == command.wish and not command.begin:
        return decode_outcome(session.recent[-1].outcome)
    return said


def _by_key(book: Book, client: str, key: str) -> list[Session]:
    if key.startswith(CLASS):
        session = book.session(key[len(CLASS) :])
        return [session] if session is not None and client in (session.client, API) else []
    return book.sessions(client, key)
