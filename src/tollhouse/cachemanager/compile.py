"""Rows of the config database to edits of the snapshot. Pure; every fault is reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from tollhouse.cachemanager.faults import Fault, Faults
from tollhouse.cachemanager.plans import compile_plans
from tollhouse.cachemanager.products import MONEY, compile_balance_types, compile_products
from tollhouse.cachemanager.sheets import compile_destinations, sheets
from tollhouse.configdb.rows import AccountRow, CarrierRow, GatewayRow, Parties, Plans, Rows
from tollhouse.configdb.rule_values import zone
from tollhouse.configdb.tariff_values import prefix as checked_prefix
from tollhouse.configdb.tariff_values import scaled
from tollhouse.snapshot.accounts import Account, CarrierRate, Gateway, Tenant
from tollhouse.store import snapshot as tables
from tollhouse.store.snapshot import AccountEntry, Edit
from tollhouse.values.commands import RequestType
from tollhouse.values.money import Unit

PROTOCOLS = ("radius", "diameter", "sip")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
LEGS_MAX = 8
"""Accounts that one session may be charged to beside its own."""
_PACK = msgspec.msgpack.Encoder().encode

Unseal = Callable[[str], bytes]
"""A sealed text to the secret; SecretError."""
Published = Callable[[int], AccountEntry | None]
"""An account, by its row id, as the snapshot holds it."""


class Compiled(msgspec.Struct, frozen=True):
    """The edits, to be published only where there is no fault."""

    edits: tuple[Edit, ...]
    faults: tuple[Fault, ...]


def compile_rows(rows: Rows, unseal: Unseal, published: Published) -> Compiled:
    """What of the configuration changed, as edits."""
    faults = Faults()
    edits: list[Edit] = []
    if rows.parties_changed:
        edits += _parties(rows.parties, unseal, faults)
    if rows.products is not None:
        edits += compile_products(rows.products, rows.parties, faults)
    if rows.accounts is not None:
        edits += _accounts(rows, rows.accounts, unseal, published, faults)
    if rows.carrier_rates is not None:
        edits.append(_carriers(rows, faults))
    if rows.plans is not None:
        edits += _tariffs(rows, rows.plans, faults)
    for edit in edits:
        for key, value in edit.rows.items():
            if value is not None and len(key) > tables.KEY_MAX:
                faults.add("snapshot", repr(key[:40]), "", "the names together are too long")
    return Compiled(tuple(edits), tuple(faults.found))


def _tariffs(rows: Rows, plans: Plans, faults: Faults) -> list[Edit]:
    priced = sheets(plans.destination_rates)
    edits = compile_plans(plans, priced, rows.parties, faults)
    if rows.destinations is None:
        return edits
    return [compile_destinations(rows.destinations, rows.destination_prefixes, priced, faults), *edits]


def _parties(parties: Parties, unseal: Unseal, faults: Faults) -> list[Edit]:
    kinds = {unit.name: unit.kind for unit in parties.units}
    for tenant in parties.tenants:
        kind = kinds.get(tenant.unit)
        faults.need(kind is not None, "tenants", tenant.name, "unit", f"there is no unit {tenant.unit}")
        faults.need(kind in (None, MONEY), "tenants", tenant.name, "unit", f"{tenant.unit} is no money, it is {kind}")
        faults.read("tenants", tenant.name, "zone", zone, tenant.zone)
    return [
        _whole(
            tables.TENANT,
            (
                (tables.text_key(tables.TENANT, one.name), _PACK(Tenant(one.name, bool(one.subject_prefixes))))
                for one in parties.tenants
            ),
        ),
        _whole(
            tables.UNIT,
            ((tables.text_key(tables.UNIT, one.name), _PACK(Unit(one.name, one.decimals))) for one in parties.units),
        ),
        compile_balance_types(parties, faults),
        _gateways(parties, unseal, faults),
    ]


def _block(cidr: str) -> IPv4Network | IPv6Network:
    """The block, which must be written in its one canonical way, so that SQL's UNIQUE means what it says."""
    block = ip_network(cidr)
    if str(block) != cidr:
        raise ValueError(f"{cidr!r} is to be written {block}")
    return block


def _gateways(parties: Parties, unseal: Unseal, faults: Faults) -> Edit:
    tenants = {tenant.name for tenant in parties.tenants}
    rows: dict[bytes, bytes | None] = {}
    owners: dict[bytes, str] = {}
    for row in parties.gateways:
        faults.need(row.tenant in tenants, "gateways", row.name, "tenant", f"there is no tenant {row.tenant}")
        block = faults.read("gateways", row.name, "cidr", _block, row.cidr)
        gateway = _gateway(row, unseal, faults)
        if block is None or gateway is None:
            continue
        for protocol in gateway.protocols:
            key = tables.block_key(tables.gateway_table(protocol), block)
            if key in rows:
                faults.add("gateways", row.name, "cidr", f"{row.cidr} is {owners[key]}'s already for {protocol}")
            rows[key] = _PACK(gateway)
            owners[key] = row.name
    return Edit(tables.GATEWAY, rows, True)


def _gateway(row: GatewayRow, unseal: Unseal, faults: Faults) -> Gateway | None:
    protocols = tuple(row.protocols.split(","))
    for protocol in protocols:
        faults.need(protocol in PROTOCOLS, "gateways", row.name, "protocols", f"unknown protocol {protocol!r}")
    secret = faults.read("gateways", row.name, "secret", unseal, row.secret)
    secret2 = faults.read("gateways", row.name, "secret2", unseal, row.secret2)
    if secret is None or secret2 is None:
        return None
    faults.need(bool(secret) or "radius" not in protocols, "gateways", row.name, "secret", "RADIUS needs a secret")
    must = bool(row.require_message_authenticator)
    return Gateway(row.name, row.tenant, row.cidr, secret, secret2, protocols, must)


def _accounts(
    rows: Rows, accounts: Iterable[AccountRow], unseal: Unseal, published: Published, faults: Faults
) -> list[Edit]:
    """Four tables at once; of accounts that are not whole tables, what they were found by before goes first."""
    found: dict[bytes, dict[bytes, bytes | None]] = {
        table: {} for table in (tables.ACCOUNT, tables.ACCOUNT_NAME, tables.ACCOUNT_ANI, tables.ACCOUNT_BLOCK)
    }
    for number in rows.account_ids or ():
        before = published(number) if number > 0 else None
        if before is not None:
            for key in _account_keys(number, before):
                found[key[:1]][key] = None
    for lost in rows.lost_addresses:
        faults.add("account_addresses", lost.cidr, "account", f"there is no account with the id {lost.account}")
    tenants = {tenant.name for tenant in rows.parties.tenants}
    clients = frozenset(rows.parties.clients)
    for row in accounts:
        faults.need(row.tenant in tenants, "accounts", row.name, "tenant", f"there is no tenant {row.tenant}")
        known = row.client is None or (row.tenant, row.client) in clients
        faults.need(known, "accounts", row.name, "client", f"there is no client {row.client}")
        entry = _account(row, unseal, faults)
        if entry is not None:
            first, *others = _account_keys(row.id, entry)
            found[tables.ACCOUNT][first] = _PACK(entry)
            for key in others:
                found[key[:1]][key] = first[1:]
    return [Edit(table, edits, rows.account_ids is None) for table, edits in found.items()]


def _account(row: AccountRow, unseal: Unseal, faults: Faults) -> AccountEntry | None:
    blocks = [faults.read("account_addresses", row.name, "cidr", _block, cidr) for cidr in row.addresses]
    password = faults.read("accounts", row.name, "password", unseal, row.password)
    if password is None or None in blocks:
        return None
    account = Account(
        name=row.name,
        tenant=row.tenant,
        client=row.client or "",
        wallet=row.wallet,
        subject=row.subject,
        category=row.category,
        password=password,
        tech_prefix=row.tech_prefix,
        enabled=bool(row.enabled),
        legs=faults.read("accounts", row.name, "legs", _legs, row) or (),
        request_type=faults.read("accounts", row.name, "request_type", RequestType, row.request_type)
        or RequestType.PREPAID,
    )
    return AccountEntry(account, row.ani or "", row.addresses)


def _legs(row: AccountRow) -> tuple[str, ...]:
    """Whether an account of the name is there shows when it is charged."""
    names = tuple([name.strip() for name in row.legs.split(";")]) if row.legs.strip() else ()
    if "" in names or row.name in names or len(set(names)) < len(names) or len(names) > LEGS_MAX:
        raise ValueError(f"{row.legs!r} is no list of at most {LEGS_MAX} other accounts, separated by ;")
    return names


def _account_keys(number: int, entry: AccountEntry) -> list[bytes]:
    """The account's own key, then those by which it is found."""
    keys = [tables.account_key(number), tables.text_key(tables.ACCOUNT_NAME, entry.account.name)]
    if entry.ani:
        keys.append(tables.text_key(tables.ACCOUNT_ANI, entry.ani))
    return keys + [tables.block_key(tables.ACCOUNT_BLOCK, ip_network(cidr)) for cidr in entry.cidrs]


def _carriers(rows: Rows, faults: Faults) -> Edit:
    """Prefix-major: at a prefix, what each enabled carrier asks."""
    takers: dict[str, list[CarrierRow]] = {}
    for carrier in rows.carriers:
        known = f"there is no carrier plan {carrier.plan}"
        faults.need(carrier.plan in rows.carrier_plans, "carriers", carrier.name, "plan", known)
        faults.read("carriers", carrier.name, "host", _host, carrier.host)
        faults.read("carriers", carrier.name, "add_prefix", _digits, carrier.add_prefix)
        if carrier.enabled:
            takers.setdefault(carrier.plan, []).append(carrier)
    found: dict[str, list[CarrierRate]] = {}
    for row in rows.carrier_rates or ():
        where = f"{row.plan} {row.prefix}"
        known = f"there is no carrier plan {row.plan}"
        faults.need(row.plan in rows.carrier_plans, "carrier_rates", where, "plan", known)
        faults.read("carrier_rates", where, "prefix", _digits, row.prefix)
        price = faults.read("carrier_rates", where, "price", scaled, row.price, 9)
        for one in takers.get(row.plan, ()):
            rate = CarrierRate(one.name, one.host, one.strip, one.add_prefix, price or 0, one.priority)
            found.setdefault(row.prefix, []).append(rate)
    packed = {
        tables.text_key(tables.CARRIER, prefix): _PACK(sorted(rates, key=lambda rate: rate.carrier))
        for prefix, rates in found.items()
    }
    return _partly(tables.CARRIER, packed, rows.carrier_prefixes)


def _host(text: str) -> None:
    """A host, with a port perhaps: it goes into SIP's Contact as it stands."""
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r} is no host (name, address or [IPv6 address], and :port)")


def _digits(text: str) -> None:
    if text:
        checked_prefix(text)


def _partly(table: bytes, packed: dict[bytes, bytes], prefixes: frozenset[str] | None) -> Edit:
    """The edit of a table by prefix: whole, or of just these prefixes, of which those without a row go."""
    if prefixes is None:
        return Edit(table, packed, True)
    keys = [tables.text_key(table, prefix) for prefix in prefixes]
    return Edit(table, {key: packed.get(key) for key in keys}, False)


def _whole(table: bytes, rows: Iterable[tuple[bytes, bytes]]) -> Edit:
    return Edit(table, dict(rows), True)
