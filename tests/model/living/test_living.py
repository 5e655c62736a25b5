"""The model test over living wallets: products, units, recharges, transfers, states, removals; crashes and long gaps.

Of seeds 0, 3, 6 ... a turn decides many commands, so that there only what must always hold is checked; of the others
each command's result is predicted. More or other seeds: `LIVING_SEEDS="1000 3000" make test
ARGS=tests/model/living/test_living.py`.
"""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest
from tests.model.living.runs import Lived, play
from tests.model.runs import POINTS

DEFAULT = range(26 * len(POINTS))
SEEDS = range(*map(int, os.environ["LIVING_SEEDS"].split())) if "LIVING_SEEDS" in os.environ else DEFAULT
PAGES = ("bills", "books", "calls", "compare", "hands", "judge", "lives", "offer", "orders", "rows")
OWN = {f"tests.model.living.{page}" for page in PAGES}
PLAIN = {"tests.model.chain", "tests.engine.paying_model", "tests.snapshot_dict", "msgspec"}
"""What else they may use: the slow payer, and a snapshot that is filled by hand."""
HAPPENS = (
    *("session: voice of 1 legs", "session: voice of 2 legs", "session: voice of 3 legs", "session: data of 2 legs"),
    *("session: at a discount", "session: cut short by a leg", "loan predicted", "repeat known"),
    *("counted: tracker", "counted: expenditure", "start"),
    *(f"paid by: {name}" for name in ("cash", "bonus", "minutes", "octets", "points", "shared", "pool", "happy")),
    *(f"record: {kind}" for kind in ("activation", "adjustment", "change", "charge", "expiry", "life", "loan", "open")),
    *(f"record: {kind}" for kind in ("recharge", "refund", "removal", "session", "transfer")),
    *("Adjust", "Approve", "Authorize", "ChangeWallet", "Charge", "CloseClient", "CreateWallet", "Decline", "Inspect"),
    *("Recharge", "Refund", "RemoveWallet", "Start", "Stop", "Transfer", "Update"),
    *("Adjust refused: insufficient_funds", "Approve refused: invalid", "Decline refused: invalid"),
    *("Authorize refused: insufficient_funds", "Authorize refused: no_funds", "Authorize refused: session_limit"),
    *("Authorize refused: wallet_expired", "Authorize refused: wallet_suspended", "Charge refused: insufficient_funds"),
    *("Charge refused: conflict", "Recharge refused: conflict", "Transfer refused: conflict"),
    *("Transfer refused: insufficient_funds", "Recharge refused: invalid", "CreateWallet refused: wallet_exists"),
    *("Update refused: insufficient_funds", "Update refused: session_closed", "Update refused: wallet_suspended"),
)
"""What must have happened over all seeds."""


@pytest.mark.parametrize("seed", SEEDS)
def test_seed(seed: int, lived: Lived) -> None:
    """A run in which nothing is found, and that was worth it."""
    try:
        ran = lived.run(seed)
    except AssertionError as wrong:
        chosen = "" if seed in DEFAULT else f'LIVING_SEEDS="{seed} {seed + 1}" '
        pytest.fail(f"seed {seed}: {wrong}\nagain: {chosen}make test ARGS={__file__}::test_seed[{seed}]", pytrace=False)
    assert ran.commands > 250
    assert ran.crashes >= 2
    assert ran.exact > ran.commands // 4 or not seed % 3
    assert ran.repeats > 40


@pytest.mark.skipif(len(SEEDS) < 10 * len(POINTS), reason="too few seeds to come by everything")
def test_all_seeds_together(lived: Lived) -> None:
    """Each kind of thing happened, and each crash point was crashed at."""
    runs = [lived.run(seed) for seed in SEEDS]
    assert [kind for kind in HAPPENS if not any(run.kinds[kind] for run in runs)] == []
    assert [point for point in POINTS if not any(run.crashed_at[point] for run in runs)] == []
    assert any(run.crashed_at["cut"] for run in runs)


def test_the_same_seed_is_the_same_run() -> None:
    """Else a failure could not be seen again."""
    assert play(1) == play(1)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "offer"])
def test_the_auditor_shares_only_values_with_the_product(page: str) -> None:
    """Else both would be wrong together."""
    tree = ast.parse((Path(__file__).parent / f"{page}.py").read_text())
    names = {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    shared = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names} - OWN - PLAIN
    allowed = ("tollhouse.values.", "tollhouse.store.interface", "tollhouse.snapshot.")
    assert {name for name in shared if not name.startswith(allowed)} == set()
