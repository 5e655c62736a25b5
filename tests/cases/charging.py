"""Facts that charge an account: leave to use, use that is over, prepaid sessions, refunds, rating anew."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tests.cases.accounts import CLIENT, Purses, wallet_of
from tests.cases.desk import Asking, account_of
from tests.cases.facts import Call, Fact
from tests.cases.pricing import about, error_of, money, nanoseconds

from tollhouse.configdb.tariff_values import duration
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Charge,
    Command,
    Delta,
    Inspect,
    Service,
    Stop,
    Sweep,
    Total,
    Update,
)
from tollhouse.values.instants import DAY, Instant, parse_instant
from tollhouse.values.outcomes import Granted, Outcome, Posted, Refused, SessionView, Settled
from tollhouse.values.refusals import Refusal

CHARGING: Final = (
    *("max_session", "max_debit", "debit", "cdr_charge", "refund", "note"),
    *("session_init", "session_update", "session_terminate", "session_terminate_ttl"),
)
_NO_MONEY: Final = (Refusal.INSUFFICIENT_FUNDS, Refusal.NO_FUNDS, Refusal.CREDIT_LIMIT)
_CREATED: Final = parse_instant("2013-01-01T00:00:00Z")
"""When an account is made that no call tells a time of."""


class Charging:
    """One fact's steps, asked of one engine, with its wallets and its session."""

    def __init__(self, asking: Asking, case: Fact) -> None:
        self._asking = asking
        self._case = case
        self._purses = Purses(asking, case)
        self._moved: list[tuple[Call, Caller, str, dict[int, int]]] = []
        """What each charge took from its wallet's buckets."""
        self._session: _Session | None = None
        self._now: Instant = _CREATED

    def answer(self, number: int, step: Fact) -> Fact:
        """What we say to a step, with all balances after it."""
        op, event = step["op"], step.get("event") or {}
        if op == "note":
            found = self._played(event) if event else self._rated_anew()
        elif op == "refund":
            found = self._refunded(event)
        elif op.startswith("session_"):
            found = self._in_session(op, number, event)
        else:
            found = self._charged(op, number, event)
        return found | {"balances": self._purses.balances(self._now)}

    def _charged(self, op: str, number: int, event: Fact) -> Fact:
        call = Call(event)
        self._now = call.start
        self._purses.open(call.start)
        caller, key = Caller(CLIENT, name=account_of(self._case, number)), f"{self._case['id']}:{op}:{number}"
        if op in ("max_session", "max_debit"):
            return self._at_most(call, caller, key, op == "max_debit")
        wallet = wallet_of(event)
        before = self._values(wallet)
        found = self._settled(call, caller, key, call.usage)
        after = self._values(wallet)
        moved = {bucket: value - before.get(bucket, 0) for bucket, value in after.items()}
        self._moved.append((call, caller, key, moved))
        return found

    def _values(self, wallet: str) -> dict[int, int]:
        if wallet not in self._purses:
            return {}
        return {one.id: one.value for one in self._purses.view(wallet, self._now).buckets}

    def _at_most(self, call: Call, caller: Caller, key: str, debit: bool) -> Fact:
        command = Authorize(
            *(caller, key, (key,), call.service, call.called),
            ask=call.usage,
            at=call.start,
            begin=debit,
            ceiling=call.ceiling(),
        )
        outcome = self._asking.ask(command, call.start)
        if isinstance(outcome, Refused):
            if outcome.refusal in _NO_MONEY:
                return {"max_usage": 0, "cost": Decimal(0), "charged_duration": 0}
            return {"error": _refused(self._asking, call, outcome)}
        assert isinstance(outcome, Granted), outcome
        granted = {"max_usage": nanoseconds(outcome.granted, call.service)}
        return self._settled(call, caller, key, outcome.granted) | granted if debit else granted

    def _settled(self, call: Call, caller: Caller, key: str, usage: int) -> Fact:
        end = call.start + usage if call.service is Service.VOICE else call.start
        self._now = max(self._now, end)
        command: Command
        if call.service in (Service.VOICE, Service.DATA):
            command = Stop(
                *(caller, f"{key}:stop", (key,), Total(usage), "", end, 0, call.service, call.called, ""),
                open_unknown=True,
            )
        else:
            command = Charge(caller, f"{key}:stop", None, call.service, call.called, usage, end)
        outcome = self._asking.ask(command, end)
        if isinstance(outcome, Refused):
            return {"error": _refused(self._asking, call, outcome)}
        assert isinstance(outcome, Settled | Posted), outcome
        cost = outcome.cost if isinstance(outcome, Settled) else -outcome.amount
        return {
            "cost": money(cost),
            "charged_duration": about(self._asking, call).get("charged_duration"),
        }

    def _refunded(self, event: Fact) -> Fact:
        """Increments go back as an operator's correction of the buckets that they were taken from."""
        (wallet,) = self._case["accounts"]
        self._purses.open(self._now)
        back: dict[int, int] = {}
        for one in event["increments"]:
            for balance, value in (
                (one.get("monetary"), Decimal(one.get("cost", 0))),
                (one.get("unit"), Decimal(duration(str(one.get("duration", "0s"))))),
            ):
                if balance is not None:
                    place = self._purses.place(wallet, balance)
                    back[place.bucket] = back.get(place.bucket, 0) + int(value / place.step)
        self._purses.correct(wallet, back, "refund", self._now)
        return {}

    def _rated_anew(self) -> Fact:
        """All that was charged goes back where it came from, then each is charged again, the earliest answer first."""
        ((wallet, _),) = self._case["accounts"].items()
        costs = []
        for _, _, key, moved in self._moved:
            self._purses.correct(wallet, {bucket: -value for bucket, value in moved.items()}, f"{key} back", self._now)
        for call, caller, key, _ in sorted(self._moved, key=lambda one: one[0].start):
            costs.append(self._settled(call, caller, f"{key} anew", call.usage)["cost"])
        balances = self._purses.balances(self._now)[wallet]
        return {"after_rerate_in_answer_time_order": costs, "balances_after": balances}

    def _played(self, event: Fact) -> Fact:
        """A session that is debited by the interval until its usage is reached."""
        self._in_session("session_init", 0, event | {"usage": event["debit_interval"]})
        for _ in range(duration(event["usage"]) // duration(event["debit_interval"]) - 1):
            self._in_session("session_update", 0, {"usage": event["debit_interval"]})
        return self._in_session("session_terminate", 0, {"usage": event["usage"]})

    def _in_session(self, op: str, number: int, event: Fact) -> Fact:
        if self._session is None:
            call = Call(event)
            self._now = call.start
            self._purses.open(call.start)
            self._session = _Session(self._asking, call, Caller(CLIENT, name=account_of(self._case, number)))
        found = self._session.step(op, event)
        self._now = self._session.now
        return found


class _Session:
    """A prepaid session: `used` as far as reported, `granted` beyond it by the last answer."""

    def __init__(self, asking: Asking, call: Call, caller: Caller) -> None:
        self._asking = asking
        self._call = call
        self._caller = caller
        self._id = ""
        self._used = 0
        self._granted = 0
        self._requests = 0
        self.now = call.start

    def step(self, op: str, event: Fact) -> Fact:
        self._requests += 1
        if op == "session_init":
            return self._opened()
        if op == "session_update":
            return self._went_on(event)
        if op == "session_terminate":
            return self._ended(event)
        return self._fell_silent()

    def _opened(self) -> Fact:
        call = self._call
        command = Authorize(
            *(self._caller, self._key(), ("session",), call.service, call.called),
            ask=call.usage,
            at=self.now,
            begin=True,
        )
        return self._has(self._asking.ask(command, self.now), call.usage)

    def _went_on(self, event: Fact) -> Fact:
        """Without a `last_used` all that was granted has been used; a request for nothing is a report."""
        used = self._units(event["last_used"]) if "last_used" in event else self._granted
        wish = self._units(event["usage"])
        self._go_on(used)
        call = self._call
        command = Update(
            *(self._caller, self._key(), ("session",), Delta(used), wish or None),
            at=self.now,
            service=call.service,
            called=call.called,
            open_unknown=True,
        )
        return self._has(self._asking.ask(command, self.now), wish)

    def _ended(self, event: Fact) -> Fact:
        """With its whole usage, or with what was used since the last report."""
        whole = "usage" in event
        usage = self._units(event["usage"] if whole else event["last_used"])
        self._go_on(usage - self._used if whole else usage)
        command = Stop(
            *(self._caller, self._key(), ("session",), Total(usage) if whole else Delta(usage)),
            at=self.now,
            service=self._call.service,
            called=self._call.called,
        )
        outcome = self._asking.ask(command, self.now)
        assert isinstance(outcome, Settled), outcome
        return {"cdr_usage": self._nanoseconds(outcome.usage), "cdr_cost": money(outcome.cost)}

    def _fell_silent(self) -> Fact:
        """Nothing is heard of it for a day."""
        self.now += DAY - 1
        self._asking.ask(Sweep(), self.now)
        seen = self._asking.ask(Inspect(CLIENT, session=self._id), self.now)
        assert isinstance(seen, SessionView), seen
        assert seen.state == "closed", seen
        return {"cdr_usage": self._nanoseconds(seen.used), "cdr_cost": money(seen.cost)}

    def _has(self, outcome: Outcome, wish: int) -> Fact:
        """Up to where the session may go on; nothing more where money has ended."""
        if isinstance(outcome, Granted):
            self._id, self._granted = outcome.session, outcome.granted
        else:
            assert isinstance(outcome, Refused), outcome
            assert outcome.refusal in _NO_MONEY, outcome
            self._granted = 0
        granted = self._granted
        found = {"max_usage": self._nanoseconds(granted), "session_usage": self._nanoseconds(self._used + granted)}
        return found

    def _go_on(self, used: int) -> None:
        self._used += used
        if self._call.service is Service.VOICE:
            self.now = max(self.now, self._call.start + self._used)

    def _key(self) -> str:
        return f"session:{self._requests}"

    def _units(self, text: str) -> int:
        return duration(text) // (1000 if self._call.service is Service.VOICE else 1)

    def _nanoseconds(self, units: int) -> int:
        return nanoseconds(units, self._call.service)


def _refused(asking: Asking, call: Call, outcome: Refused) -> str:
    if outcome.refusal in (Refusal.UNKNOWN_ACCOUNT, Refusal.UNKNOWN_WALLET):
        return "ACCOUNT_NOT_FOUND"
    return error_of(asking, call) if outcome.refusal is Refusal.NO_RATE else outcome.refusal.value
