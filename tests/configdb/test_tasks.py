"""What a tariff folder gives to wallets is given once: imported again, restarted between any two steps, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.configdb.support import NOW, TUTORIAL, Compiled, dump, edit, open_database, open_tenant, plain_sql, tutorial
from tests.engine.dict_store import DictStore
from twisted.internet.defer import Deferred, maybeDeferred

from tollhouse.configdb.importing import pending_tasks
from tollhouse.console.desk import ImportWish, Json
from tollhouse.engine.audit import audit
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.policy import Policy
from tollhouse.engine.tally import Tally
from tollhouse.main.importing import TariffDesk
from tollhouse.values.commands import Command, CreateWallet, Inspect
from tollhouse.values.instants import Instant
from tollhouse.values.money import format_amount
from tollhouse.values.outcomes import Outcome, WalletView


class Process:
    """One run of an appliance's desk over a directory and a store; it may be stopped before its nth step.

    A step is a turn of the engine or a piece of work in a thread, here done at once.
    """

    def __init__(self, directory: Path, store: DictStore, stop_before: int | None = None) -> None:
        self.database = open_database(directory)
        self.compiled = Compiled(self.database, directory)
        self.store = store
        self.steps = 0
        self._stop_before = stop_before
        self._soon: list[Callable[[], None]] = []
        policy = Policy()
        reader = self.compiled.reader
        book = Book(store, reader, policy.cache_entities)
        self.engine = Engine(store, book, policy, Tally(), self._clock, self._soon.append, reader.refresh)
        self.engine.recovered(store.claim())
        self.desk = TariffDesk(self.engine, self.database, self.compiled.cache, self._in_thread)

    def load(self, folder: Path, dry_run: bool = False) -> Json:
        """The report; an empty one where the process was stopped."""
        reports: list[Json] = [{}]
        self.desk.load(ImportWish(str(folder), dry_run), reports.append)
        self.run()
        return reports[-1]

    def run(self) -> None:
        while self._soon and self._goes_on():
            self._soon.pop(0)()

    def ask(self, command: Command) -> Outcome:
        got: list[Outcome] = []
        self.engine.submit(command, got.append)
        self.run()
        return got[0]

    def buckets(self) -> dict[str, list[tuple[str, str]]]:
        """Of each wallet the balance types and values of the buckets that hold something."""
        found = {}
        for name in ("1001", "1002", "1004"):
            view = self.ask(Inspect("test", wallet=name))
            if isinstance(view, WalletView):
                found[name] = sorted(
                    (one.balance_type, format_amount(one.value, 6)) for one in view.buckets if one.value
                )
        return found

    def end(self) -> None:
        self.compiled.close()
        self.database.close()

    def _clock(self) -> Instant:
        return NOW

    def _goes_on(self) -> bool:
        if self.steps == self._stop_before:
            return False
        self.steps += 1
        return True

    def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return maybeDeferred(work, *arguments) if self._goes_on() else Deferred()


GIVEN = {
    "1001": [("bonus", "2.5"), ("cash", "10")],
    "1002": [("bonus", "5"), ("cash", "10")],
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DictStore]:
    """The store beside a new database of the tenant in `tmp_path`."""
    open_tenant(tmp_path).close()
    one = DictStore()
    yield one
    assert audit(one).faults == ()


def test_everything_is_given_and_told(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store)
    report = process.load(TUTORIAL)
    assert (report["loaded"], report["in_force"], report["tasks_new"]) == (True, True, 5)
    assert [(one["wallet"], one["amount"], one["done"]) for one in report["tasks"]] == [
        ("1001", "10", True),
        ("1001", "2.5", True),
        ("1002", "10", True),
        ("1002", "2.5", True),
        ("1002", "2.5", True),
    ]
    assert process.buckets() == GIVEN
    assert pending_tasks(process.database) == []
    process.end()


def test_imported_again_all_is_done_already(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store)
    process.load(TUTORIAL)
    before = (store.batches, dump(process.database))
    report = process.load(TUTORIAL)
    assert (report["tasks_new"], report["tasks_waiting"], report["tasks_done"], report["tasks"]) == (0, 0, 5, [])
    assert (store.batches, dump(process.database)) == before
    assert process.buckets() == GIVEN
    process.end()


def test_stopped_before_any_step_the_next_start_does_the_rest(tmp_path: Path) -> None:
    """Each step of an import that is undisturbed is once the one that is never reached."""
    for number in range(100):
        directory = tmp_path / str(number)
        directory.mkdir()
        open_tenant(directory).close()
        store = DictStore()
        process = Process(directory, store, stop_before=number)
        report = process.load(TUTORIAL)
        process.end()
        if report:
            break
        after = Process(directory, store)
        after.desk.resume()
        after.run()
        loaded = number > 0  # the first step is the import itself
        assert after.buckets() == (GIVEN if loaded else {}), f"stopped before step {number}"
        assert after.load(TUTORIAL)["tasks_done"] == (5 if loaded else 0), f"stopped before step {number}"
        assert after.buckets() == GIVEN
        assert audit(store).faults == ()
        after.end()
    # The import, the reading of the tasks, and of each of five a wallet's turn, its money's turn, and its mark.
    assert number == 2 + 5 * 3


def test_a_dry_run_gives_nothing_not_even_what_waits(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store, stop_before=1)
    assert process.load(TUTORIAL) == {}
    process.end()
    process = Process(tmp_path, store)
    before = (store.batches, dump(process.database), process.compiled.rows())
    report = process.load(TUTORIAL, dry_run=True)
    assert (report["loaded"], report["dry_run"], report["tasks_waiting"], report["tasks"]) == (False, True, 5, [])
    assert (store.batches, dump(process.database), process.compiled.rows()) == before
    process.end()


def test_a_folder_that_is_wrong_gives_nothing(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store)
    folder = tutorial(tmp_path)
    edit(folder, "Rates.csv", lambda text: text.replace(b"0.05", b"-1"))
    report = process.load(folder)
    assert (report["loaded"], report["tasks"]) == (False, [])
    (problem,) = report["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("Rates.csv", 9, "Rate")
    assert process.buckets() == {}
    process.end()


def test_a_reset_replaces_what_was_held_of_its_type(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store)
    made = process.ask(CreateWallet("test", "1001", "make", "EUR", 3_000_000))
    assert isinstance(made, WalletView)
    process.load(TUTORIAL)
    assert process.buckets()["1001"] == GIVEN["1001"]
    process.end()


def test_what_is_refused_waits_and_the_others_are_served(tmp_path: Path, store: DictStore) -> None:
    """1001 holds dollars; mended (by another wallet name), the task is another one and the old one is dropped."""
    process = Process(tmp_path, store)
    plain_sql(process.database, "INSERT INTO units (name, decimals) VALUES ('USD', 2)")
    process.compiled.check()
    process.ask(CreateWallet("test", "1001", "make", "USD"))
    folder = tutorial(tmp_path)
    report = process.load(folder)
    assert [(one["wallet"], one["done"], one.get("refusal")) for one in report["tasks"]] == [
        *[("1001", False, "unit_mismatch")] * 2,
        *[("1002", True, None)] * 3,
    ]
    assert [task.wallet for task in pending_tasks(process.database)] == ["1001", "1001"]
    assert process.buckets() == {"1001": [], "1002": GIVEN["1002"]}
    edit(
        folder,
        "AccountActions.csv",
        lambda text: text.replace(b"1001,PACKAGE", b"1004,PACKAGE", 1).replace(b"1004,,,,\n", b"1001,,,,\n"),
    )
    report = process.load(folder)
    assert [(one["wallet"], one["done"]) for one in report["tasks"]] == [("1004", True)] * 2
    assert process.buckets() == {"1001": [], "1002": GIVEN["1002"], "1004": GIVEN["1001"]}
    process.end()


def test_a_task_whose_tenant_or_decimals_are_gone_is_told(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store, stop_before=1)
    assert process.load(TUTORIAL) == {}
    process.end()
    process = Process(tmp_path, store)
    plain_sql(process.database, "UPDATE units SET decimals = 0")  # 2.5 euros can't be any more
    process.compiled.check()
    process.desk.resume()
    process.run()
    assert [task.amount for task in pending_tasks(process.database)] == ["2.5"] * 3
    plain_sql(process.database, "DELETE FROM tenants")  # a connection that does not ask for foreign keys
    process.desk.resume()
    process.run()
    assert [task.amount for task in pending_tasks(process.database)] == ["2.5"] * 3
    process.end()


def test_an_import_tells_when_other_changes_keep_it_from_being_in_force(tmp_path: Path, store: DictStore) -> None:
    process = Process(tmp_path, store)
    plain_sql(
        process.database,
        "INSERT INTO gateways (tenant, name, cidr, protocols) VALUES ('example.org', 'x', '192.0.2.7/24', 'sip')",
    )
    report = process.load(TUTORIAL)
    assert (report["loaded"], report["in_force"]) == (True, False)
    assert process.compiled.problems() == [("gateways", "x", "cidr")]
    process.end()
