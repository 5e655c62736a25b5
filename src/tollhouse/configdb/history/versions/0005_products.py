"""What wallets are sold as: kinds of units, what balance types are for, products, batches, cascades, parameters.

Periods, amounts and parameters are text, read where they are compiled: a wrong one is named there, with its row. A
product takes its parts along when it goes, by a trigger, for SQLite keeps to foreign keys only where a connection asks.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

SIGNED = (
    "CHECK (length({0}) <= 32 AND ltrim({0}, '-') GLOB '[0-9]*' AND {0} NOT GLOB '?*-*' AND {0} NOT GLOB '*.'"
    " AND {0} NOT GLOB '*.*.*' AND {0} NOT GLOB '*[^0-9.-]*')"
)
COLUMNS = {
    "accounts": ["legs TEXT NOT NULL DEFAULT '' CHECK (length(legs) <= 1000)"],
    "units": ["kind TEXT NOT NULL DEFAULT 'money' CHECK (kind IN ('money', 'time', 'data', 'count'))"],
    "balance_types": [
        "service TEXT NOT NULL DEFAULT '' CHECK (service IN ('', 'voice', 'data', 'message', 'mms', 'generic'))",
        "category TEXT NOT NULL DEFAULT 'general'"
        " CHECK (category IN ('general', 'tracker', 'expenditure', 'quota', 'discount'))",
        "limit_type TEXT NOT NULL DEFAULT 'debit' CHECK (limit_type IN ('debit', 'credit', 'single_use'))",
        "minimum TEXT NOT NULL DEFAULT '0' " + SIGNED.format("minimum"),
        "maximum TEXT NOT NULL DEFAULT '0' " + SIGNED.format("maximum"),
        "maximum_policy TEXT NOT NULL DEFAULT 'allow' CHECK (maximum_policy IN ('refuse', 'cap', 'allow'))",
        "deletable INTEGER NOT NULL DEFAULT 1 CHECK (deletable IN (0, 1))",
        "discount INTEGER NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND 100)",
        "period TEXT NOT NULL DEFAULT '' CHECK (period IN ('', 'daily', 'weekly', 'monthly', 'yearly'))",
    ],
}
"""What tables that are there get. What stands in them already is money, and general."""

NAME = "TEXT NOT NULL CHECK (length({}) BETWEEN 1 AND 64)"
PERIOD = "TEXT NOT NULL DEFAULT '0' CHECK (length({}) BETWEEN 1 AND 32)"
TENANT = "tenant TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE"
KIND = "balance_type TEXT NOT NULL REFERENCES balance_types (name) ON UPDATE CASCADE"
OF_PRODUCT = "FOREIGN KEY (tenant, product) REFERENCES products (tenant, name) ON UPDATE CASCADE"
TABLES = {
    "products": [
        TENANT,
        f"name {NAME.format('name')}",
        *(f"{name} {PERIOD.format(name)}" for name in ("initial", "preuse", "dormant", "terminated", "removed")),
        "max_sessions INTEGER NOT NULL DEFAULT 0 CHECK (max_sessions BETWEEN 0 AND 1000000)",
    ],
    "product_promotions": [
        "tenant TEXT NOT NULL",
        "product TEXT NOT NULL",
        KIND,
        "amount TEXT NOT NULL " + SIGNED.format("amount"),
        f"lasts {PERIOD.format('lasts')}",
        OF_PRODUCT,
    ],
    "product_bucket_periods": [
        "tenant TEXT NOT NULL",
        "product TEXT NOT NULL",
        KIND,
        f"lasts {PERIOD.format('lasts')}",
        OF_PRODUCT,
    ],
    "product_cascades": [
        "tenant TEXT NOT NULL",
        "product TEXT NOT NULL",
        "service TEXT NOT NULL CHECK (service IN ('voice', 'data', 'message', 'mms', 'generic'))",
        f"cascade {NAME.format('cascade')}",
        OF_PRODUCT,
    ],
    "cascades": [TENANT, f"name {NAME.format('name')}", "position INTEGER NOT NULL", KIND],
    "account_batches": [
        "tenant TEXT NOT NULL",
        f"name {NAME.format('name')}",
        "product TEXT NOT NULL",
        "active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))",
        "expiry TEXT NOT NULL DEFAULT ''",
        OF_PRODUCT,
    ],
    "parameters": [TENANT, f"name {NAME.format('name')}", "value TEXT NOT NULL CHECK (length(value) <= 4096)"],
}
"""Every new table's columns, its `id` aside; a foreign key of two columns comes last."""

UNIQUE = {
    "products": ("tenant name",),
    "product_promotions": ("tenant product balance_type lasts",),
    "product_bucket_periods": ("tenant product balance_type",),
    "product_cascades": ("tenant product service",),
    "cascades": ("tenant name position", "tenant name balance_type"),
    "account_batches": ("tenant name",),
    "parameters": ("tenant name",),
}
PARTS = ("product_promotions", "product_bucket_periods", "product_cascades")
AUDITED = {
    "accounts": (
        *("id", "tenant", "client", "name", "password", "ani", "tech_prefix", "wallet", "subject", "category"),
        *("enabled", "legs"),
    ),
    "units": ("name", "decimals", "kind"),
    "balance_types": (
        *("name", "unit", "cascade_order", "service", "category", "limit_type", "minimum", "maximum"),
        *("maximum_policy", "deletable", "discount", "period"),
    ),
    **{
        table: ("id", *(column.split()[0] for column in columns if not column.startswith("FOREIGN")))
        for table, columns in TABLES.items()
    },
}
"""Every column of every table that is new or has new ones."""


def upgrade() -> None:
    """Make the columns and tables, and the triggers that number, record and guard every change of them."""
    for table, columns in COLUMNS.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
        for event in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER {table}_{event}")
    for table, columns in TABLES.items():
        keys = [f"UNIQUE ({', '.join(key.split())})" for key in UNIQUE[table]]
        op.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join([*columns, *keys])}) STRICT")
        for guard in _guards(table, ("id", *UNIQUE[table])):
            op.execute(guard)
    parts = " ".join(f"DELETE FROM {part} WHERE tenant = OLD.tenant AND product = OLD.name;" for part in PARTS)
    op.execute(f"CREATE TRIGGER products_parts AFTER DELETE ON products BEGIN {parts} END")
    for table, audited in AUDITED.items():
        for trigger in _triggers(table, audited):
            op.execute(trigger)


def _guards(table: str, keys: tuple[str, ...]) -> list[str]:
    """As those of the second schema: what would put another row out is refused before it can."""
    text = f"UNIQUE: {table} has this row already, UPDATE it (REPLACE and ON CONFLICT would escape the audit)"
    columns = ", ".join(dict.fromkeys(" ".join(keys).split()))
    guards = []
    for head, other in (
        (f"{table}_no_replace BEFORE INSERT", ""),
        (f"{table}_no_update_replace BEFORE UPDATE OF {columns}", "rowid != OLD.rowid AND "),
    ):
        taken = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {other}{' AND '.join(f'{one} = NEW.{one}' for one in key.split())})"
            for key in keys
        )
        guards.append(f"CREATE TRIGGER {head} ON {table} BEGIN SELECT RAISE(ABORT, '{text}') WHERE {taken}; END")
    return guards


def _triggers(table: str, columns: tuple[str, ...]) -> list[str]:
    """As those of the first schema: the next revision and its audit row; an update that changes nothing is none."""
    key = columns[0]
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
    moved = f"OLD.{key} IS NOT NEW.{key}"
    old, new = _json("OLD", columns), _json("NEW", columns)
    both = _record(table, f"OLD.{key}", old, new, "1") + _record(table, f"NEW.{key}", old, new, moved)
    return [
        f"CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN"
        f" {_record(table, f'NEW.{key}', 'NULL', new, '1')} END",
        f"CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN"
        f" {_record(table, f'OLD.{key}', old, 'NULL', '1')} END",
        f"CREATE TRIGGER {table}_update AFTER UPDATE ON {table} WHEN {changed} BEGIN {both} END",
    ]


def _record(table: str, row: str, before: str, after: str, condition: str) -> str:
    return (
        f"UPDATE revision SET number = number + 1 WHERE {condition};"
        " INSERT INTO audit (revision, at, who, table_name, row, before, after)"
        f" SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), who, '{table}', {row}, {before}, {after}"
        f" FROM revision WHERE {condition};"
    )


def _json(side: str, columns: tuple[str, ...]) -> str:
    """The row as JSON; of a password only whether there is one."""
    values = {column: f"{side}.{column}" for column in columns}
    if "password" in values:
        values["password"] = f"CASE {side}.password WHEN '' THEN '' ELSE '***' END"
    return "json_object({})".format(", ".join(f"'{column}', {value}" for column, value in values.items()))
