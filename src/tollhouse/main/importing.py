"""Tariff folders on a running appliance: read in a thread, published, and what they give to wallets done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.exporting import export_folder
from tollhouse.configdb.importing import ImportReport, import_folder, pending_tasks, task_done
from tollhouse.configdb.rows import Task
from tollhouse.console.desk import ExportWish, ImportWish, Json, Wish
from tollhouse.engine.batch import Engine
from tollhouse.values.commands import CreateWallet, Recharge
from tollhouse.values.money import Amount, AmountError, parse_amount
from tollhouse.values.outcomes import Outcome, Posted, Refused
from tollhouse.values.uses import Use

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
        self._progress: tuple[str, int, int] | None = None
        """How far the running import is; written by its thread, each time as one new value."""

    def load(self, wish: Wish, done: Report) -> None:
        """Read the folder; when it is in force and its tasks are done, report. Or write one, or say how far it is."""

        def imported(report: Json) -> None:
            if report["loaded"]:
                self._tasks(lambda results: done({**report, "tasks": results}))
            else:
                done({**report, "tasks": []})

        def failed(failure: Any) -> None:
            done({"loaded": False, "problems": [{"text": failure.getErrorMessage()}]})

        def not_written(failure: Any) -> None:
            done({"written": False, "problems": [{"text": failure.getErrorMessage()}]})

        match wish:
            case ImportWish():
                self._in_thread(self._import, wish).addCallbacks(imported, failed)
            case ExportWish():
                self._in_thread(self._export, wish).addCallbacks(done, not_written)
            case _:
                done(dict(zip(("phase", "done", "total"), self._progress or (None, None, None), strict=True)))

    def resume(self) -> None:
        """Do what an earlier run was stopped before."""
        self._tasks(lambda _results: None)

    def _export(self, wish: ExportWish) -> Json:
        report = export_folder(self._database, wish.plan, Path(wish.path), wish.layout)
        return {"written": True, "problems": [], **msgspec.to_builtins(report)}

    def _tell(self, phase: str, done: int, total: int) -> None:
        self._progress = (phase, done, total)

    def _import(self, wish: ImportWish) -> Json:
        try:
            return self._imported(wish)
        finally:
            self._progress = None

    def _imported(self, wish: ImportWish) -> Json:
        """What was read; `in_force` tells whether all of the configuration is, for other changes may be broken."""
        report = import_folder(
            self._database,
            Path(wish.path),
            self._engine.now(),
            wish.dry_run,
            pricing=wish.pricing,
            price_decimals=wish.price_decimals,
            manual_weights=wish.weights == "manual",
            sanity=wish.sanity,
            progress=self._tell,
        )
        if wish.dry_run or report.problems:
            return {"loaded": False, **_as_json(report)}
        self._tell("compiling", 0, sum(report.counts.values()))
        self._cache.check(self._engine.now())
        return {"loaded": True, "in_force": not self._cache.problems, **_as_json(report)}

    def _tasks(self, done: Callable[[list[Json]], None]) -> None:
        def begin(tasks: list[tuple[Task, Amount | str]]) -> None:
            _Round(self._engine, self._database, self._in_thread, tasks, done).begin()

        def failed(failure: Any) -> None:
            done([{"done": False, "refusal": failure.getErrorMessage()}])

        self._in_thread(self._waiting).addCallbacks(begin, failed)

    def _waiting(self) -> list[tuple[Task, Amount | str]]:
        """The tasks to do, each with its amount in the tenant's unit, or with why it has none."""
        parties = self._database.parties()
        decimals = {unit.name: unit.decimals for unit in parties.units}
        units = {one.name: one.unit for one in parties.tenants}
        return [(task, _amount(task, units.get(task.tenant), decimals)) for task in pending_tasks(self._database)]


def _amount(task: Task, unit: str | None, decimals: Mapping[str, int]) -> Amount | str:
    """Plain SQL may have changed the tenant or its unit since the import."""
    if unit is None or unit not in decimals:
        return f"there is no tenant {task.tenant} with a unit"
    try:
        return Amount(parse_amount(task.amount, decimals[unit]), unit)
    except AmountError as trouble:
        return str(trouble)


class _Round:
    """Some tasks in turn: the wallet is made where it is missing, then the money goes in under the task's key."""

    def __init__(
        self,
        engine: Engine,
        database: ConfigDatabase,
        in_thread: Callable[..., Any],
        tasks: list[tuple[Task, Amount | str]],
        done: Callable[[list[Json]], None],
    ) -> None:
        self._engine = engine
        self._database = database
        self._in_thread = in_thread
        self._left = tasks[::-1]
        self._done = done
        self._results: list[Json] = []

    def begin(self) -> None:
        """The next task, or the end."""
        while self._left:
            task, amount = self._left.pop()
            if isinstance(amount, Amount):
                self._give(task, amount)
                return
            self._results.append({**_named(task), "done": False, "refusal": amount})
        self._done(self._results)

    def _give(self, task: Task, amount: Amount) -> None:
        key = f"wallet:{task.tenant}:{task.wallet}"
        create = CreateWallet(CLIENT, task.wallet, key, amount.unit, tenant=task.tenant)
        recharge = Recharge(
            CLIENT,
            task.wallet,
            task.request_id,
            amount,
            task.balance_type,
            expiry=task.expiry,
            weight=task.weight,
            reset=task.reset,
            use=Use(groups=task.groups) if task.groups else None,
            note="tariff import",
        )
        self._engine.submit(create, lambda _made: self._engine.submit(recharge, partial(self._recharged, task)))

    def _recharged(self, task: Task, outcome: Outcome) -> None:
        """What could not be marked as done is asked for again at the next start, and the engine knows its key."""
        if isinstance(outcome, Posted):
            self._results.append({**_named(task), "done": True})
            self._in_thread(task_done, self._database, task.request_id).addBoth(lambda _marked: self.begin())
            return
        reason = outcome.refusal.value if isinstance(outcome, Refused) else "unexpected"
        self._results.append({**_named(task), "done": False, "refusal": reason})
        self.begin()


def _named(task: Task) -> Json:
    return {"request_id": task.request_id, "wallet": task.wallet, "amount": task.amount}


def _as_json(report: ImportReport) -> Json:
    return dict(msgspec.to_builtins(report))
