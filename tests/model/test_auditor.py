"""The model test can fail: faults planted in disk, store, engine and rating are found, and by the auditor."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.model.chain import Wrong
from tests.model.runs import POINTS, fault, plan_of, shrunk, tariffs
from tests.model.world import World
from tests.store.simulated import SimulatedFiles, SimulatedState

from tollhouse.engine import ends, laying, limits, offering, one_shots, settle, spending, wallets
from tollhouse.engine.batch import Engine
from tollhouse.engine.book import Book
from tollhouse.engine.session import Session
from tollhouse.engine.stretches import Due, Prices, Stretch
from tollhouse.store import journal
from tollhouse.store.errors import StoreError
from tollhouse.store.interface import Store
from tollhouse.store.segments import Segment
from tollhouse.store.state import NumberedRecord
from tollhouse.values.outcomes import Refused
from tollhouse.wallet.state import Lines, Wallet

CENT = 10_000
Plant = Callable[[pytest.MonkeyPatch], None]


def found(
    files: type[SimulatedFiles] = SimulatedFiles,
    state: type[SimulatedState] = SimulatedState,
    engine: type[Engine] = Engine,
    seeds: Sequence[int] = range(2 * len(POINTS)),
) -> str:
    """The auditor's first verdict. A store that refuses to start on what the fault left is no verdict of his."""
    for seed in seeds:
        try:
            World(plan_of(seed), tariffs(), files, state, engine).run()
        except Wrong as wrong:
            return str(wrong)
        except StoreError:
            continue
    return ""


class LazyDisk(SimulatedFiles):
    """fdatasync of a journal segment returns and has done nothing."""

    def fdatasync(self, handle: int) -> None:
        inode = self._handles[handle]
        if any(each is inode and path.endswith(".log") for path, each in self._names.items()):
            with self.points.around("fdatasync"):
                return
        super().fdatasync(handle)


class Later:
    """A store whose appends wait for `flush`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._appends: list[tuple[object, ...]] = []

    def append(self, *batch: object) -> None:
        self._appends.append(batch)

    def flush(self) -> None:
        for batch in self._appends:
            self._store.append(*batch)  # type: ignore[arg-type]


class HastyEngine(Engine):
    """Answers first and makes it durable afterwards."""

    def turn(self) -> None:
        store, later = self._store, Later(self._store)
        self._store = later  # type: ignore[assignment]
        try:
            super().turn()
        finally:
            self._store = store
        later.flush()


class LeakyState(SimulatedState):
    """Loses each fortieth record on its way into the day files."""

    def write_records(self, records: Sequence[NumberedRecord]) -> None:
        super().write_records([each for each in records if each.number % 40])


def test_a_disk_that_does_not_sync_is_found() -> None:
    assert found(files=LazyDisk)


def test_answers_before_the_journal_are_found() -> None:
    assert found(engine=HastyEngine)


def test_lost_records_are_found() -> None:
    assert "does not follow" in found(state=LeakyState)


def _forgets_sessions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "stored", lambda session, key: None)


def _forgets_one_shots(patch: pytest.MonkeyPatch) -> None:
    body_of = wallets.body_hash
    patch.setattr(wallets, "repeat", lambda book, client, key, command: body_of(command))


def _charges_a_cent_more(patch: pytest.MonkeyPatch) -> None:
    true = spending.dues

    def more(stretches: Sequence[Stretch], prices: Prices, began: int, used: int) -> list[Due]:
        found = list(true(stretches, prices, began, used))
        return [msgspec.structs.replace(one, cost=one.cost + (CENT if used else 0)) for one in found]

    patch.setattr(spending, "dues", more)


def _prices_a_message_a_step_too_low(patch: pytest.MonkeyPatch) -> None:
    def less(*all_: Any) -> offering.Offer | Refused:
        offered = offering.offer(*all_)
        if isinstance(offered, Refused):
            return offered
        owed = tuple([msgspec.structs.replace(one, cost=1) for one in offered.laid.stretches])
        return msgspec.structs.replace(offered, laid=msgspec.structs.replace(offered.laid, stretches=owed))

    patch.setattr(one_shots, "offer", less)


def _leaks_a_hold(patch: pytest.MonkeyPatch) -> None:
    def keep(wallet: Wallet, lines: Lines) -> Wallet:
        return wallet

    patch.setattr(ends, "give_back", keep)


def _holds_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "lay", lambda *all_: msgspec.structs.replace(laying.lay(*all_), lines=()))


def _grants_a_second_less(patch: pytest.MonkeyPatch) -> None:
    def less(*all_: Any) -> laying.Laid:
        laid = laying.lay(*all_)
        return msgspec.structs.replace(laid, reach=max(0, laid.reach - 10**6))

    patch.setattr(limits, "lay", less)


def _counts_a_total_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "reported", lambda session, usage: session.used + usage.units)


def _leaves_what_is_due_to_the_sweep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "due_sessions", lambda book, wallet, now: [])


def _recovers_all_but_the_last_batch(patch: pytest.MonkeyPatch) -> None:
    true = journal.read_segment

    def short(name: str, data: bytes, index: int, store_id: bytes, *, last: bool) -> Segment:
        segment = true(name, data, index, store_id, last=last)
        return msgspec.structs.replace(segment, batches=segment.batches[:-1]) if last else segment

    patch.setattr(journal, "read_segment", short)


PLANTS: list[Plant] = [
    _forgets_sessions,
    _forgets_one_shots,
    _charges_a_cent_more,
    _prices_a_message_a_step_too_low,
    _leaks_a_hold,
    _holds_nothing,
    _grants_a_second_less,
    _counts_a_total_twice,
    _leaves_what_is_due_to_the_sweep,
    _recovers_all_but_the_last_batch,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not because a command broke: then the engine's own guard would have found it."""
    plant(monkeypatch)
    verdict = found()
    assert verdict
    assert "internal_error" not in verdict


def test_a_failing_plan_shrinks_to_the_act_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    _charges_a_cent_more(monkeypatch)
    plan = plan_of(7)
    small = shrunk(plan, lambda plan: bool(fault(plan)))
    assert len(plan.acts) > 150
    assert len(small.acts) == 1
    assert small.cuts == ()
    assert fault(small)


@pytest.mark.parametrize("page", ["chain", "ledger", "rules", "tariff"])
def test_the_auditor_shares_only_values_with_the_product(page: str) -> None:
    """Else both would be wrong together."""
    own = {"tests.model.chain", "tests.model.rules", "tests.model.tariff"}
    tree = ast.parse((Path(__file__).parent / f"{page}.py").read_text())
    names = {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    shared = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names} - own - {"msgspec"}
    assert {name for name in shared if not name.startswith("tollhouse.values.")} == set()
