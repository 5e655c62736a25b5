"""How an account's sessions are paid for: its request type. Those that are there stay prepaid."""

from alembic import op

revision = "0006"
down_revision = "0005"

COLUMN = (
    "request_type TEXT NOT NULL DEFAULT 'prepaid'"
    " CHECK (request_type IN ('prepaid', 'postpaid', 'pseudoprepaid', 'rated', 'none'))"
)
AUDITED = (
    *("id", "tenant", "client", "name", "password", "ani", "tech_prefix", "wallet", "subject", "category"),
    *("enabled", "legs", "request_type"),
)
"""Every column of the table, as its audit rows have them."""


def upgrade() -> None:
    """Make the column, and the triggers that number and record every change of the table with it."""
    op.execute(f"ALTER TABLE accounts ADD COLUMN {COLUMN}")
    for event in ("insert", "delete", "update"):
        op.execute(f"DROP TRIGGER accounts_{event}")
    for trigger in _triggers():
        op.execute(trigger)


def _triggers() -> list[str]:
    """As those of the schema before: the next revision and its audit row; an update that changes nothing is none."""
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in AUDITED)
    old, new = _json("OLD"), _json("NEW")
    both = _record("OLD.id", old, new, "1") + _record("NEW.id", old, new, "OLD.id IS NOT NEW.id")
    return [
        f"CREATE TRIGGER accounts_insert AFTER INSERT ON accounts BEGIN {_record('NEW.id', 'NULL', new, '1')} END",
        f"CREATE TRIGGER accounts_delete AFTER DELETE ON accounts BEGIN {_record('OLD.id', old, 'NULL', '1')} END",
        f"CREATE TRIGGER accounts_update AFTER UPDATE ON accounts WHEN {changed} BEGIN {both} END",
    ]


def _record(row: str, before: str, after: str, condition: str) -> str:
    return (
        f"UPDATE revision SET number = number + 1 WHERE {condition};"
        " INSERT INTO audit (revision, at, who, table_name, row, before, after)"
        f" SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), who, 'accounts', {row}, {before}, {after}"
        f" FROM revision WHERE {condition};"
    )


def _json(side: str) -> str:
    """The row as JSON; of a password only whether there is one."""
    values = {column: f"{side}.{column}" for column in AUDITED}
    values["password"] = f"CASE {side}.password WHEN '' THEN '' ELSE '***' END"
    return "json_object({})".format(", ".join(f"'{column}', {value}" for column, value in values.items()))
