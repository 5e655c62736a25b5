"""A plan of the facts in force: CSV folder, import, compilation, snapshot; and an engine to ask, for each fact anew."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.cases.accounts import BALANCE_TYPES, UNIT, UNITS, wallet_of
from tests.cases.facts import Fact, steps_of, write_folder

from tollhouse.cachemanager.watch import CacheManager
from tollhouse.configdb.changes import NewAccount
from tollhouse.configdb.database import ConfigDatabase
from tollhouse.configdb.importing import import_folder
from tollhouse.configdb.rows import TenantRow
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.engine.tally import Tally
from tollhouse.store.die import die
from tollhouse.store.embedded import open_embedded
from tollhouse.store.settings import StoreSettings
from tollhouse.store.snapshot import LmdbSnapshot, SnapshotFile, SnapshotWriter
from tollhouse.values.commands import Command, Service
from tollhouse.values.instants import DAY, Instant, parse_instant
from tollhouse.values.outcomes import Outcome


class Unanswerable(Exception):
    """A fact that cannot be asked: its plan does not come into force, or its op is none we know."""


class Desk:
    """A plan in force, with an account for every fact's payer."""

    def __init__(self, name: str, plan: Fact, cases: list[Fact], directory: Path, closing: ExitStack) -> None:
        """Raises Unanswerable where the plan does not come into force."""
        self._directory = directory
        write_folder(plan, directory / name)
        database = ConfigDatabase(directory / "config.sqlite", directory / "key")
        closing.callback(database.close)
        _fill(database, plan, cases)
        now = parse_instant("2026-01-01T00:00:00Z")
        report = import_folder(
            database, directory / name, now, pricing="cgrates", price_decimals=plan["rounding_decimals"]
        )
        if report.problems:
            raise Unanswerable("; ".join(map(str, report.problems)))
        file = SnapshotFile(directory / "config.lmdb")
        closing.callback(file.close)
        cache = CacheManager(database, SnapshotWriter(file), Tally())
        closing.callback(cache.close)
        cache.check(now)
        if cache.problems:
            raise Unanswerable("; ".join(map(str, cache.problems)))
        self.snapshot = LmdbSnapshot(file)
        closing.callback(self.snapshot.close)
        self._any_plan = self._plan(plan)

    def _plan(self, plan: Fact) -> str:
        """One of the rating plans in force: all know the same destinations."""
        one = plan["rating_profiles"][0]
        found = self.snapshot.profile(one["tenant"], one["category"], Service.VOICE, one["subject"])
        return found.activations[0].plan if found is not None else ""

    @contextmanager
    def asking(self) -> Iterator[Asking]:
        """An engine of its own on a store of its own, gone afterwards."""
        place = Path(tempfile.mkdtemp(prefix="store-", dir=self._directory))
        settings = StoreSettings(segment_bytes=1 << 20)
        store = open_embedded(place, die, settings)
        try:
            yield Asking(self.snapshot, store, self._any_plan)
        finally:
            store.close()
            shutil.rmtree(place)


class Asking:
    """Commands to an engine whose clock reads what the facts say."""

    def __init__(self, snapshot: LmdbSnapshot, store: Any, any_plan: str) -> None:
        self.snapshot = snapshot
        self.any_plan = any_plan
        """A rating plan, by whose import destinations are known."""
        self._clock: Instant = 0
        self._soon: list[Callable[[], None]] = []
        policy = Policy(max_grant=7 * DAY, max_octets=2**62, max_messages=2**62, min_free_bytes=0)
        book = Book(store, snapshot, policy.cache_entities)
        claimed = store.claim()
        self._engine = Engine(store, book, policy, Tally(), lambda: self._clock, self._soon.append)
        self._engine.recovered(claimed)

    def ask(self, command: Command, at: Instant) -> Outcome:
        self._clock = max(self._clock, at)
        got: list[Outcome] = []
        self._engine.submit(command, got.append)
        while self._soon:
            self._soon.pop(0)()
        return got[0]


def account_of(case: Fact, number: int) -> str:
    """The account by which a step's payer is recognised."""
    return f"{case['id']}.{number}"


def _fill(database: ConfigDatabase, plan: Fact, cases: list[Fact]) -> None:
    tenants = {one["tenant"] for one in plan["rating_profiles"]}
    accounts = []
    for case in cases:
        tenants |= {name.partition(":")[0] for name in case.get("accounts", {})}
        for number, step in enumerate(steps_of(case)):
            event = step.get("event")
            if not isinstance(event, dict) or wallet_of(event) not in case.get("accounts", {}):
                continue
            accounts.append(
                NewAccount(
                    event["tenant"],
                    account_of(case, number),
                    wallet=wallet_of(event),
                    subject=event["subject"],
                    category=event["category"],
                )
            )
    with database.change("cases") as change:
        for unit in UNITS:
            change.add_unit(unit)
        for kind in BALANCE_TYPES:
            change.add_balance_type(kind)
        for tenant in sorted(tenants):
            change.add_tenant(TenantRow(tenant, UNIT, "UTC"))
        change.add_accounts(accounts)
