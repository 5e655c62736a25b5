"""A tariff folder into the config database: in one transaction, equal rows untouched, money as tasks done once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import Connection, Table, func, select

from tollhouse.configdb import schema
from tollhouse.configdb.bulk import BULK, recorded_at_once
from tollhouse.configdb.changes import Change
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.rows import ImportRow, Task
from tollhouse.configdb.shared_groups import shared_groups
from tollhouse.configdb.tariff_files import read_folder
from tollhouse.configdb.tariff_reader import COLUMNS, EVERY, ActionRow, Folder, Line, Problem, Progress, untold
from tollhouse.configdb.tariff_values import moment, scaled
from tollhouse.values.instants import Instant, format_instant
from tollhouse.values.money import AmountError, parse_amount

EXACT: Final = "exact"
Tell: TypeAlias = Callable[[int, int], None]


class DoneTask(msgspec.Struct, frozen=True):
    """What an earlier import gave to a wallet; `amount` as the folder says it."""

    request_id: str
    wallet: str
    amount: str


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did, or (dry run) would do. With problems, nothing was loaded."""

    plan: str
    problems: tuple[Problem, ...] = ()
    counts: dict[str, int] = {}
    """Rows of each table of the plan as it is now."""
    added: int = 0
    removed: int = 0
    tasks_new: int = 0
    tasks_waiting: int = 0
    """Known from an earlier import, and not done yet."""
    tasks_done: int = 0
    """Known from an earlier import, and done: not done again."""
    already_done: tuple[DoneTask, ...] = ()
    """Those, one by one."""
    not_loaded: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
    dry_run: bool = False
    pricing: str = EXACT


class _UndoError(Exception):
    """Ends the transaction of an import that is not to stay."""


def import_folder(
    database: ConfigDatabase,
    path: Path,
    now: Instant | None = None,
    dry_run: bool = False,
    who: str = "import",
    *,
    pricing: str = "",
    price_decimals: int = 5,
    manual_weights: bool = False,
    sanity: bool = False,
    progress: Progress = untold,
) -> ImportReport:
    """Make the rows of the plan that is named like the folder these, and no others.

    `now`: what relative times count from. `pricing`: `exact`, or `cgrates` with prices rounded at `price_decimals`
    (0..7); empty: as the plan was priced before, a new one exactly. `manual_weights`: in the files the lowest weight
    wins. `sanity`: refuse what CGRateS's loader calls insane. `progress`: told, in this thread, how far it is:
    `reading FILE`, `checking`, then `writing TABLE`.
    ConfigError where the database refuses what no check foresaw.
    """
    folder = read_folder(path, now, manual_weights=manual_weights, sanity=sanity, progress=progress)
    wish = None if pricing == EXACT else ImportRow(folder.plan, pricing, price_decimals)
    report = ImportReport(folder.plan)
    try:
        with database.change(who) as change:
            priced = wish if pricing else _pricing(change.connection, folder.plan)
            report = load_folder(change, folder, priced, progress)
            if dry_run or report.problems:
                raise _UndoError
    except _UndoError:
        pass
    return msgspec.structs.replace(report, dry_run=dry_run)


def load_folder(
    change: Change, folder: Folder, priced: ImportRow | None = None, progress: Progress = untold
) -> ImportReport:
    """The same within a transaction that is open; with problems in the report, the caller undoes it.

    `priced`: how the plan prices calls, None = exactly.
    """
    connection = change.connection
    tasks, problems = _tasks(connection, folder)
    groups, wrong = shared_groups(connection, folder)
    problems = [*folder.problems, *problems, *_foreign_profiles(connection, folder), *wrong]
    if problems:
        problems.sort(key=_place)
        return ImportReport(folder.plan, tuple(problems), not_loaded=folder.not_loaded, notes=folder.notes)
    counts, added, removed = {}, 0, 0
    for name, table, rows in (
        ("destinations", schema.DESTINATIONS, folder.destinations),
        ("timings", schema.TIMINGS, [row for _, row in folder.timings]),
        ("rates", schema.RATES, [row for _, row in folder.rates]),
        ("destination_rates", schema.DESTINATION_RATES, [row for _, row in folder.destination_rates]),
        ("rating_plans", schema.RATING_PLANS, [row for _, row in folder.rating_plans]),
        ("rating_profiles", schema.RATING_PROFILES, [row for _, row in folder.rating_profiles]),
        ("shared_groups", schema.SHARED_GROUPS, groups),
    ):
        counts[name], more, fewer = _replace(
            connection, table, folder.plan, rows, partial(progress, f"writing {table.name}")
        )
        added, removed = added + more, removed + fewer
    _set_pricing(connection, folder.plan, priced)
    new, done = _keep_tasks(connection, folder.plan, tasks)
    return ImportReport(
        plan=folder.plan,
        counts=counts,
        added=added,
        removed=removed,
        tasks_new=new,
        tasks_waiting=len(tasks) - new - len(done),
        tasks_done=len(done),
        already_done=done,
        not_loaded=folder.not_loaded,
        notes=folder.notes,
        pricing=priced.pricing if priced else EXACT,
    )


def _place(problem: Problem) -> tuple[int, int]:
    """The order in which problems are told: of the files, then of the lines."""
    files = list(COLUMNS)
    return (files.index(problem.file) if problem.file in COLUMNS else -1), problem.line


def pending_tasks(database: ConfigDatabase) -> list[Task]:
    """What the engine has yet to do, in order."""
    table = schema.TASKS
    with database.engine.connect() as connection:
        rows = connection.execute(
            select(table).where(table.c.done_at.is_(None)).order_by(table.c.plan, table.c.position)
        )
        return [
            Task(
                request_id=row.request_id,
                tenant=row.tenant,
                wallet=row.wallet,
                amount=row.amount,
                balance_type=row.balance_type,
                reset=row.action == "*topup_reset",
                expiry=moment(row.expiry) if row.expiry else 0,
                weight=row.weight,
                groups=tuple(row.shared_groups.split(";")) if row.shared_groups else (),
            )
            for row in rows
        ]


def task_done(database: ConfigDatabase, request_id: str) -> None:
    """The engine has done it: never again."""
    table = schema.TASKS
    stamp = func.strftime("%Y-%m-%dT%H:%M:%fZ", "now")
    with database.engine.connect().execution_options(write=True) as connection, connection.begin():
        open_task = (table.c.request_id == request_id) & table.c.done_at.is_(None)
        connection.execute(table.update().where(open_task).values(done_at=stamp))


def _replace(
    connection: Connection, table: Table, plan: str, rows: Iterable[msgspec.Struct], tell: Tell
) -> tuple[int, int, int]:
    """(rows, added, removed): the plan's rows are these; those that are there already stay as they are."""
    names = [column.name for column in table.columns if column.name != "id"]
    wanted = dict.fromkeys(map(attrgetter(*names), rows))
    tell(0, len(wanted))
    query = select(table.c.id, *(table.c[name] for name in names)).where(table.c.plan == plan)
    held = {tuple(row[1:]): row[0] for row in connection.execute(query)}
    gone = [number for key, number in held.items() if key not in wanted]
    new = [key for key in wanted if key not in held]
    if len(gone) + len(new) < BULK:
        _write(connection, table, gone, names, new, tell)
    else:
        with recorded_at_once(connection, table, plan, len(new), len(gone)):
            _write(connection, table, gone, names, new, tell)
    tell(len(gone) + len(new), len(gone) + len(new))
    return len(wanted), len(new), len(gone)


def _write(
    connection: Connection, table: Table, gone: list[int], names: list[str], new: list[tuple[object, ...]], tell: Tell
) -> None:
    total = len(gone) + len(new)
    for start in range(0, len(gone), EVERY):
        tell(start, total)
        connection.execute(table.delete().where(table.c.id.in_(gone[start : start + EVERY])))
    insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    for start in range(0, len(new), EVERY):
        tell(len(gone) + start, total)
        connection.exec_driver_sql(insert, new[start : start + EVERY])


def _set_pricing(connection: Connection, plan: str, priced: ImportRow | None) -> None:
    """How the plan prices calls; what is so already stays untouched."""
    table = schema.IMPORTS
    held = _pricing(connection, plan)
    if priced is None:
        connection.execute(table.delete().where(table.c.plan == plan))
    elif held is None:
        connection.execute(table.insert(), msgspec.structs.asdict(priced))
    else:
        connection.execute(table.update().where(table.c.plan == plan), msgspec.structs.asdict(priced))


def _pricing(connection: Connection, plan: str) -> ImportRow | None:
    table = schema.IMPORTS
    held = connection.execute(select(table).where(table.c.plan == plan)).first()
    return None if held is None else ImportRow(held.plan, held.pricing, held.price_decimals)


def _foreign_profiles(connection: Connection, folder: Folder) -> list[Problem]:
    """Profiles of unknown tenants, and activations that another import owns."""
    tenants = set(connection.execute(select(schema.TENANTS.c.name)).scalars())
    table = schema.RATING_PROFILES.c
    query = select(table.tenant, table.category, table.subject, table.activation, table.plan)
    others = {tuple(row[:4]): row[4] for row in connection.execute(query.where(table.plan != folder.plan))}
    problems = []
    for line, row in folder.rating_profiles:
        if row.tenant not in tenants:
            problems.append(Problem(line.file, line.number, "Tenant", f"there is no tenant {row.tenant!r}"))
        owner = others.get((row.tenant, row.category, row.subject, row.activation))
        if owner is not None:
            text = f"the import {owner!r} has an activation of this profile at this time"
            problems.append(Problem(line.file, line.number, "ActivationTime", text))
    return problems


def _tasks(connection: Connection, folder: Folder) -> tuple[list[dict[str, object]], list[Problem]]:
    """A row for each action that an account is given, in the order in which they are to be done."""
    tenants, units, kinds = schema.TENANTS.c, schema.UNITS.c, schema.BALANCE_TYPES.c
    query = select(tenants.name, units.name, units.decimals).where(tenants.unit == units.name)
    money = {name: (unit, decimals) for name, unit, decimals in connection.execute(query)}
    known = {(unit, name) for unit, name in connection.execute(select(kinds.unit, kinds.name))}
    actions = _actions_by_plan(folder)
    rows: list[dict[str, object]] = []
    problems: list[Problem] = []
    for line, account in folder.account_actions:
        if account.tenant not in money:
            problems.append(Problem(line.file, line.number, "Tenant", f"there is no tenant {account.tenant!r}"))
            continue
        unit, decimals = money[account.tenant]
        for action_line, action in [one for plan in account.plans for one in actions.get(plan, ())]:
            kind = action.balance if (unit, action.balance) in known else "cash"
            if (unit, kind) not in known:
                text = f"there is no balance type {kind!r} in {unit}"
                problems.append(Problem(action_line.file, action_line.number, "BalanceTag", text))
            try:
                parse_amount(action.amount, decimals)
            except AmountError as trouble:
                problems.append(Problem(action_line.file, action_line.number, "Units", f"{trouble} ({unit})"))
            rows.append(_task(folder.plan, account.tenant, account.account, action, kind))
    return _numbered(rows), list(dict.fromkeys(problems))


def _actions_by_plan(folder: Folder) -> dict[str, list[tuple[Line, ActionRow]]]:
    """Each action plan's actions; higher weights first, of the plan's row and then of the action's."""
    by_tag: dict[str, list[tuple[Line, ActionRow]]] = {}
    for line, action in sorted(folder.actions, key=lambda one: -scaled(one[1].weight, 6)):
        by_tag.setdefault(action.tag, []).append((line, action))
    found: dict[str, list[tuple[Line, ActionRow]]] = {}
    for _, row in sorted(folder.action_plans, key=lambda one: -scaled(one[1].weight, 6)):
        found.setdefault(row.tag, []).extend(by_tag.get(row.actions, ()))
    return found


def _task(plan: str, tenant: str, wallet: str, action: ActionRow, kind: str) -> dict[str, object]:
    return {
        "plan": plan,
        "tenant": tenant,
        "wallet": wallet,
        "action": action.action,
        "amount": action.amount,
        "balance_type": kind,
        "expiry": format_instant(action.expiry) if action.expiry else "",
        "weight": action.balance_weight,
        "relative": action.relative,
        "shared_groups": action.groups,
    }


def _numbered(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """With position and request id: the hash of plan, file, the row's values, account, and how often that came before.

    It names what is given, not the line that says so: moving or commenting lines gives nothing twice.
    """
    seen: dict[str, int] = {}
    numbered: list[dict[str, object]] = []
    for position, row in enumerate(rows):
        relative, groups = row.pop("relative"), row.pop("shared_groups")
        named = [str(one) for one in {**row, "expiry": relative or row["expiry"]}.values()]
        text = "\x1f".join(["Actions.csv", *named, *([str(groups)] if groups else [])])
        times = seen.get(text, 0)
        seen[text] = times + 1
        key = hashlib.sha256(f"{text}\x1f{times}".encode()).hexdigest()[:32]
        numbered.append({"request_id": f"import:{key}", **row, "position": position, "shared_groups": groups})
    return numbered


def _keep_tasks(connection: Connection, plan: str, rows: list[dict[str, object]]) -> tuple[int, tuple[DoneTask, ...]]:
    """How many are new, and those that are done: waiting tasks that the folder no longer names are dropped."""
    table = schema.TASKS
    query = select(table.c.request_id, table.c.done_at).where(table.c.plan == plan)
    held = dict(connection.execute(query).all())
    wanted = {row["request_id"] for row in rows}
    gone = [key for key, done in held.items() if done is None and key not in wanted]
    for start in range(0, len(gone), EVERY):
        connection.execute(table.delete().where(table.c.request_id.in_(gone[start : start + EVERY])))
    new = [row for row in rows if row["request_id"] not in held]
    if new:
        connection.execute(table.insert(), new)
    done = [row for row in rows if held.get(str(row["request_id"]))]
    return len(new), tuple([msgspec.convert(row, DoneTask) for row in done])
