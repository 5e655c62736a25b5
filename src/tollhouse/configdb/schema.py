"""The tables as queries name them. What makes and checks them is the history (`history/versions/`).

Prices, amounts and weights are decimal text; passwords and secrets are sealed (`secrets.SecretBox`).
`plan` in a tariff table is the import's name (its folder's): an import owns its rows, tags are its own.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, Text

METADATA = MetaData()


def _table(name: str, texts: str, integers: str = "") -> Table:
    columns = [Column(column, Text) for column in texts.split()]
    return Table(
        name, METADATA, *columns, *(Column(column, Integer, primary_key=column == "id") for column in integers.split())
    )


REVISION = _table("revision", "database who", "id number")
"""One row: the number of the last change, this database's random id, and who is changing (`sql`: plain SQL)."""
AUDIT = _table("audit", "at who table_name row before after", "revision")
"""Who changed what and when, before and after as JSON, by trigger; `row` names what has to be compiled anew."""

UNITS = _table("units", "name kind", "decimals")
TENANTS = _table("tenants", "name unit zone", "subject_prefixes")
BALANCE_TYPES = _table(
    "balance_types",
    "name unit service category limit_type minimum maximum maximum_policy period",
    "cascade_order deletable discount",
)
CLIENTS = _table("clients", "tenant name", "id")
ACCOUNTS = _table(
    "accounts", "tenant client name password ani tech_prefix wallet subject category legs request_type", "id enabled"
)
ACCOUNT_ADDRESSES = _table("account_addresses", "cidr", "id account")
GATEWAYS = _table("gateways", "tenant name cidr secret secret2 protocols", "id require_message_authenticator")
CARRIER_PLANS = _table("carrier_plans", "name")
CARRIERS = _table("carriers", "name host plan add_prefix", "id strip priority enabled")
CARRIER_RATES = _table("carrier_rates", "plan prefix price", "id")

PRODUCTS = _table("products", "tenant name initial preuse dormant terminated removed", "id max_sessions")
"""What wallets are sold as; periods as text (`90d`). Its parts name it by tenant and name."""
PROMOTIONS = _table("product_promotions", "tenant product balance_type amount lasts", "id")
BUCKET_PERIODS = _table("product_bucket_periods", "tenant product balance_type lasts", "id")
PRODUCT_CASCADES = _table("product_cascades", "tenant product service cascade", "id")
CASCADES = _table("cascades", "tenant name balance_type", "id position")
"""A row for each place in the order."""
BATCHES = _table("account_batches", "tenant name product expiry", "id active")
PARAMETERS = _table("parameters", "tenant name value", "id")
"""What a tenant sets of its rules (`snapshot.rules`); `docs/parameters.md` has them all."""
SHARED_GROUPS = _table("shared_groups", "plan tenant name wallet strategy rating_subject", "id")
"""In which order a group's members pay; `plan`: the import that the row belongs to, empty: none."""

NAMED_EVENTS = _table("named_events", "tenant event_class name product unit price", "id")
"""What events cost, a row for each unit; product empty: for all of the tenant's."""
PRODUCT_DISCOUNTS = _table(
    "product_discounts", "tenant product service years months month_days week_days starts ends percent", "id position"
)

DESTINATIONS = _table("tariff_destinations", "plan tag prefix", "id")
TIMINGS = _table("tariff_timings", "plan tag years months month_days week_days time", "id")
RATES = _table("tariff_rates", "plan tag connect_fee rate rate_unit rate_increment slot_start", "id")
DESTINATION_RATES = _table(
    "tariff_destination_rates", "plan tag destination rate rounding max_cost max_cost_strategy", "id decimals"
)
RATING_PLANS = _table("tariff_rating_plans", "plan tag destination_rate timing weight", "id")
RATING_PROFILES = _table("tariff_rating_profiles", "plan tenant category subject activation rating_plan fallback", "id")
IMPORTS = _table("tariff_imports", "plan pricing", "price_decimals")
"""How an import prices calls; one without a row is exact."""
KEY_CHECK = _table("key_check", "sealed", "id")
"""One row: a known text, sealed. Another key file does not open it."""

TASKS = _table(
    "tasks",
    "request_id plan tenant wallet action amount balance_type expiry done_at shared_groups",
    "weight position",
)
"""What a tariff folder says about money, for the engine to do once. No part of the revision."""
