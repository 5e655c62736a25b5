"""Who is turned away, and when: too late, draining, disk low, queue full. Stop and Release are always let in."""

from __future__ import annotations

from typing import Final

from tollhouse.engine.decision import Closing
from tollhouse.engine.policy import Policy
from tollhouse.engine.tally import Tally
from tollhouse.values.commands import Authorize, Charge, Command, Quote, Release, Stop
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal

_FIRST_OUT: Final = (Authorize, Quote)
_NEVER_OUT: Final = (Stop, Release)
_NEW_BUSINESS: Final = (Authorize, Charge)


class Admission:
    """The two states that turn new business away are set by the timers and by a clean stop."""

    def __init__(self, policy: Policy, tally: Tally) -> None:
        self.disk_low = False
        self.draining = False
        self._policy = policy
        self._tally = tally

    @property
    def accepting(self) -> bool:
        """Whether new sessions are taken."""
        return not self.disk_low and not self.draining

    def at_the_door(self, command: Command, queued: int) -> Outcome | None:
        """Overload: first Authorize and Quote, then (at twice the queue) all but Stop and Release."""
        limit = self._policy.max_queue
        if queued < limit or isinstance(command, _NEVER_OUT):
            return None
        if isinstance(command, _FIRST_OUT) or queued >= 2 * limit:
            self._tally.count("engine_refusals", Refusal.OVERLOADED)
            return Refused(Refusal.OVERLOADED, "the queue is full")
        return None

    def before_deciding(self, command: Command | Closing, now: Instant) -> Outcome | None:
        """Just before the decision: a client that waits no longer, and new business that can't be taken now."""
        if command.deadline and now > command.deadline:
            self._tally.count("engine_refusals", Refusal.TOO_LATE)
            return Refused(Refusal.TOO_LATE)
        if self.accepting or not isinstance(command, _NEW_BUSINESS):
            return None
        refusal = Refusal.SHUTTING_DOWN if self.draining else Refusal.STORE_FULL
        self._tally.count("engine_refusals", refusal)
        return Refused(refusal)
