"""A CSV file of the old platform's subscribers, read whole against what is configured; all that is wrong at once.

A line is a bucket of a wallet, and may name an account by which it is recognised; a wallet has as many lines as it has
buckets. Docs: docs/migration.md.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from tollhouse.configdb.changes import NewAccount
from tollhouse.configdb.rows import BalanceTypeRow
from tollhouse.values.commands import CreateWallet
from tollhouse.values.instants import LAST, Instant, parse_instant
from tollhouse.values.money import AmountError, parse_amount
from tollhouse.values.recharges import ExpiryPolicy, Line, Validity

CLIENT: Final = "import"
"""Who asks the engine for wallets that are brought over."""
OF_WALLET: Final = ("tenant", "product", "batch", "state", "credit_limit", "wallet_expiry")
"""Columns about the wallet: said on any of its lines, and nothing else on the others."""
OF_ACCOUNT: Final = ("ani", "password")
OF_BUCKET: Final = ("balance_type", "amount", "expiry", "start", "weight")
COLUMNS: Final = ("wallet", "account", *OF_WALLET, *OF_ACCOUNT, *OF_BUCKET)
STATES: Final = ("active", "preuse", "dormant", "suspended", "frozen")
"""The first is that of a wallet whose lines say none."""
_TIME: Final = "an ISO 8601 time such as 2027-01-31T00:00:00Z"
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_Bucket: TypeAlias = tuple[str, Instant, Instant, int]
"""Balance type, start, expiry, weight: lines that say the same are one bucket."""


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong: where, what stands there, and what was expected. Line 0: the file as a whole."""

    file: str
    line: int
    column: str
    value: str
    expected: str


class Newcomer(msgspec.Struct, frozen=True, gc=False):
    """A wallet to be made; `line`: the first that names it. `past`: dates that are over, which matters to a new one."""

    command: CreateWallet
    line: int
    past: tuple[Flaw, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """What lines may name. `tenants`: each with its unit; `decimals`: of each unit; `money`: the units that are;
    `batches`: each with its expiry, 0: never."""

    tenants: Mapping[str, str]
    decimals: Mapping[str, int]
    money: frozenset[str]
    kinds: Mapping[str, BalanceTypeRow]
    products: frozenset[tuple[str, str]]
    batches: Mapping[tuple[str, str], Instant]


class Subscribers(msgspec.Struct, frozen=True):
    """What a file says. `accounts` each with its line; `totals`: balance type to the sum of all its lines, in steps."""

    wallets: tuple[Newcomer, ...]
    accounts: tuple[tuple[int, NewAccount], ...]
    totals: Mapping[str, int]
    flaws: tuple[Flaw, ...]
    lines: int


@dataclass
class _Said:
    """What a wallet's or an account's lines said so far, each with its line."""

    line: int
    wallet: str = ""
    cells: dict[str, tuple[str, int]] = field(default_factory=dict)
    buckets: dict[_Bucket, tuple[int, int]] = field(default_factory=dict)
    past: list[Flaw] = field(default_factory=list)

    def text(self, column: str) -> str:
        return self.cells[column][0] if column in self.cells else ""

    def at(self, column: str) -> int:
        return self.cells[column][1] if column in self.cells else self.line


def read_subscribers(path: Path, name: str, known: Known, now: Instant) -> Subscribers:
    """The file's wallets and accounts, under the name of this import. Files that cannot be read are a flaw, too."""
    return _Reading(path, name, known, now).read()


def read_totals(path: Path, known: Known) -> tuple[dict[str, int], list[Flaw]]:
    """What the old platform says that it holds: columns balance_type and amount."""
    flaws: list[Flaw] = []
    totals: dict[str, int] = {}
    for line, cells in rows(path, ("balance_type", "amount"), ("balance_type", "amount"), flaws):
        kind = known.kinds.get(cells["balance_type"])
        if kind is None:
            flaws.append(Flaw(path.name, line, "balance_type", cells["balance_type"], "a balance type"))
        elif kind.name in totals:
            flaws.append(Flaw(path.name, line, "balance_type", kind.name, "each balance type once"))
        else:
            totals[kind.name] = 0
            try:
                totals[kind.name] = parse_amount(cells["amount"], known.decimals[kind.unit])
            except AmountError as trouble:
                flaws.append(Flaw(path.name, line, "amount", cells["amount"], f"a decimal number ({trouble})"))
    return totals, flaws


def rows(
    path: Path, columns: tuple[str, ...], required: tuple[str, ...], flaws: list[Flaw]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by their column, without spaces around them; what is no row is a flaw. Empty lines are none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            heading = [cell.strip() for cell in next(reader, [])]
            if wrong := _heading(path.name, heading, columns, required):
                flaws.extend(wrong)
                return
            end = reader.line_num
            for cells in reader:
                line, end = end + 1, reader.line_num
                if len(cells) == len(heading):
                    yield line, dict(zip(heading, map(str.strip, cells), strict=True))
                elif cells:
                    flaws.append(Flaw(path.name, line, "", str(len(cells)), f"{len(heading)} cells, as in the heading"))
    except OSError as trouble:
        flaws.append(Flaw(path.name, 0, "", str(path), f"a file that can be read ({trouble.strerror})"))
    except UnicodeDecodeError:
        flaws.append(Flaw(path.name, 0, "", "", "text in UTF-8"))
    except csv.Error as trouble:
        flaws.append(Flaw(path.name, reader.line_num, "", "", f"CSV as RFC 4180 has it ({trouble})"))


def _heading(file: str, heading: list[str], columns: tuple[str, ...], required: tuple[str, ...]) -> list[Flaw]:
    expected = f"columns of {', '.join(columns)}, each once"
    wrong = [Flaw(file, 1, name, name, expected) for name in heading if name not in columns]
    wrong += [Flaw(file, 1, name, name, expected) for name in columns if heading.count(name) > 1]
    return wrong + [Flaw(file, 1, name, "", "this column") for name in required if name not in heading]


class _Reading:
    """One file's way to wallets and accounts: first what every line says, then what comes of all lines of one."""

    def __init__(self, path: Path, name: str, known: Known, now: Instant) -> None:
        self._path = path
        self._name = name
        self._known = known
        self._now = now
        self._flaws: list[Flaw] = []
        self._wallets: dict[str, _Said] = {}
        self._accounts: dict[str, _Said] = {}

    def read(self) -> Subscribers:
        lines = 0
        for line, cells in rows(self._path, COLUMNS, ("wallet",), self._flaws):
            lines += 1
            self._line(line, cells)
        totals: dict[str, int] = {}
        for said in self._wallets.values():
            for (kind, *_), (amount, _line) in said.buckets.items():
                totals[kind] = totals.get(kind, 0) + amount
        wallets = tuple([self._wallet(name, said) for name, said in self._wallets.items()])
        accounts = tuple([(said.line, self._account(name, said)) for name, said in self._accounts.items()])
        self._same_ani(accounts)
        flaws = tuple(sorted(self._flaws, key=lambda flaw: flaw.line))
        return Subscribers(wallets, accounts, totals, flaws, lines)

    def _flaw(self, line: int, column: str, value: str, expected: str) -> None:
        self._flaws.append(Flaw(self._path.name, line, column, value, expected))

    def _line(self, line: int, cells: dict[str, str]) -> None:
        name, account = cells["wallet"], cells.get("account", "")
        for column, text in (("wallet", name), ("account", account)):
            if (text or column == "wallet") and _TEXT.fullmatch(text) is None:
                self._flaw(line, column, text, "a name of 1 to 128 characters, none of them a control character")
        said = self._wallets.setdefault(name, _Said(line))
        self._merge(said, cells, OF_WALLET, line)
        if account:
            owner = self._accounts.setdefault(account, _Said(line, name))
            if owner.wallet != name:
                self._flaw(line, "account", account, f"one wallet an account: line {owner.line} says {owner.wallet}")
            self._merge(owner, cells, OF_ACCOUNT, line)
        else:
            for column in OF_ACCOUNT:
                if cells.get(column):
                    self._flaw(line, column, _shown(column, cells[column]), "nothing, or an account beside it")
        self._bucket(said, cells, line)

    def _merge(self, said: _Said, cells: dict[str, str], columns: tuple[str, ...], line: int) -> None:
        for column in columns:
            text = cells.get(column, "")
            before = said.cells.setdefault(column, (text, line)) if text else None
            if before is not None and before[0] != text:
                self._flaw(line, column, _shown(column, text), f"the same as in line {before[1]}, or nothing")

    def _bucket(self, said: _Said, cells: dict[str, str], line: int) -> None:
        given = [column for column in OF_BUCKET if cells.get(column)]
        if not given:
            return
        kind = self._known.kinds.get(cells.get("balance_type", ""))
        if kind is None:
            self._flaw(line, "balance_type", cells.get("balance_type", ""), "a balance type that is configured")
        start, expiry = (self._date(line, column, cells.get(column, "")) for column in ("start", "expiry"))
        weight = self._read(line, "weight", cells.get("weight") or "0", _weight, "a whole number") or 0
        if expiry and start >= expiry:
            self._flaw(line, "start", cells["start"], "a time before the expiry")
        if 0 < expiry <= self._now:
            said.past.append(Flaw(self._path.name, line, "expiry", cells["expiry"], "a time to come"))
        if kind is None:
            return
        decimals = self._known.decimals[kind.unit]
        expected = f"a decimal number with at most {decimals} decimals"
        amount = self._read(
            line, "amount", cells.get("amount", ""), lambda text: parse_amount(text, decimals), expected
        )
        if amount is None:
            return
        if amount < 0 and (kind.name, kind.limit_type, start, expiry, weight) != ("cash", "credit", 0, 0, 0):
            only = "only cash without dates and weight may be, where its limit type is credit"
            self._flaw(line, "amount", cells["amount"], f"not below zero: {only}")
        bucket = (kind.name, start, expiry, weight)
        before, first = said.buckets.get(bucket, (0, line))
        said.buckets[bucket] = (before + amount, first)

    def _date(self, line: int, column: str, text: str) -> Instant:
        return self._read(line, column, text, _moment, _TIME) or 0 if text else 0

    def _read(self, line: int, column: str, text: str, read: Callable[[str], int], expected: str) -> int | None:
        try:
            return read(text)
        except (ValueError, OverflowError):
            self._flaw(line, column, text, expected)
            return None

    def _wallet(self, name: str, said: _Said) -> Newcomer:
        tenant = self._tenant(said)
        unit = self._known.tenants.get(tenant, "")
        limit = said.text("credit_limit") or "0"
        decimals = self._known.decimals.get(unit, 0)
        read = self._read(
            said.at("credit_limit"),
            "credit_limit",
            limit,
            lambda text: _not_below_zero(parse_amount(text, decimals)),
            f"a decimal number of zero or more with at most {decimals} decimals",
        )
        expiry = self._date(said.at("wallet_expiry"), "wallet_expiry", said.text("wallet_expiry"))
        if 0 < expiry <= self._now:
            at = said.at("wallet_expiry")
            flaw = Flaw(self._path.name, at, "wallet_expiry", said.text("wallet_expiry"), "a time to come")
            said.past.append(flaw)
        self._sold(said, tenant)
        for (kind, *_), (_amount, line) in said.buckets.items():
            counted = self._known.kinds[kind].unit
            if unit and counted in self._known.money and counted != unit:
                self._flaw(line, "balance_type", kind, f"money in {unit}, the tenant's unit; this is in {counted}")
        key = hashlib.sha256("\x1f".join((self._name, tenant, name)).encode()).hexdigest()[:32]
        command = CreateWallet(
            CLIENT,
            name,
            f"bring:{key}",
            unit,
            credit_limit=read or 0,
            tenant=tenant,
            product=said.text("product"),
            batch=said.text("batch"),
            lines=tuple([_as_line(bucket, amount) for bucket, (amount, _) in said.buckets.items() if amount]),
            state=said.text("state") or STATES[0],
            expiry=expiry,
        )
        return Newcomer(command, said.line, tuple(said.past))

    def _tenant(self, said: _Said) -> str:
        known = self._known.tenants
        tenant = said.text("tenant") or (next(iter(known)) if len(known) == 1 else "")
        if tenant not in known:
            self._flaw(said.at("tenant"), "tenant", tenant, f"one of {', '.join(sorted(known)) or 'none'}")
        return tenant

    def _sold(self, said: _Said, tenant: str) -> None:
        state = said.text("state") or STATES[0]
        if state not in STATES:
            self._flaw(said.at("state"), "state", state, f"one of {', '.join(STATES)}")
        if state == "preuse" and not (said.text("product") or said.text("batch")):
            self._flaw(said.at("state"), "state", state, "a product or a batch, which its first use will go by")
        for column, those in (("product", self._known.products), ("batch", self._known.batches)):
            text = said.text(column)
            if text and tenant in self._known.tenants and (tenant, text) not in those:
                self._flaw(said.at(column), column, text, f"a {column} of tenant {tenant}")
        batch = said.text("batch")
        if state == "preuse" and 0 < self._known.batches.get((tenant, batch), 0) <= self._now:
            expected = "a batch that has not expired: what is not used by then is terminated"
            said.past.append(Flaw(self._path.name, said.at("batch"), "batch", batch, expected))

    def _account(self, name: str, said: _Said) -> NewAccount:
        ani = said.text("ani")
        if len(ani) > 64:
            self._flaw(said.at("ani"), "ani", ani, "a calling number of at most 64 characters")
        owner = self._wallets[said.wallet]
        tenant = owner.text("tenant") or next(iter(self._known.tenants), "")
        return NewAccount(tenant, name, password=said.text("password"), ani=ani or None, wallet=said.wallet)

    def _same_ani(self, accounts: tuple[tuple[int, NewAccount], ...]) -> None:
        owners: dict[str, str] = {}
        for line, account in accounts:
            if account.ani and owners.setdefault(account.ani, account.name) != account.name:
                self._flaw(line, "ani", account.ani, f"one account a number: {owners[account.ani]} has this one")


def _as_line(bucket: _Bucket, amount: int) -> Line:
    kind, start, expiry, weight = bucket
    dated = Validity(ExpiryPolicy.ABSOLUTE, date=expiry) if expiry else Validity()
    return Line(kind, amount, dated, start=start, weight=weight, adjust=amount < 0)


def _shown(column: str, text: str) -> str:
    """A password is never told."""
    return "(not shown)" if column == "password" else text


def _moment(text: str) -> Instant:
    instant = parse_instant(text)
    if not 0 < instant <= LAST:
        raise ValueError("out of range")
    return instant


def _weight(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise ValueError("no whole number")
    return int(text)


def _not_below_zero(value: int) -> int:
    if value < 0:
        raise ValueError("below zero")
    return value
