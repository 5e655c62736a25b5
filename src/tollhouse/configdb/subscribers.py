"""Subscribers brought over from another platform: what their file may name, and their accounts into the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from tollhouse.configdb import schema
from tollhouse.configdb.bulk import BULK, recorded_at_once
from tollhouse.configdb.changes import NewAccount
from tollhouse.configdb.database import ConfigDatabase, ConfigError
from tollhouse.configdb.reading import Reading
from tollhouse.configdb.subscriber_files import Flaw, Known, Newcomer, read_subscribers, read_totals
from tollhouse.configdb.tariff_values import moment
from tollhouse.values.instants import Instant
from tollhouse.values.money import format_amount


class Balance(msgspec.Struct, frozen=True):
    """A balance type's total, in steps of its unit: before the cut-over."""

    balance_type: str
    unit: str
    decimals: int
    before: int


class Arrival(msgspec.Struct, frozen=True):
    """A file that was read: what is to be made. With flaws, nothing of it.

    `accounts`: those that are not there yet; `accounts_known`: how many are.
    """

    lines: int
    wallets: tuple[Newcomer, ...]
    accounts: tuple[NewAccount, ...]
    accounts_known: int
    balances: tuple[Balance, ...]
    flaws: tuple[Flaw, ...]


def read_arrival(database: ConfigDatabase, path: Path, totals: Path | None, name: str, now: Instant) -> Arrival:
    """The subscribers of the file, and what their totals were by the old platform's own word, or by the file.

    ConfigError where the database can't be read.
    """
    try:
        with database.engine.connect() as connection, connection.begin():
            known = _known(connection)
            table = schema.ACCOUNTS.c
            held = connection.execute(select(table.name, table.tenant, table.wallet, table.ani)).all()
    except SQLAlchemyError as trouble:
        raise ConfigError(f"config database {database.path}: {trouble}") from None
    read = read_subscribers(path, name, known, now)
    flaws = list(read.flaws)
    accounts = {row[0]: (row[1], row[2], row[3]) for row in held}
    anis = {row[3]: row[0] for row in held if row[3]}
    fresh: list[NewAccount] = []
    for line, account in read.accounts:
        there = accounts.get(account.name)
        flaws += _taken(path.name, line, account, there, anis)
        if there is None:
            fresh.append(account)
    before: dict[str, int] = dict(read.totals)
    if totals is not None:
        told, wrong = read_totals(totals, known)
        flaws += wrong
        if not flaws:
            flaws += _differences(totals.name, told, read.totals, known)
        before = told
    balances = tuple([_balance(kind, before[kind], known) for kind in sorted(before)])
    return Arrival(read.lines, read.wallets, tuple(fresh), len(read.accounts) - len(fresh), balances, tuple(flaws))


def add_accounts(database: ConfigDatabase, accounts: Sequence[NewAccount], name: str, who: str) -> None:
    """All of them, or none. ConfigError where the database refuses."""
    if not accounts:
        return
    with database.change(who) as change:
        many = len(accounts) >= BULK
        at_once = recorded_at_once(change.connection, schema.ACCOUNTS, name, len(accounts), 0)
        with at_once if many else nullcontext():
            change.add_accounts(accounts)


def _known(connection: Connection) -> Known:
    parties, products, batches = Reading(connection).parties(), schema.PRODUCTS.c, schema.BATCHES.c
    return Known(
        tenants={row.name: row.unit for row in parties.tenants},
        decimals={row.name: row.decimals for row in parties.units},
        money=frozenset(row.name for row in parties.units if row.kind == "money"),
        kinds={row.name: row for row in parties.balance_types},
        products=frozenset((one, name) for one, name in connection.execute(select(products.tenant, products.name))),
        batches={
            (tenant, name): _expiry(text)
            for tenant, name, text in connection.execute(select(batches.tenant, batches.name, batches.expiry))
        },
    )


def _expiry(text: str) -> Instant:
    """A batch's, 0: never; what plain SQL wrote and is no time is not in force, and no business of this file."""
    try:
        return moment(text) if text else 0
    except ValueError:
        return 0


def _taken(
    file: str, line: int, account: NewAccount, there: tuple[str, str, str | None] | None, anis: dict[str, str]
) -> list[Flaw]:
    """Whether the account, or its calling number, is another subscriber's."""
    if there is not None and there[:2] != (account.tenant, account.wallet):
        return [
            Flaw(file, line, "account", account.name, f"a new one: it is wallet {there[1]}'s, of tenant {there[0]}")
        ]
    if account.ani and anis.get(account.ani, account.name) != account.name:
        return [Flaw(file, line, "ani", account.ani, f"a free number: account {anis[account.ani]} has it")]
    if there is not None and account.ani and account.ani != there[2]:
        return [Flaw(file, line, "ani", account.ani, f"{there[2] or 'nothing'}, as the account that is there has it")]
    return []


def _differences(file: str, told: Mapping[str, int], sums: Mapping[str, int], known: Known) -> list[Flaw]:
    """Where the old platform's totals are not what the file comes to: it is not the whole of it, or more."""
    found = []
    for kind in sorted(told.keys() | sums.keys()):
        decimals = known.decimals[known.kinds[kind].unit]
        if told.get(kind, 0) != sums.get(kind, 0):
            said = format_amount(told[kind], decimals) if kind in told else ""
            expected = f"{format_amount(sums.get(kind, 0), decimals)} of {kind}, which the subscribers' file comes to"
            found.append(Flaw(file, 0, "amount", said, expected))
    return found


def _balance(kind: str, before: int, known: Known) -> Balance:
    unit = known.kinds[kind].unit
    return Balance(kind, unit, known.decimals[unit], before)
