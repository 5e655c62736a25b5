"""The first schema: parties, carriers, tariffs, tasks, and the triggers that number and record every change.

Prices and amounts are decimal text. What a row's own columns can tell is checked here, so that plain SQL fails early.
"""

from alembic import op

revision = "0001"
down_revision = None

PARTIES = """
CREATE TABLE revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    database TEXT NOT NULL,
    who TEXT NOT NULL
) STRICT;
INSERT INTO revision VALUES (1, 0, lower(hex(randomblob(16))), 'sql');
CREATE TABLE audit (
    revision INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row TEXT NOT NULL,
    before TEXT,
    after TEXT
) STRICT;
CREATE TABLE units (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    decimals INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 12)
) STRICT;
CREATE TABLE tenants (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    unit TEXT NOT NULL REFERENCES units (name) ON UPDATE CASCADE,
    zone TEXT NOT NULL DEFAULT 'UTC'
) STRICT;
CREATE TABLE balance_types (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    unit TEXT NOT NULL REFERENCES units (name) ON UPDATE CASCADE,
    cascade_order INTEGER NOT NULL,
    UNIQUE (unit, cascade_order)
) STRICT;
CREATE TABLE clients (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    UNIQUE (tenant, name)
) STRICT;
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    tenant TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE,
    client TEXT,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    password TEXT NOT NULL DEFAULT '',
    ani TEXT UNIQUE CHECK (length(ani) BETWEEN 1 AND 64),
    tech_prefix TEXT NOT NULL DEFAULT '' CHECK (length(tech_prefix) <= 32),
    wallet TEXT NOT NULL CHECK (length(wallet) BETWEEN 1 AND 128),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 128),
    category TEXT NOT NULL DEFAULT 'call' CHECK (length(category) BETWEEN 1 AND 64),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    FOREIGN KEY (tenant, client) REFERENCES clients (tenant, name) ON UPDATE CASCADE
) STRICT;
CREATE TABLE account_addresses (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    cidr TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX account_addresses_account ON account_addresses (account);
CREATE TABLE gateways (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    cidr TEXT NOT NULL,
    secret TEXT NOT NULL DEFAULT '',
    secret2 TEXT NOT NULL DEFAULT '',
    protocols TEXT NOT NULL CHECK (length(protocols) > 0),
    require_message_authenticator INTEGER NOT NULL DEFAULT 0 CHECK (require_message_authenticator IN (0, 1)),
    CHECK (instr(protocols, 'radius') = 0 OR length(secret) > 0)
) STRICT;
CREATE TABLE carrier_plans (name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64)) STRICT;
CREATE TABLE carriers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    host TEXT NOT NULL CHECK (length(host) BETWEEN 1 AND 255),
    plan TEXT NOT NULL REFERENCES carrier_plans (name) ON UPDATE CASCADE,
    strip INTEGER NOT NULL DEFAULT 0 CHECK (strip BETWEEN 0 AND 32),
    add_prefix TEXT NOT NULL DEFAULT '' CHECK (length(add_prefix) <= 32),
    priority INTEGER NOT NULL DEFAULT 0,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1))
) STRICT;
CREATE TABLE carrier_rates (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL REFERENCES carrier_plans (name) ON UPDATE CASCADE,
    prefix TEXT NOT NULL CHECK (length(prefix) <= 64),
    price TEXT NOT NULL {price},
    UNIQUE (prefix, plan)
) STRICT"""

TARIFF = """
CREATE TABLE tariff_destinations (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 128),
    prefix TEXT NOT NULL CHECK (length(prefix) BETWEEN 1 AND 64),
    UNIQUE (prefix, plan, tag)
) STRICT;
CREATE TABLE tariff_timings (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 128),
    years TEXT NOT NULL DEFAULT '',
    months TEXT NOT NULL DEFAULT '',
    month_days TEXT NOT NULL DEFAULT '',
    week_days TEXT NOT NULL DEFAULT '',
    time TEXT NOT NULL,
    UNIQUE (plan, tag)
) STRICT;
CREATE TABLE tariff_rates (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 128),
    connect_fee TEXT NOT NULL {connect_fee},
    rate TEXT NOT NULL {rate},
    rate_unit TEXT NOT NULL,
    rate_increment TEXT NOT NULL,
    slot_start TEXT NOT NULL,
    UNIQUE (plan, tag, slot_start)
) STRICT;
CREATE TABLE tariff_destination_rates (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 128),
    destination TEXT NOT NULL,
    rate TEXT NOT NULL,
    rounding TEXT NOT NULL CHECK (rounding IN ('*up', '*down', '*middle')),
    decimals INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 12),
    max_cost TEXT NOT NULL {max_cost},
    max_cost_strategy TEXT NOT NULL CHECK (max_cost_strategy IN ('', '*free', '*disconnect')),
    UNIQUE (plan, tag, destination, rate)
) STRICT;
CREATE TABLE tariff_rating_plans (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 128),
    destination_rate TEXT NOT NULL,
    timing TEXT NOT NULL,
    weight TEXT NOT NULL {weight},
    UNIQUE (plan, tag, destination_rate, timing, weight)
) STRICT;
CREATE TABLE tariff_rating_profiles (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
    tenant TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE,
    category TEXT NOT NULL CHECK (length(category) BETWEEN 1 AND 64),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 128),
    activation TEXT NOT NULL,
    rating_plan TEXT NOT NULL,
    fallback TEXT NOT NULL DEFAULT '',
    UNIQUE (tenant, category, subject, activation)
) STRICT;
CREATE TABLE tasks (
    request_id TEXT PRIMARY KEY,
    plan TEXT NOT NULL,
    tenant TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE,
    wallet TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('*topup', '*topup_reset')),
    amount TEXT NOT NULL {amount},
    balance_type TEXT NOT NULL,
    expiry TEXT NOT NULL DEFAULT '',
    weight INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL,
    done_at TEXT
) STRICT"""

DECIMALS = ("price", "connect_fee", "rate", "max_cost", "weight", "amount")

AUDITED = {
    "units": ("name", "decimals"),
    "tenants": ("name", "unit", "zone"),
    "balance_types": ("name", "unit", "cascade_order"),
    "clients": ("id", "tenant", "name"),
    "accounts": (
        *("id", "tenant", "client", "name", "password", "ani", "tech_prefix", "wallet", "subject", "category"),
        "enabled",
    ),
    "account_addresses": ("id", "account", "cidr"),
    "gateways": ("id", "tenant", "name", "cidr", "secret", "secret2", "protocols", "require_message_authenticator"),
    "carrier_plans": ("name",),
    "carriers": ("id", "name", "host", "plan", "strip", "add_prefix", "priority", "enabled"),
    "carrier_rates": ("id", "plan", "prefix", "price"),
    "tariff_destinations": ("id", "plan", "tag", "prefix"),
    "tariff_timings": ("id", "plan", "tag", "years", "months", "month_days", "week_days", "time"),
    "tariff_rates": ("id", "plan", "tag", "connect_fee", "rate", "rate_unit", "rate_increment", "slot_start"),
    "tariff_destination_rates": (
        *("id", "plan", "tag", "destination", "rate", "rounding", "decimals", "max_cost", "max_cost_strategy"),
    ),
    "tariff_rating_plans": ("id", "plan", "tag", "destination_rate", "timing", "weight"),
    "tariff_rating_profiles": (
        *("id", "plan", "tenant", "category", "subject", "activation", "rating_plan", "fallback"),
    ),
}
"""Every column of every table whose change is a new revision."""

NAMED_BY = {"account_addresses": "account", "carrier_rates": "prefix", "tariff_destinations": "prefix"}
"""The column by which `audit.row` names a row: by what has to be compiled anew; else the first column."""

SECRETS = ("password", "secret", "secret2")


def upgrade() -> None:
    """Make everything."""
    checks = {name: _decimal_check(name) for name in DECIMALS}
    for statement in (PARTIES + ";" + TARIFF).format(**checks).split(";"):
        op.execute(statement)
    for table, columns in AUDITED.items():
        for trigger in _triggers(table, columns):
            op.execute(trigger)


def _decimal_check(column: str) -> str:
    return (
        f"CHECK (typeof({column}) = 'text' AND {column} GLOB '[0-9]*' AND {column} NOT GLOB '*[^0-9.]*'"
        f" AND {column} NOT GLOB '*.*.*' AND {column} NOT GLOB '*.' AND length({column}) <= 32)"
    )


def _triggers(table: str, columns: tuple[str, ...]) -> list[str]:
    """Insert, update and delete: the next revision, and its audit row. An update that changes nothing is none."""
    key = NAMED_BY.get(table, columns[0])
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
    moved = f"OLD.{key} IS NOT NEW.{key}"
    old, new = _json("OLD", columns), _json("NEW", columns)
    return [
        _trigger(table, "insert", "", _record(table, f"NEW.{key}", "NULL", new, "1")),
        _trigger(table, "delete", "", _record(table, f"OLD.{key}", old, "NULL", "1")),
        _trigger(
            table,
            "update",
            f"WHEN {changed}",
            _record(table, f"OLD.{key}", old, new, "1") + _record(table, f"NEW.{key}", old, new, moved),
        ),
    ]


def _trigger(table: str, event: str, condition: str, body: str) -> str:
    return f"CREATE TRIGGER {table}_{event} AFTER {event.upper()} ON {table} {condition} BEGIN {body} END"


def _record(table: str, row: str, before: str, after: str, condition: str) -> str:
    return (
        f"UPDATE revision SET number = number + 1 WHERE {condition};"
        " INSERT INTO audit (revision, at, who, table_name, row, before, after)"
        f" SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), who, '{table}', {row}, {before}, {after}"
        f" FROM revision WHERE {condition};"
    )


def _json(side: str, columns: tuple[str, ...]) -> str:
    """The row as JSON; of a secret only whether there is one."""
    return "json_object({})".format(
        ", ".join(
            f"'{column}', CASE {side}.{column} WHEN '' THEN '' ELSE '***' END"
            if column in SECRETS
            else f"'{column}', {side}.{column}"
            for column in columns
        )
    )
