"""The configuration as rows, or what of it changed after a revision. Within one transaction: one moment's."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Table, func, select

from tollhouse.configdb import schema
from tollhouse.configdb.rows import (
    AccountRow,
    BalanceTypeRow,
    BatchRow,
    BucketPeriodRow,
    CarrierRateRow,
    CarrierRow,
    CascadeRow,
    GatewayRow,
    LostAddressRow,
    NamedEventRow,
    ParameterRow,
    Parties,
    ProductCascadeRow,
    ProductDiscountRow,
    ProductRow,
    Products,
    PromotionRow,
    Rows,
    SharedGroupRow,
    TenantRow,
    UnitRow,
)
from tollhouse.configdb.tariff_reading import FEW, TariffReading, all_rows, fields, structs

_PARTIES: Final = frozenset({"units", "tenants", "balance_types", "clients", "gateways"})
_PRODUCTS: Final = frozenset(
    {
        *("units", "tenants", "balance_types", "products", "product_promotions", "product_bucket_periods"),
        *("product_cascades", "cascades", "account_batches", "parameters", "shared_groups"),
        *("named_events", "product_discounts"),
    }
)
"""What wallets are sold as, and what that refers to."""

T = TypeVar("T", bound=msgspec.Struct)


class Reading:
    """Reads within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows_since(self, database: str, revision: int) -> Rows:
        mark = self._connection.execute(select(schema.REVISION.c.database, schema.REVISION.c.number)).one()
        changed = self._changed_tables(revision)
        whole = database != mark[0] or revision < 0 or sum(changed.values()) != mark[1] - revision
        if whole:
            changed = dict.fromkeys(schema.METADATA.tables, FEW + 1)
        accounts = None if {"tenants", "clients"} & changed.keys() else self._few("accounts", changed, revision)
        blocks = self._few("account_addresses", changed, revision)
        account_ids = None if accounts is None or blocks is None else frozenset(int(row) for row in accounts | blocks)
        others = {"carriers", "carrier_plans"} & changed.keys()
        carrier_prefixes = None if others else self._few("carrier_rates", changed, revision)
        tariffs = TariffReading(self._connection, changed, revision)
        return Rows(
            database=mark[0],
            revision=mark[1],
            parties=self.parties(),
            parties_changed=bool(_PARTIES & changed.keys()),
            products=self._products() if _PRODUCTS & changed.keys() else None,
            plans=tariffs.plans(),
            accounts=self._accounts(account_ids),
            account_ids=account_ids,
            lost_addresses=self._lost_addresses(account_ids),
            carriers=all_rows(self._connection, schema.CARRIERS, CarrierRow),
            carrier_plans=frozenset(self._connection.execute(select(schema.CARRIER_PLANS.c.name)).scalars()),
            carrier_rates=self._by_prefix(schema.CARRIER_RATES, CarrierRateRow, carrier_prefixes),
            carrier_prefixes=carrier_prefixes,
            destinations=tariffs.destinations,
            destination_prefixes=tariffs.prefixes,
        )

    def _changed_tables(self, revision: int) -> dict[str, int]:
        audit = schema.AUDIT.c
        query = select(audit.table_name, func.count()).where(audit.revision > revision).group_by(audit.table_name)
        return dict(self._connection.execute(query).all())

    def _few(self, table: str, changed: dict[str, int], revision: int) -> frozenset[str] | None:
        """What names the table's changed rows; None where they are many."""
        count = changed.get(table, 0)
        if count > FEW or not count:
            return None if count else frozenset()
        audit = schema.AUDIT.c
        query = select(audit.row).where(audit.revision > revision, audit.table_name == table)
        return frozenset(self._connection.execute(query).scalars())

    def parties(self) -> Parties:
        clients = self._connection.execute(select(schema.CLIENTS.c.tenant, schema.CLIENTS.c.name))
        return Parties(
            units=all_rows(self._connection, schema.UNITS, UnitRow),
            tenants=all_rows(self._connection, schema.TENANTS, TenantRow),
            balance_types=all_rows(self._connection, schema.BALANCE_TYPES, BalanceTypeRow),
            clients=tuple([(tenant, name) for tenant, name in clients]),
            gateways=all_rows(self._connection, schema.GATEWAYS, GatewayRow),
        )

    def _products(self) -> Products:
        return Products(
            products=all_rows(self._connection, schema.PRODUCTS, ProductRow),
            promotions=all_rows(self._connection, schema.PROMOTIONS, PromotionRow),
            bucket_periods=all_rows(self._connection, schema.BUCKET_PERIODS, BucketPeriodRow),
            product_cascades=all_rows(self._connection, schema.PRODUCT_CASCADES, ProductCascadeRow),
            cascades=all_rows(self._connection, schema.CASCADES, CascadeRow),
            batches=all_rows(self._connection, schema.BATCHES, BatchRow),
            parameters=all_rows(self._connection, schema.PARAMETERS, ParameterRow),
            shared_groups=all_rows(self._connection, schema.SHARED_GROUPS, SharedGroupRow),
            named_events=all_rows(self._connection, schema.NAMED_EVENTS, NamedEventRow),
            product_discounts=all_rows(self._connection, schema.PRODUCT_DISCOUNTS, ProductDiscountRow),
        )

    def _accounts(self, ids: frozenset[int] | None) -> tuple[AccountRow, ...] | None:
        if ids is not None and not ids:
            return None
        table, addresses = schema.ACCOUNTS, schema.ACCOUNT_ADDRESSES
        query = select(*(table.c[field] for field in AccountRow.__struct_fields__ if field != "addresses"))
        blocks = select(addresses.c.account, addresses.c.cidr)
        if ids is not None:
            query = query.where(table.c.id.in_(ids))
            blocks = blocks.where(addresses.c.account.in_(ids))
        held: dict[int, list[str]] = {}
        for account, cidr in self._connection.execute(blocks):
            held.setdefault(account, []).append(cidr)
        rows = structs(self._connection, query, AccountRow)
        return tuple([replace(row, addresses=tuple(held[row.id])) if row.id in held else row for row in rows])

    def _lost_addresses(self, ids: frozenset[int] | None) -> tuple[LostAddressRow, ...]:
        if ids is not None and not ids:
            return ()
        addresses = schema.ACCOUNT_ADDRESSES
        query = fields(addresses, LostAddressRow).where(addresses.c.account.not_in(select(schema.ACCOUNTS.c.id)))
        return structs(
            self._connection, query if ids is None else query.where(addresses.c.account.in_(ids)), LostAddressRow
        )

    def _by_prefix(self, table: Table, kind: type[T], prefixes: frozenset[str] | None) -> tuple[T, ...] | None:
        if prefixes is not None and not prefixes:
            return None
        query = fields(table, kind)
        return structs(self._connection, query if prefixes is None else query.where(table.c.prefix.in_(prefixes)), kind)
