"""What a protocol room or the console sees of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Command
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome


class Charging(Protocol):
    """A command in, a durable answer out."""

    def now(self) -> Instant:
        """Engine time: max(wall clock, last journalled time)."""

    def submit(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        """Decide the command in this turn's batch; `answer` is called once, after the batch is durable.

        Never raises and never answers before it returns. `too_late` outcomes are to be met with silence.
        """

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        """The gateway that may speak `protocol` from this source address, by the configuration in force."""

    def accepting(self) -> bool:
        """Whether new sessions are taken (not draining, disk not low): OPTIONS, Status-Server and /health ask."""
