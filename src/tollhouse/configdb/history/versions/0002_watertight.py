"""Plain SQL leaves no trace out: nothing goes unrecorded by REPLACE, addresses go with their account, one key file.

SQLite fires no delete trigger for a row that REPLACE puts out, and keeps to foreign keys only where a connection asks.
The index finds a destination among a million prefixes without walking over them.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

UNIQUE = {
    "units": ("name",),
    "tenants": ("name",),
    "balance_types": ("name", "unit cascade_order"),
    "clients": ("id", "tenant name"),
    "accounts": ("id", "name", "ani"),
    "account_addresses": ("id", "cidr"),
    "gateways": ("id", "name"),
    "carrier_plans": ("name",),
    "carriers": ("id", "name"),
    "carrier_rates": ("id", "prefix plan"),
    "tariff_destinations": ("id", "prefix plan tag"),
    "tariff_timings": ("id", "plan tag"),
    "tariff_rates": ("id", "plan tag slot_start"),
    "tariff_destination_rates": ("id", "plan tag destination rate"),
    "tariff_rating_plans": ("id", "plan tag destination_rate timing weight"),
    "tariff_rating_profiles": ("id", "tenant category subject activation"),
}
"""The keys of every table whose change is a new revision: by what one row could put out another."""


def upgrade() -> None:
    """Make the triggers and the table."""
    op.execute("CREATE TABLE key_check (id INTEGER PRIMARY KEY CHECK (id = 1), sealed TEXT NOT NULL) STRICT")
    op.execute(
        "CREATE TRIGGER accounts_addresses AFTER DELETE ON accounts"
        " BEGIN DELETE FROM account_addresses WHERE account = OLD.id; END"
    )
    op.execute("CREATE INDEX tariff_destinations_tag ON tariff_destinations (plan, tag)")
    for table, keys in UNIQUE.items():
        columns = ", ".join(dict.fromkeys(" ".join(keys).split()))
        op.execute(_guard(table, f"{table}_no_replace BEFORE INSERT", keys, ""))
        op.execute(
            _guard(table, f"{table}_no_update_replace BEFORE UPDATE OF {columns}", keys, "rowid != OLD.rowid AND ")
        )


def _guard(table: str, head: str, keys: tuple[str, ...], other: str) -> str:
    """Refuses what would put another row out, before it can."""
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {other}{' AND '.join(f'{name} = NEW.{name}' for name in key.split())})"
        for key in keys
    )
    text = f"UNIQUE: {table} has this row already, UPDATE it (REPLACE and ON CONFLICT would escape the audit)"
    return f"CREATE TRIGGER {head} ON {table} BEGIN SELECT RAISE(ABORT, '{text}') WHERE {taken}; END"
