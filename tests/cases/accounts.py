"""The accounts of the facts as wallets: their balances as buckets, and what is free in them by the facts' names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec
from tests.cases.facts import Fact, to_timing

from tollhouse.configdb.rows import BalanceTypeRow, UnitRow
from tollhouse.configdb.tariff_values import duration
from tollhouse.values.commands import Command, CreateWallet, Inspect, Recharge
from tollhouse.values.instants import Instant
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Outcome, Posted, WalletView
from tollhouse.values.recharges import Line
from tollhouse.values.uses import Use
from tollhouse.wallet.state import MAIN_BUCKET

UNIT: Final = "EUR"
DECIMALS: Final = 6
DEFAULT: Final = "*monetary/*default"
"""The balance that takes CGRateS's debts: our main bucket."""
NO_LIMIT: Final = 10**15
"""Credit of an account that may go below zero."""
CLIENT: Final = "cases"
UNITS: Final = (
    UnitRow(UNIT, DECIMALS),
    UnitRow("second", 6, "time"),
    UnitRow("octet", 0, "data"),
    UnitRow("piece", 0, "count"),
)
BALANCE_TYPES: Final = (
    BalanceTypeRow("voice", "second", 10, "voice"),
    BalanceTypeRow("data", "octet", 11, "data"),
    BalanceTypeRow("sms", "piece", 12, "message"),
    BalanceTypeRow("mms", "piece", 13, "mms"),
    BalanceTypeRow("generic", "piece", 14, "generic"),
    BalanceTypeRow("monetary", UNIT, 20),
    BalanceTypeRow("cash", UNIT, 30),
)
"""Units pay before money; a debt is cash."""
_UNIT_OF: Final = {row.name: row.unit for row in BALANCE_TYPES}
_MILLIONTHS: Final = 10**6


class Asks(Protocol):
    """Whoever takes commands."""

    def ask(self, command: Command, at: Instant) -> Outcome: ...


class Place(msgspec.Struct, frozen=True):
    """A bucket, and how much of the facts' unit one step of it is."""

    bucket: int
    balance_type: str
    step: Decimal


def wallet_of(event: Fact) -> str:
    """The name of the payer's wallet."""
    return f"{event.get('tenant')}:{event.get('account', event.get('subject'))}"


def step_of(balance: Fact) -> Decimal:
    """How much of the facts' unit one step of ours is: money in millionths, time in nanoseconds, units whole.

    Units with a factor are kept in millionths, since a part of one pays.
    """
    if balance["type"] == "*voice":
        return Decimal(1000)
    if balance["type"] == "*monetary" or balance.get("factor"):
        return Decimal(1).scaleb(-DECIMALS)
    return Decimal(1)


class Purses:
    """The wallets of one fact, made when they are first asked for."""

    def __init__(self, asks: Asks, case: Fact) -> None:
        self._asks = asks
        self._accounts: Fact = case.get("accounts", {})
        self._places: dict[str, dict[str, Place]] = {}

    def __contains__(self, wallet: str) -> bool:
        return wallet in self._accounts

    def open(self, at: Instant) -> None:
        """Make all of them, once."""
        for name, account in self._accounts.items():
            if name not in self._places:
                self._open(name, account, at)

    def _open(self, name: str, account: Fact, at: Instant) -> None:
        balances = account.get("balances", [])
        opening = sum(_steps(one) for one in balances if _is_default(one))
        limit = NO_LIMIT if account.get("allow_negative") else 0
        tenant = name.partition(":")[0]
        made = self._asks.ask(CreateWallet(CLIENT, name, f"{name} made", UNIT, opening, limit, tenant=tenant), at)
        assert isinstance(made, WalletView), made
        money = Decimal(1).scaleb(-DECIMALS)
        self._places[name] = {DEFAULT: Place(MAIN_BUCKET, "cash", money)}
        for number, balance in enumerate(balances):
            if not _is_default(balance):
                place = self._fill(name, balance, f"{name} {number}", at)
                self._places[name][f"{balance['type']}/{balance.get('id', number)}"] = place

    def _fill(self, wallet: str, balance: Fact, key: str, at: Instant) -> Place:
        """A bucket of its own; of an empty one a step is put in and taken out again."""
        kind, value = balance["type"].removeprefix("*"), _steps(balance)
        weight, use = int(Decimal(balance.get("weight", 0))), use_of(balance)
        expiry = at + duration(balance["expires"]) // 1000 if "expires" in balance else 0
        amount = Amount(max(value, 1), _UNIT_OF[kind])
        known = {one.id for one in self.view(wallet, at).buckets}
        done = self._asks.ask(Recharge(CLIENT, wallet, key, amount, kind, weight=weight, use=use, expiry=expiry), at)
        assert isinstance(done, Posted), done
        (bucket,) = {one.id for one in self.view(wallet, at).buckets} - known
        if not value:
            self.correct(wallet, {bucket: -1}, f"{key} emptied", at, kind)
        return Place(bucket, kind, step_of(balance))

    def correct(self, wallet: str, moved: dict[int, int], key: str, at: Instant, kind: str = "") -> None:
        """An operator's correction of some buckets, in one request."""
        kinds = {one.bucket: one.balance_type for one in self._places[wallet].values()}
        lines = tuple(
            Line(kinds.get(bucket, kind), value, bucket=bucket, adjust=True) for bucket, value in moved.items() if value
        )
        done = self._asks.ask(Recharge(CLIENT, wallet, key, Amount(0, UNIT), "cash", lines=lines), at)
        assert isinstance(done, Posted), done

    def place(self, wallet: str, balance: str) -> Place:
        """The bucket of the balance of this id, whatever its type."""
        return next(one for name, one in self._places[wallet].items() if name.partition("/")[2] == balance)

    def view(self, wallet: str, at: Instant) -> WalletView:
        """The wallet as an operator sees it."""
        seen = self._asks.ask(Inspect(CLIENT, wallet), at)
        assert isinstance(seen, WalletView), seen
        return seen

    def balances(self, at: Instant) -> Fact:
        """What is free, by account and balance; `*voice` without an id is the sum of its type."""
        return {name: self._balances(name, at) for name in self._places}

    def _balances(self, wallet: str, at: Instant) -> dict[str, Any]:
        free = {one.id: one.value - one.held for one in self.view(wallet, at).buckets}
        found: dict[str, Any] = {}
        for name, place in self._places[wallet].items():
            value = free.get(place.bucket, 0) * place.step
            found[name] = value
            kind = name.partition("/")[0]
            found[kind] = found.get(kind, 0) + value
        if "*voice" in found:
            found["*voice (unexpired total)"] = found["*voice"]
        return found


def use_of(balance: Fact) -> Use | None:
    """What a balance may be used for; None: for anything."""
    factors = tuple((_SERVICES[name], _usage(name, factor)) for name, factor in balance.get("factor", {}).items())
    use = Use(
        tuple(balance.get("destinations", ())),
        tuple(balance.get("categories", ())),
        tuple(to_timing(one) for one in balance.get("timings", ())),
        balance.get("rating_subject", ""),
        factors,
        bool(balance.get("blocker")),
        bool(balance.get("disabled")),
        tuple(balance.get("shared_groups", ())),
    )
    return use if use != Use() else None


_SERVICES: Final = {"*voice": "voice", "*data": "data", "*sms": "message", "*mms": "mms", "*generic": "generic"}


def _usage(name: str, factor: object) -> int:
    """A factor, usage to a unit, as ours to a millionth of one."""
    usage = Decimal(str(factor)) / (1000 if name == "*voice" else 1) / _MILLIONTHS
    if usage != int(usage):
        raise ValueError(f"a factor of {factor} is finer than we count")
    return int(usage)


def _is_default(balance: Fact) -> bool:
    return (balance["type"], balance.get("id")) == ("*monetary", "*default")


def _steps(balance: Fact) -> int:
    value = balance["value"]
    amount = Decimal(duration(value)) if isinstance(value, str) else Decimal(value)
    return int(amount / step_of(balance))
