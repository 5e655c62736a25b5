"""How each import prices its calls, and tenants whose subjects are matched by prefix.

A table of its own, so that an import without a row is exact. Both are part of the revision, as every other row is.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

IMPORTS = ("plan", "pricing", "price_decimals")
TENANTS = ("name", "unit", "zone", "subject_prefixes")


def upgrade() -> None:
    """Make the table and the column, and the triggers that record both."""
    op.execute(
        "CREATE TABLE tariff_imports ("
        " plan TEXT PRIMARY KEY CHECK (length(plan) BETWEEN 1 AND 64),"
        " pricing TEXT NOT NULL CHECK (pricing IN ('exact', 'cgrates')),"
        " price_decimals INTEGER NOT NULL DEFAULT 5 CHECK (price_decimals BETWEEN 0 AND 7)"
        ") STRICT"
    )
    op.execute(
        "ALTER TABLE tenants ADD COLUMN subject_prefixes INTEGER NOT NULL DEFAULT 0 CHECK (subject_prefixes IN (0, 1))"
    )
    for event in ("insert", "delete", "update"):
        op.execute(f"DROP TRIGGER tenants_{event}")
    for table, columns in (("tenants", TENANTS), ("tariff_imports", IMPORTS)):
        for trigger in _triggers(table, columns):
            op.execute(trigger)
    text = "UNIQUE: tariff_imports has this row already, UPDATE it (REPLACE and ON CONFLICT would escape the audit)"
    taken = "EXISTS (SELECT 1 FROM tariff_imports WHERE {}plan = NEW.plan)"
    for head, other in (
        ("tariff_imports_no_replace BEFORE INSERT", ""),
        ("tariff_imports_no_update_replace BEFORE UPDATE OF plan", "rowid != OLD.rowid AND "),
    ):
        where = taken.format(other)
        op.execute(f"CREATE TRIGGER {head} ON tariff_imports BEGIN SELECT RAISE(ABORT, '{text}') WHERE {where}; END")


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
    return "json_object({})".format(", ".join(f"'{column}', {side}.{column}" for column in columns))
