"""In which order the members of a shared group pay: for all of them, or for one wallet. And groups of money to give."""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLE = "shared_groups"
COLUMNS = {
    "plan": "TEXT NOT NULL DEFAULT '' CHECK (length(plan) <= 64)",
    "tenant": "TEXT NOT NULL REFERENCES tenants (name) ON UPDATE CASCADE",
    "name": "TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128)",
    "wallet": "TEXT NOT NULL CHECK (length(wallet) BETWEEN 1 AND 200)",
    "strategy": "TEXT NOT NULL CHECK (strategy IN"
    " ('*lowest', '*highest', '*random', '*mine_lowest', '*mine_highest', '*mine_random'))",
    "rating_subject": "TEXT NOT NULL DEFAULT ''",
}
KEY = ("tenant", "name", "wallet")
AUDITED = ("id", *COLUMNS)


def upgrade() -> None:
    """Make the table, what guards it as the tables before are guarded, and the column of the tasks."""
    columns = ", ".join(f"{name} {check}" for name, check in COLUMNS.items())
    op.execute(f"CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, {columns}, UNIQUE ({', '.join(KEY)})) STRICT")
    op.execute(f"CREATE INDEX {TABLE}_plan ON {TABLE} (plan)")
    for trigger in (*_guards(), *_records()):
        op.execute(f"CREATE TRIGGER {TABLE}_{trigger}")
    op.execute("ALTER TABLE tasks ADD COLUMN shared_groups TEXT NOT NULL DEFAULT ''")


def _guards() -> list[str]:
    """What would put another row out is refused before it can."""
    text = f"UNIQUE: {TABLE} has this row already, UPDATE it (REPLACE and ON CONFLICT would escape the audit)"
    same = " AND ".join(f"{one} = NEW.{one}" for one in KEY)
    guards = []
    for head, other in (
        ("no_replace BEFORE INSERT", ""),
        (f"no_update_replace BEFORE UPDATE OF id, {', '.join(KEY)}", "rowid != OLD.rowid AND "),
    ):
        taken = " OR ".join(f"EXISTS (SELECT 1 FROM {TABLE} WHERE {other}{key})" for key in ("id = NEW.id", same))
        guards.append(f"{head} ON {TABLE} BEGIN SELECT RAISE(ABORT, '{text}') WHERE {taken}; END")
    return guards


def _records() -> list[str]:
    """The next revision and its audit row; an update that changes nothing is none."""
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in AUDITED)
    old, new = _json("OLD"), _json("NEW")
    both = _record("OLD.id", old, new, "1") + _record("NEW.id", old, new, "OLD.id IS NOT NEW.id")
    return [
        f"insert AFTER INSERT ON {TABLE} BEGIN {_record('NEW.id', 'NULL', new, '1')} END",
        f"delete AFTER DELETE ON {TABLE} BEGIN {_record('OLD.id', old, 'NULL', '1')} END",
        f"update AFTER UPDATE ON {TABLE} WHEN {changed} BEGIN {both} END",
    ]


def _record(row: str, before: str, after: str, condition: str) -> str:
    return (
        f"UPDATE revision SET number = number + 1 WHERE {condition};"
        " INSERT INTO audit (revision, at, who, table_name, row, before, after)"
        f" SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), who, '{TABLE}', {row}, {before}, {after}"
        f" FROM revision WHERE {condition};"
    )


def _json(side: str) -> str:
    return "json_object({})".format(", ".join(f"'{column}', {side}.{column}" for column in AUDITED))
