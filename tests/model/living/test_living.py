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
from tests.model.living.runs import play
from tests.model.runs import POINTS

DEFAULT = range(3 * len(POINTS))
SEEDS = range(*map(int, os.environ["LIVING_SEEDS"].split())) if "LIVING_SEEDS" in os.environ else DEFAULT
OWN = {f"tests.model.living.{page}" for page in ("books", "judge", "lives", "offer", "orders", "rows")}
PLAIN = {"tests.model.chain", "tests.engine.paying_model", "tests.snapshot_dict", "msgspec"}
"""What else they may use: the slow payer, and a snapshot that is filled by hand."""


@pytest.mark.parametrize("seed", SEEDS)
def test_seed(seed: int) -> None:
    """A run in which nothing is found, and that was worth it."""
    try:
        ran = play(seed)
    except AssertionError as wrong:
        chosen = "" if seed in DEFAULT else f'LIVING_SEEDS="{seed} {seed + 1}" '
        pytest.fail(f"seed {seed}: {wrong}\nagain: {chosen}make test ARGS={__file__}::test_seed[{seed}]", pytrace=False)
    assert ran.commands > 250
    assert ran.crashes >= 2
    assert ran.exact > 2 * ran.commands or not seed % 3
    assert ran.repeats > 40


def test_the_same_seed_is_the_same_run() -> None:
    """Else a failure could not be seen again."""
    assert play(1) == play(1)


@pytest.mark.parametrize("page", ["books", "judge", "lives", "orders", "rows"])
def test_the_auditor_shares_only_values_with_the_product(page: str) -> None:
    """Else both would be wrong together."""
    tree = ast.parse((Path(__file__).parent / f"{page}.py").read_text())
    names = {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    shared = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names} - OWN - PLAIN
    allowed = ("tollhouse.values.", "tollhouse.store.interface", "tollhouse.snapshot.rules")
    assert {name for name in shared if not name.startswith(allowed)} == set()
