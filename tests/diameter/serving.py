"""A Diameter server on a loopback port of the kernel's choice, with a scripted engine behind it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet import defer

from tollhouse.diameter.dictionary import load_dictionary
from tollhouse.diameter.server import DiameterServer
from tollhouse.diameter.settings import DiameterSettings
from tollhouse.engine.tally import Tally
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Authorize, Command, Delta, Stop, Update
from tollhouse.values.instants import SECOND, Instant
from tollhouse.values.outcomes import Granted, Outcome, Refused, Settled
from tollhouse.values.refusals import Refusal

DICTIONARIES = Path(__file__).resolve().parents[2] / "dictionaries" / "diameter"
SETTINGS = DiameterSettings(origin_host="ocs.example.net", origin_realm="example.net", origin_state_id=1_764_000_000)
TRUSTED = Gateway("loopback", "acme", "127.0.0.0/8", b"", b"", ("diameter",))
FEE, PER_SECOND = 400_000, 10_000


class ScriptedCharging:
    """Grants what is asked for (60 s where nothing is said), 0.4 plus 0.01 a second; `nobody` is unknown."""

    def __init__(self, later: Callable[..., Any], gateway: Gateway | None = TRUSTED) -> None:
        self.commands: list[Command] = []
        self.used = 0
        self.held: list[Callable[[], None]] = []
        self.holding = False
        self._later = later
        self._gateway = gateway

    def now(self) -> Instant:
        return time.time_ns() // 1000

    def submit(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        self.commands.append(command)
        outcome = self.decide(command)
        if self.holding:
            self.held.append(lambda: answer(outcome))
        else:
            self._later(0, answer, outcome)

    def decide(self, command: Command) -> Outcome:
        if isinstance(command, Authorize):
            if command.caller.wallet == "nobody":
                return Refused(Refusal.UNKNOWN_WALLET)
            granted = 60 * SECOND if command.ask is None else command.ask
            return Granted("s", command.service, granted, False, 0, "EUR", 6, 0)
        assert isinstance(command, Update | Stop)
        assert isinstance(command.usage, Delta)
        self.used += command.usage.units
        if isinstance(command, Update):
            return Granted("s", command.service, command.more or 60 * SECOND, True, 0, "EUR", 6, 0)
        return Settled("s", self.used, "EUR", 6, FEE + self.used // SECOND * PER_SECOND, 0)

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        assert protocol == "diameter"
        return self._gateway

    def accepting(self) -> bool:
        return True


@asynccontextmanager
async def serving(
    reactor: Any, gateway: Gateway | None = TRUSTED, settings: DiameterSettings = SETTINGS
) -> AsyncIterator[tuple[int, DiameterServer, ScriptedCharging]]:
    """(port, server, engine); parted from all peers and closed at the end."""
    engine = ScriptedCharging(reactor.callLater, gateway)
    server = DiameterServer(engine, Tally(), settings, load_dictionary(DICTIONARIES), reactor)
    port = reactor.listenTCP(0, server, interface="127.0.0.1")
    try:
        yield port.getHost().port, server, engine
    finally:
        await defer.maybeDeferred(port.stopListening)
        await server.stop()
