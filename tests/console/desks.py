"""A desk whose engine is scripted: it says what it was asked and answers what the test wrote down."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from tollhouse.console.desk import Desk, ExportWish, ProgressWish, Wish
from tollhouse.console.jsonrpc import handle
from tollhouse.console.methods import METHODS
from tollhouse.console.reading import AuditPage, Finding, RecordsPage, RecordsWish, TokenError
from tollhouse.snapshot.accounts import Gateway
from tollhouse.values.commands import Command, Service
from tollhouse.values.instants import DAY, SECOND, Instant
from tollhouse.values.outcomes import Adjustment, BucketView, Done, Outcome, SessionView, WalletView

NOW: Instant = 1_800_000_000 * SECOND
"""2027-01-15T08:00:00Z."""


WAITING = Adjustment(
    "a1", "1001", "waiting", "cash", 0, "EUR", 6, -8_000_000, "anna", "ticket 4711", until=NOW + 7 * DAY
)
"""8 euros are to go, if another operator agrees."""


class ScriptedCharging:
    """Answers the given outcomes in turn, at once, or at `flush` when `held`."""

    def __init__(self, *outcomes: Outcome, held: bool = False) -> None:
        self.asked: list[Command] = []
        self.open = True
        self._outcomes = list(outcomes)
        self._held = held
        self._waiting: list[Callable[[], None]] = []

    def now(self) -> Instant:
        return NOW

    def submit(self, command: Command, answer: Callable[[Outcome], None]) -> None:
        self.asked.append(command)
        outcome = self._outcomes.pop(0) if self._outcomes else Done(0)
        if self._held:
            self._waiting.append(lambda: answer(outcome))
        else:
            answer(outcome)

    def gateway(self, address: str, protocol: str) -> Gateway | None:
        return None

    def accepting(self) -> bool:
        return self.open

    def flush(self) -> None:
        """Answer what is waiting, the newest first."""
        while self._waiting:
            self._waiting.pop()()


def wallet(name: str, unit: str = "EUR", decimals: int = 6) -> WalletView:
    """A wallet with 10 and half of it held."""
    step = 10**decimals
    bucket = BucketView(1, "cash", 10 * step, 5 * step, 0, NOW, 10)
    return WalletView(name, "demo", "active", unit, decimals, 10 * step, 5 * step, 5 * step, 0, 0, (bucket,), 3)


def session(name: str, service: Service = Service.VOICE) -> SessionView:
    """A started session that has used 85 s, or 85,000,000 octets."""
    return SessionView(
        session=name,
        client="api",
        wallet="1001",
        account="",
        service=service,
        calling="1001",
        called="4420",
        state="started",
        created=NOW,
        started=NOW,
        until=NOW + 60 * SECOND,
        granted=5_700 * SECOND,
        used=85 * SECOND,
        unit="EUR",
        decimals=6,
        cost=641_700,
        held=9_358_300,
    )


class ListReading:
    """`Reading` over what the test put in."""

    def __init__(self, wallets: tuple[WalletView, ...] = (), sessions: tuple[SessionView, ...] = ()) -> None:
        self._wallets = {view.wallet: view for view in wallets}
        self._sessions = {view.session: view for view in sessions}

    def wallet(self, name: str) -> WalletView | None:
        return self._wallets.get(name)

    def wallets(self, after: str, limit: int) -> list[WalletView]:
        return [self._wallets[name] for name in sorted(self._wallets) if name > after][:limit]

    def session(self, name: str) -> SessionView | None:
        return self._sessions.get(name)

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        return [self._sessions[name] for name in sorted(self._sessions) if name > after][:limit]

    def reservations(self, wallet: str, after: str, limit: int) -> tuple[list[SessionView], bool] | None:
        found = self.sessions(after, 1000)
        return None if wallet not in self._wallets else (found[: limit or 1], len(found) > (limit or 1))

    def records(self, wallet: str, after: int, limit: int) -> list[dict[str, object]]:
        held = [{"sequence": number, "kind": "charge", "amount": "-1.5", "wallet": wallet} for number in (1, 2, 3)]
        return [record for record in held if record["sequence"] > after][:limit]  # type: ignore[operator]

    def trace(self, wallet: str, at: Instant, after: str, limit: int) -> dict[str, object] | None:
        if wallet not in self._wallets:
            return None
        if after not in ("", "1"):
            raise TokenError(after)
        return {"entries": [{"sequence": limit, "at": at}], "next": None, "unit": "EUR", "buckets": [], "holds": []}

    def adjustments(self, after: str, limit: int) -> list[Adjustment]:
        names = [name for name in ("a1", "a2", "a3") if name > after][:limit]
        return [replace(WAITING, key=name) for name in names]

    def ended(self, since: Instant, until: Instant, after: str, limit: int) -> tuple[list[dict[str, object]], str]:
        if after == "no token":
            raise TokenError(after)
        return [{"wallet": "1001", "list": "expiredWallet", "at": since, "due": until, "cause": limit}], after

    def export(self, wish: RecordsWish) -> RecordsPage:
        if wish.after == "no token":
            raise TokenError(wish.after)
        return RecordsPage("wallet\n", f"{wish.wallet} {wish.since} {wish.until} {wish.limit}\n", wish.after)


def audit(after: str, limit: int, done: Callable[[AuditPage], None]) -> None:
    """Two wallets on two pages; the second is wrong."""
    first = AuditPage(1, 3, (), "1001")
    done(AuditPage(1, 2, (Finding("1002", "balance 1, records say 2"),), "") if after else first)


def import_tariff(wish: Wish, done: Callable[[dict[str, object]], None]) -> None:
    """Finds one problem in a folder whose name ends in `bad`."""
    if isinstance(wish, ExportWish):
        done({"written": True, "plan": wish.plan, "files": {}, "problems": []})
        return
    if isinstance(wish, ProgressWish):
        done({"phase": "checking", "done": 1, "total": 2})
        return
    bad = {"file": "Rates.csv", "line": 3, "column": "Rate", "text": "no number"}
    problems = [bad] if wish.path.endswith("bad") else []
    done({"loaded": not problems and not wish.dry_run, "dry_run": wish.dry_run, "problems": problems})


def desk(charging: ScriptedCharging, reading: ListReading | None = None) -> Desk:
    """A desk with EUR (6 decimals) and second (0)."""
    return Desk(
        charging=charging,
        reading=reading or ListReading(),
        audit=audit,
        decimals={"EUR": 6, "second": 0}.get,
        status=lambda: {"version": "1"},
        import_tariff=import_tariff,
    )


def ask(at: Desk, body: object) -> Any:
    """The decoded answer to a body (bytes, or something to encode); None where nothing is answered."""
    answers: list[bytes | None] = []
    handle(body if isinstance(body, bytes) else msgspec.json.encode(body), at, answers.append)
    assert len(answers) == 1
    return None if answers[0] is None else msgspec.json.decode(answers[0])


def request(method: str, params: object = None, identity: object = 1) -> dict[str, object]:
    """A request."""
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params if params is not None else {}}


def junk(dice: random.Random, depth: int = 0) -> object:
    """A random JSON value made of words that the API knows and does not know."""
    words = ["jsonrpc", "2.0", "id", "method", "params", "wallet", "amount", "usage", "request_id", "1", "", "é", "\0"]
    kind = dice.randrange(9 if depth < 3 else 7)
    if kind < 3:
        return dice.choice([*words, *METHODS])
    if kind < 7:
        return [None, True, dice.randrange(-(2**70), 2**70), dice.random() * 10 ** dice.randrange(30)][kind - 3]
    if kind == 7:
        return [junk(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(words): junk(dice, depth + 1) for _ in range(dice.randrange(6))}
