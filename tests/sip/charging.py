"""A scripted engine: answers what the script says, when the test says."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Authorize, Command, Release, Service
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Granted, Outcome, Route, Settled

ROUTES = (Route("a", "a.invalid:5080", "441234567890", 1), Route("b", "b.invalid", "00441234567890", 2))


def granted(routes: tuple[Route, ...] = ROUTES) -> Granted:
    return Granted("s1", Service.VOICE, 60 * SECOND, False, 0, "EUR", 6, 9_400_000, routes=routes)


class Script:
    """Implements `Charging`: an Authorize is answered by `outcome`, a Release is settled; both wait for `answer`."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.outcome: Outcome = outcome if outcome is not None else granted()
        self.commands: list[Command] = []
        self.waiting: list[tuple[Outcome, Callable[[Outcome], None]]] = []
        self.open = True
        self.known = True

    def now(self) -> Instant:
        return 1_800_000_000 * SECOND

    def submit(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        assert isinstance(command, Authorize | Release)
        self.commands.append(command)
        freed = Settled("s1", 0, "EUR", 6, 0, 10_000_000)
        self.waiting.append((self.outcome if isinstance(command, Authorize) else freed, answer))

    def answer(self) -> None:
        """Everything that waits becomes durable, in order."""
        while self.waiting:
            outcome, answer = self.waiting.pop(0)
            answer(outcome)

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        return Gateway("sbc1", "t1", "127.0.0.0/8", b"", b"", ("sip",)) if self.known and protocol == "sip" else None

    def accepting(self) -> bool:
        return self.open
