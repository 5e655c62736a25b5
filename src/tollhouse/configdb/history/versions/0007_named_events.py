"""A provider's catalogue of named events with their prices, and when products are charged less: weekly and on holidays.

Product "" stands for every product, so it is no foreign key: triggers follow a product that is renamed or goes.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

NAME = "TEXT NOT NULL CHECK (length({}) BETWEEN 1 AND 64)"
TENANT = "TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE"
PRODUCT = "TEXT NOT NULL DEFAULT '' CHECK (length(product) <= 64)"
DECIMAL = (
    "TEXT NOT NULL CHECK (length({0}) <= 32 AND {0} GLOB '[0-9]*'"
    " AND {0} NOT GLOB '*.' AND {0} NOT GLOB '*.*.*' AND {0} NOT GLOB '*[^0-9.]*')"
)
TABLES = {
    "named_events": {
        "tenant": TENANT,
        "event_class": NAME.format("event_class"),
        "name": NAME.format("name"),
        "product": PRODUCT,
        "unit": "TEXT NOT NULL REFERENCES units (name) ON UPDATE CASCADE",
        "price": DECIMAL.format("price"),
    },
    "product_discounts": {
        "tenant": TENANT,
        "product": PRODUCT,
        "position": "INTEGER NOT NULL",
        "service": "TEXT NOT NULL DEFAULT '' CHECK (service IN ('', 'voice', 'data', 'message', 'mms', 'generic'))",
        **dict.fromkeys(("years", "months", "month_days", "week_days"), "TEXT NOT NULL DEFAULT ''"),
        "starts": "TEXT NOT NULL DEFAULT '00:00:00'",
        "ends": "TEXT NOT NULL DEFAULT '24:00:00'",
        "percent": DECIMAL.format("percent"),
    },
}
KEYS = {
    "named_events": ("tenant", "event_class", "name", "product", "unit"),
    "product_discounts": ("tenant", "product", "position"),
}


def upgrade() -> None:
    """Make the tables, and what guards and records them as the tables before are guarded and recorded."""
    for table, columns in TABLES.items():
        checked = ", ".join(f"{name} {check}" for name, check in columns.items())
        unique = f"UNIQUE ({', '.join(KEYS[table])})"
        op.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {checked}, {unique}) STRICT")
        for trigger in (*_guards(table), *_records(table, ("id", *columns))):
            op.execute(f"CREATE TRIGGER {table}_{trigger}")
    own = "tenant = OLD.tenant AND product = OLD.name"
    gone = " ".join(f"DELETE FROM {table} WHERE {own};" for table in TABLES)
    moved = " ".join(f"UPDATE {table} SET product = NEW.name WHERE {own};" for table in TABLES)
    op.execute(f"CREATE TRIGGER products_prices AFTER DELETE ON products BEGIN {gone} END")
    op.execute(
        "CREATE TRIGGER products_renamed AFTER UPDATE OF name ON products"
        f" WHEN OLD.name IS NOT NEW.name BEGIN {moved} END"
    )


def _guards(table: str) -> list[str]:
    """What would put another row out is refused before it can."""
    text = f"UNIQUE: {table} has this row already, UPDATE it (REPLACE and ON CONFLICT would escape the audit)"
    same = " AND ".join(f"{one} = NEW.{one}" for one in KEYS[table])
    guards = []
    for head, other in (
        ("no_replace BEFORE INSERT", ""),
        (f"no_update_replace BEFORE UPDATE OF id, {', '.join(KEYS[table])}", "rowid != OLD.rowid AND "),
    ):
        taken = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {other}{key})" for key in ("id = NEW.id", same))
        guards.append(f"{head} ON {table} BEGIN SELECT RAISE(ABORT, '{text}') WHERE {taken}; END")
    return guards


def _records(table: str, audited: tuple[str, ...]) -> list[str]:
    """The next revision and its audit row; an update that changes nothing is none."""
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in audited)
    old, new = _json("OLD", audited), _json("NEW", audited)
    both = _record(table, "OLD.id", old, new, "1") + _record(table, "NEW.id", old, new, "OLD.id IS NOT NEW.id")
    return [
        f"insert AFTER INSERT ON {table} BEGIN {_record(table, 'NEW.id', 'NULL', new, '1')} END",
        f"delete AFTER DELETE ON {table} BEGIN {_record(table, 'OLD.id', old, 'NULL', '1')} END",
        f"update AFTER UPDATE ON {table} WHEN {changed} BEGIN {both} END",
    ]


def _record(table: str, row: str, before: str, after: str, condition: str) -> str:
    return (
        f"UPDATE revision SET number = number + 1 WHERE {condition};"
        " INSERT INTO audit (revision, at, who, table_name, row, before, after)"
        f" SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), who, '{table}', {row}, {before}, {after}"
        f" FROM revision WHERE {condition};"
    )


def _json(side: str, audited: tuple[str, ...]) -> str:
    return "json_object({})".format(", ".join(f"'{column}', {side}.{column}" for column in audited))
