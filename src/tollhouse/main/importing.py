"""Tariff folders on a running appliance: read in a thread, published, and what they give to wallets done once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.importing import ImportReport, import_folder, pending_tasks, task_done
from tollhouse.configdb.rows import Task
from tollhouse.console.desk import Json
from tollhouse.engine.batch import Engine
from tollhouse.values.commands import CreateWallet, Recharge
from tollhouse.values.money import Amount, parse_amount
from tollhouse.values.outcomes import Outcome, Posted, Refused

CLIENT = "tariff"
Report = Callable[[Json], None]


class TariffDesk:
    """`in_thread` runs a function off the reactor's thread and returns a Deferred of its result."""

    def __init__(
        self, engine: Engine, database: ConfigDatabase, cache: CacheManager, in_thread: Callable[..., Any]
    ) -> None:
        self._engine = engine
        self._database = database
        self._cache = cache
        self._in_thread = in_thread

    def load(self, path: str, dry_run: bool, done: Report) -> None:
        """Read the folder; when it is in force and its tasks are done, report."""
        work = self._in_thread(self._import, Path(path), dry_run)
        work.addCallback(lambda report: self._tasks(lambda results: done({**report, "tasks": results})))
        work.addErrback(lambda failure: done({"loaded": False, "problems": [{"text": failure.getErrorMessage()}]}))

    def resume(self) -> None:
        """Do what an earlier run was stopped before."""
        self._tasks(lambda _results: None)

    def _import(self, path: Path, dry_run: bool) -> Json:
        report = import_folder(self._database, path, dry_run)
        if not dry_run and not report.problems:
            self._cache.check(self._engine.now())
        return {"loaded": not dry_run and not report.problems, **_as_json(report)}

    def _tasks(self, done: Callable[[list[Json]], None]) -> None:
        work = self._in_thread(self._waiting)
        work.addCallback(self._begin, done)

    def _begin(self, found: tuple[list[Task], dict[str, tuple[str, int]]], done: Callable[[list[Json]], None]) -> None:
        tasks, units = found
        _Round(self._engine, self._database, self._in_thread, tasks, units, done).begin()

    def _waiting(self) -> tuple[list[Task], dict[str, tuple[str, int]]]:
        """The tasks to do, and each tenant's unit with its decimals."""
        parties = self._database.rows().parties
        decimals = {unit.name: unit.decimals for unit in parties.units}
        units = {one.name: (one.unit, decimals[one.unit]) for one in parties.tenants}
        return pending_tasks(self._database), units


class _Round:
    """Some tasks in turn: the wallet is made where it is missing, then the money goes in under the task's key."""

    def __init__(
        self,
        engine: Engine,
        database: ConfigDatabase,
        in_thread: Callable[..., Any],
        tasks: list[Task],
        units: dict[str, tuple[str, int]],
        done: Callable[[list[Json]], None],
    ) -> None:
        self._engine = engine
        self._database = database
        self._in_thread = in_thread
        self._left = tasks
        self._units = units
        self._done = done
        self._results: list[Json] = []

    def begin(self) -> None:
        """The next task, or the end."""
        if not self._left:
            self._done(self._results)
            return
        task = self._left.pop(0)
        unit, decimals = self._units[task.tenant]
        create = CreateWallet(CLIENT, task.wallet, f"wallet:{task.tenant}:{task.wallet}", unit, tenant=task.tenant)
        amount = Amount(parse_amount(task.amount, decimals), unit)
        recharge = Recharge(
            CLIENT,
            task.wallet,
            task.request_id,
            amount,
            task.balance_type,
            expiry=task.expiry,
            weight=task.weight,
            reset=task.reset,
            note="tariff import",
        )
        self._engine.submit(create, lambda _made: self._engine.submit(recharge, partial(self._recharged, task)))

    def _recharged(self, task: Task, outcome: Outcome) -> None:
        result: Json = {"request_id": task.request_id, "wallet": task.wallet, "amount": task.amount}
        if isinstance(outcome, Posted):
            marked = self._in_thread(task_done, self._database, task.request_id)
            self._results.append({**result, "done": True})
            marked.addCallback(lambda _none: self.begin())
            return
        reason = outcome.refusal.value if isinstance(outcome, Refused) else "unexpected"
        self._results.append({**result, "done": False, "refusal": reason})
        self.begin()


def _as_json(report: ImportReport) -> Json:
    return dict(msgspec.to_builtins(report))
