"""The API's reads over files that no engine holds: the same methods and the same answers, and nothing that decides."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.console.desk import Desk, Json, Wish
from tollhouse.console.jsonrpc import handle
from tollhouse.console.reading import Auditing, Reading
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Command, Inspect
from tollhouse.values.instants import Instant
from tollhouse.values.outcomes import Outcome, Refused
from tollhouse.values.refusals import Refusal


class DiskCharging:
    """`Charging` where no engine runs: Inspect is answered from disk, everything else is refused."""

    def __init__(self, reading: Reading, now: Instant) -> None:
        self._reading = reading
        self._now = now

    def now(self) -> Instant:
        return self._now

    def submit(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        answer(self._look(command))

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        return None

    def accepting(self) -> bool:
        return False

    def _look(self, command: Command) -> Outcome:
        match command:
            case Inspect(wallet=wallet) if wallet:
                return self._reading.wallet(wallet) or Refused(Refusal.UNKNOWN_WALLET)
            case Inspect(session=session):
                return self._reading.session(session) or Refused(Refusal.UNKNOWN_SESSION)
            case _:
                return Refused(Refusal.SHUTTING_DOWN, "no engine is running")


def answer_from_disk(body: bytes, reading: Reading, audit: Auditing, now: Instant) -> bytes:
    """The answer to a JSON-RPC body; empty for notifications alone."""

    def no_import(_wish: Wish, done: Callable[[Json], None]) -> None:
        done({"loaded": False, "problems": [{"text": "no engine is running"}]})

    desk = Desk(
        charging=DiskCharging(reading, now),
        reading=reading,
        audit=audit,
        decimals=lambda _unit: None,
        status=dict,
        import_tariff=no_import,
    )
    answers: list[bytes | None] = []
    handle(body, desk, answers.append)
    return answers[0] or b""
