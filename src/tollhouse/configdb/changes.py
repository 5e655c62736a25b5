"""Changes of the configuration, within the one transaction that `ConfigDatabase.change` opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import Connection, Table, select

from tollhouse.configdb import schema
from tollhouse.configdb.rows import (
    BalanceTypeRow,
    BatchRow,
    BucketPeriodRow,
    CarrierRow,
    CascadeRow,
    NamedEventRow,
    ParameterRow,
    ProductCascadeRow,
    ProductDiscountRow,
    ProductRow,
    PromotionRow,
    SharedGroupRow,
    TenantRow,
    UnitRow,
)
from tollhouse.configdb.secrets import SecretBox

Sold: TypeAlias = (
    ProductRow
    | PromotionRow
    | BucketPeriodRow
    | ProductCascadeRow
    | CascadeRow
    | BatchRow
    | ParameterRow
    | SharedGroupRow
    | NamedEventRow
    | ProductDiscountRow
)
"""A row of what wallets are sold as."""
_SOLD: Final[Mapping[type[Sold], Table]] = {
    ProductRow: schema.PRODUCTS,
    PromotionRow: schema.PROMOTIONS,
    BucketPeriodRow: schema.BUCKET_PERIODS,
    ProductCascadeRow: schema.PRODUCT_CASCADES,
    CascadeRow: schema.CASCADES,
    BatchRow: schema.BATCHES,
    ParameterRow: schema.PARAMETERS,
    SharedGroupRow: schema.SHARED_GROUPS,
    NamedEventRow: schema.NAMED_EVENTS,
    ProductDiscountRow: schema.PRODUCT_DISCOUNTS,
}


class NewAccount(msgspec.Struct, frozen=True, gc=False):
    """An account to add. `wallet` and `subject` are called like the account where they are not given.

    `legs`: accounts that are charged for its sessions, too. `request_type` of its sessions, as `RequestType` has them.
    """

    tenant: str
    name: str
    client: str | None = None
    password: str = ""
    ani: str | None = None
    addresses: tuple[str, ...] = ()
    tech_prefix: str = ""
    wallet: str = ""
    subject: str = ""
    category: str = "call"
    enabled: bool = True
    legs: tuple[str, ...] = ()
    request_type: str = "prepaid"


class NewGateway(msgspec.Struct, frozen=True, gc=False):
    """A gateway to add; protocols: radius, diameter, sip."""

    tenant: str
    name: str
    cidr: str
    protocols: tuple[str, ...]
    secret: str = ""
    secret2: str = ""
    require_message_authenticator: bool = False


class Change:
    """One open transaction. What SQL refuses leaves `ConfigDatabase.change` as ConfigError, and nothing is changed."""

    def __init__(self, connection: Connection, secrets: SecretBox) -> None:
        self.connection = connection
        self._secrets = secrets

    def add_unit(self, unit: UnitRow) -> None:
        self.connection.execute(schema.UNITS.insert(), msgspec.structs.asdict(unit))

    def add_tenant(self, tenant: TenantRow) -> None:
        self.connection.execute(schema.TENANTS.insert(), msgspec.structs.asdict(tenant))

    def add_balance_type(self, balance_type: BalanceTypeRow) -> None:
        self.connection.execute(schema.BALANCE_TYPES.insert(), msgspec.structs.asdict(balance_type))

    def add_sold(self, *rows: Sold) -> None:
        """Products, their parts, cascades, batches, parameters: each into its table, what is referred to first."""
        for row in rows:
            self.connection.execute(_SOLD[type(row)].insert(), msgspec.structs.asdict(row))

    def set_cascade(self, tenant: str, name: str, balance_types: Sequence[str]) -> None:
        """The tenant's cascade of this name is these balance types in this order; none: it is gone."""
        table = schema.CASCADES
        self.connection.execute(table.delete().where(table.c.tenant == tenant, table.c.name == name))
        self.add_sold(*(CascadeRow(tenant, name, place, kind) for place, kind in enumerate(balance_types, 1)))

    def set_parameter(self, tenant: str, name: str, value: str | None) -> None:
        """The tenant's parameter has this value; None: the default holds. An equal one is no change."""
        table = schema.PARAMETERS
        own = (table.c.tenant == tenant) & (table.c.name == name)
        if value is None:
            self.connection.execute(table.delete().where(own))
        elif not self.connection.execute(table.update().where(own).values(value=value)).rowcount:
            self.add_sold(ParameterRow(tenant, name, value))

    def add_client(self, tenant: str, name: str) -> None:
        self.connection.execute(schema.CLIENTS.insert(), {"tenant": tenant, "name": name})

    def add_gateway(self, gateway: NewGateway) -> None:
        row = msgspec.structs.asdict(gateway)
        row["protocols"] = ",".join(gateway.protocols)
        row["secret"] = self._secrets.seal(gateway.secret)
        row["secret2"] = self._secrets.seal(gateway.secret2)
        self.connection.execute(schema.GATEWAYS.insert(), row)

    def add_account(self, account: NewAccount) -> None:
        self.add_accounts([account])

    def add_accounts(self, accounts: Iterable[NewAccount]) -> None:
        """Many at once. Equal passwords are sealed once."""
        sealed: dict[str, str] = {}
        rows = []
        for account in accounts:
            if account.password not in sealed:
                sealed[account.password] = self._secrets.seal(account.password)
            row = msgspec.structs.asdict(account)
            del row["addresses"]
            row["legs"] = ";".join(account.legs)
            row["password"] = sealed[account.password]
            row["wallet"] = account.wallet or account.name
            row["subject"] = account.subject or account.name
            if account.addresses:
                self._add_with_addresses(row, account.addresses)
            else:
                rows.append(row)
        if rows:
            self.connection.execute(schema.ACCOUNTS.insert(), rows)

    def add_carrier(self, carrier: CarrierRow) -> None:
        """A carrier; its plan is to exist (`set_carrier_rates` makes it)."""
        self.connection.execute(schema.CARRIERS.insert(), msgspec.structs.asdict(carrier))

    def set_carrier_rates(self, plan: str, prices: Sequence[tuple[str, str]]) -> None:
        """The plan's prefixes and prices per minute (decimal text) are these, and no others."""
        rates = schema.CARRIER_RATES
        plans = schema.CARRIER_PLANS
        if self.connection.execute(select(plans.c.name).where(plans.c.name == plan)).first() is None:
            self.connection.execute(plans.insert(), {"name": plan})
        self.connection.execute(rates.delete().where(rates.c.plan == plan))
        rows = [{"plan": plan, "prefix": prefix, "price": price} for prefix, price in prices]
        if rows:
            self.connection.execute(rates.insert(), rows)

    def _add_with_addresses(self, row: dict[str, object], addresses: tuple[str, ...]) -> None:
        key = self.connection.execute(schema.ACCOUNTS.insert(), row).inserted_primary_key
        number = key[0] if key else None
        blocks = [{"account": number, "cidr": cidr} for cidr in addresses]
        self.connection.execute(schema.ACCOUNT_ADDRESSES.insert(), blocks)
