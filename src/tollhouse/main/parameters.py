"""The source's own parameters on a running appliance: read in a thread, set in one change, and in force at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.parameters import import_parameters
from tollhouse.console.desk import Json, ParametersWish
from tollhouse.values.instants import Instant


class ParameterDesk:
    """`now`: engine time. `in_thread` runs a function off the reactor's thread and returns a Deferred of its result."""

    def __init__(
        self,
        database: ConfigDatabase,
        cache: CacheManager,
        now: Callable[[], Instant],
        in_thread: Callable[..., Any],
    ) -> None:
        self._database = database
        self._cache = cache
        self._now = now
        self._in_thread = in_thread

    def load(self, wish: ParametersWish, done: Callable[[Json], None]) -> None:
        """Read the file, and unless something is wrong or it is a dry run, set what it says; then report."""
        self._in_thread(self._import, wish).addCallbacks(done, lambda failure: done(_failed(failure)))

    def _import(self, wish: ParametersWish) -> Json:
        """`in_force` tells whether all of the configuration is, for other changes may be broken."""
        report = import_parameters(self._database, Path(wish.path), wish.tenant, wish.customer, wish.dry_run)
        loaded = not (wish.dry_run or report.problems)
        if loaded:
            self._cache.check(self._now())
        in_force = not loaded or not self._cache.problems
        return {"loaded": loaded, "in_force": in_force, **msgspec.to_builtins(report)}


def _failed(failure: Any) -> Json:
    problem = {"file": "", "line": 0, "name": "", "value": "", "text": failure.getErrorMessage()}
    return {"loaded": False, "problems": [problem], "taken": [], "left": []}
