"""The demo's configuration into an empty database: a tenant, a tariff, three subscribers, two carriers."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from tollhouse.configdb.changes import Change, NewAccount, NewGateway
from tollhouse.configdb.database import ConfigDatabase, ConfigError
from tollhouse.configdb.importing import load_folder
from tollhouse.configdb.rows import BalanceTypeRow, CarrierRow, NamedEventRow, TenantRow, UnitRow
from tollhouse.configdb.tariff_files import read_folder
from tollhouse.values.money import parse_amount


class _Tenant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    unit: str
    decimals: int
    zone: str


class _BalanceType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    order: int


class _Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    cidr: str
    secret: str
    protocols: tuple[str, ...]


class _Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    password: str
    opening: str
    credit_limit: str = "0"


class _Subscriber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    password: str
    opening: str


class _Carrier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    host: str
    priority: int
    prices: dict[str, str]


class _Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    event_class: str
    name: str
    price: str


class _Demo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`demo.toml`."""

    tenant: _Tenant
    balance_type: tuple[_BalanceType, ...]
    gateway: tuple[_Gateway, ...]
    account: tuple[_Account, ...]
    subscriber: _Subscriber
    carrier: tuple[_Carrier, ...]
    event: tuple[_Event, ...] = ()


class DemoWallet(msgspec.Struct, frozen=True, gc=False):
    """A wallet that the demo's subscribers need: opening money and credit limit in the unit's smallest steps."""

    name: str
    unit: str
    opening: int
    credit_limit: int
    tenant: str


def load_demo(database: ConfigDatabase, folder: Path, subscribers: int = 0) -> list[DemoWallet]:
    """Fill the database from `demo.toml` and `tariff/` in the folder, in one transaction, with 000001..N besides.

    ConfigError where the files are wrong or the database is not empty.
    """
    try:
        demo = msgspec.convert(tomllib.loads((folder / "demo.toml").read_text()), _Demo)
    except (OSError, ValueError) as trouble:
        raise ConfigError(f"{folder / 'demo.toml'}: {trouble}") from None
    accounts = [*demo.account, *_subscribers(demo.subscriber, subscribers)]
    with database.change("demo") as change:
        _add_tenant(change, demo)
        change.add_accounts([_new_account(demo.tenant.name, account) for account in accounts])
        _load_tariff(change, folder / "tariff")
    unit, decimals, tenant = demo.tenant.unit, demo.tenant.decimals, demo.tenant.name
    return [
        DemoWallet(
            name=account.name,
            unit=unit,
            opening=parse_amount(account.opening, decimals),
            credit_limit=parse_amount(account.credit_limit, decimals),
            tenant=tenant,
        )
        for account in accounts
    ]


def _subscribers(like: _Subscriber, count: int) -> list[_Account]:
    return [_Account(f"{number:06d}", like.password, like.opening) for number in range(1, count + 1)]


def _new_account(tenant: str, account: _Account) -> NewAccount:
    return NewAccount(tenant, account.name, client=tenant, password=account.password, ani=account.name)


def _add_tenant(change: Change, demo: _Demo) -> None:
    name, unit = demo.tenant.name, demo.tenant.unit
    change.add_unit(UnitRow(unit, demo.tenant.decimals))
    change.add_tenant(TenantRow(name, unit, demo.tenant.zone))
    change.add_client(name, name)
    for kind in demo.balance_type:
        change.add_balance_type(BalanceTypeRow(kind.name, unit, kind.order))
    change.add_sold(*(NamedEventRow(name, one.event_class, one.name, unit, one.price) for one in demo.event))
    for one in demo.gateway:
        change.add_gateway(NewGateway(name, one.name, one.cidr, one.protocols, one.secret))
    for carrier in demo.carrier:
        change.set_carrier_rates(carrier.name, list(carrier.prices.items()))
        change.add_carrier(CarrierRow(carrier.name, carrier.host, carrier.name, 0, "", carrier.priority, 1))


def _load_tariff(change: Change, path: Path) -> None:
    folder = read_folder(path)
    problems = load_folder(change, folder).problems
    if problems:
        raise ConfigError(f"{path}: " + "; ".join(map(str, problems)))
