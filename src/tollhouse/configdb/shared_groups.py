"""Shared groups of a tariff folder: SharedGroups.csv into rows by tenant, and out again. CGRateS's have no tenant."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from tollhouse.configdb import schema
from tollhouse.configdb.rows import SharedGroupRow
from tollhouse.configdb.tariff_reader import Folder, GroupRow, Line, Problem, Reader, one_of
from tollhouse.snapshot.groups import DEFAULT_STRATEGY, Strategy

_STRATEGIES: Final = tuple(strategy.value for strategy in Strategy)


def group_row(reader: Reader, line: Line) -> GroupRow:
    """A line of the file. Its rating subject is kept, with a note."""
    if subject := line.cells["RatingSubject"]:
        text = f"the rating subject {subject} prices nothing, as in CGRateS: that of a balance does"
        reader.notes.append(Problem(line.file, line.number, "RatingSubject", text))
    return GroupRow(
        tag=reader.text(line, "Tag"),
        account=reader.text(line, "Account", 200),
        strategy=reader.cell(line, "Strategy", lambda text: one_of(text or DEFAULT_STRATEGY, _STRATEGIES), ""),
        subject=subject,
    )


def shared_groups(connection: Connection, folder: Folder) -> tuple[list[SharedGroupRow], list[Problem]]:
    """The rows, and what is wrong with them beside the database: a group is each tenant's that the folder names, or the
    only one's; an account is one tenant's where it says `TENANT:ACCOUNT`."""
    if not folder.shared_groups:
        return [], []
    known = set(connection.execute(select(schema.TENANTS.c.name)).scalars())
    named = {row.tenant for _, row in folder.rating_profiles} | {row.tenant for _, row in folder.account_actions}
    tenants = sorted(named & known) or (sorted(known) if len(known) == 1 else [])
    table = schema.SHARED_GROUPS.c
    query = select(table.tenant, table.name, table.wallet, table.plan).where(table.plan != folder.plan)
    taken = {
        (tenant, name, wallet): f"the import {plan!r} has" if plan else "the configuration has"
        for tenant, name, wallet, plan in connection.execute(query)
    }
    rows: list[SharedGroupRow] = []
    problems: list[Problem] = []
    for line, group in folder.shared_groups:
        found = _of_tenants(group, folder.plan, known, tenants)
        wrong = [] if found else ["no file of the folder names a tenant, and there is not one only: say TENANT:ACCOUNT"]
        for row in found:
            key = (row.tenant, row.name, row.wallet)
            if key in taken:
                wrong.append(f"{taken[key]} this account in this group of {row.tenant} already")
            taken[key] = f"line {line.number} has"
        rows += found
        problems += [Problem(line.file, line.number, "Account", text) for text in wrong]
    return rows, problems


def _of_tenants(group: GroupRow, plan: str, known: set[str], tenants: list[str]) -> list[SharedGroupRow]:
    head, _, tail = group.account.partition(":")
    wallets = {head: tail} if tail and head in known else dict.fromkeys(tenants, group.account)
    return [
        SharedGroupRow(plan, tenant, group.tag, wallet, group.strategy, group.subject)
        for tenant, wallet in wallets.items()
    ]


def exported_groups(connection: Connection, plan: str) -> list[tuple[object, ...]]:
    """The import's rows as lines of the file, which import as the same rows."""
    table = schema.SHARED_GROUPS.c
    query = select(table.tenant, table.name, table.wallet, table.strategy, table.rating_subject)
    rows = connection.execute(query.where(table.plan == plan).order_by(table.id))
    lines = [(name, f"{tenant}:{wallet}", strategy, subject) for tenant, name, wallet, strategy, subject in rows]
    return list(dict.fromkeys(lines))
