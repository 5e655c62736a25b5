"""docs/products.md is followed, word for word, behind the tenant of docs/operations.md, on a real process."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.main.test_operations import in_force, sql
from tests.processes import Process, RpcError, running_serve, until

DOCS = Path(__file__).resolve().parents[2] / "docs"
STEPS = [
    (found[1] or "", found[2] or "", found[3] or "")
    for found in re.finditer(
        r"(?sm)```sql\n(.*?)```|^    rpc ([a-z.]+) '([^\n]*)'$", (DOCS / "products.md").read_text()
    )
]
"""SQL, or a method and its parameters, in the page's order."""
OPENED = next(place for place, (statements, _, _) in enumerate(STEPS) if "SET active = 1" in statements)
"""The step that makes the batch active."""


def tenant(process: Process) -> None:
    """The page before: units, tenant, balance types."""
    first = re.search(r"(?s)```sql\n(.*?)```", (DOCS / "operations.md").read_text())
    assert first is not None
    in_force(process, first[1])


def follow(process: Process, steps: list[tuple[str, str, str]]) -> dict[str, Any]:
    """The answers by method."""
    answers: dict[str, Any] = {}
    for statements, method, params in steps:
        if statements:
            in_force(process, statements)
        else:
            answers[method] = process.rpc(method, **json.loads(params))
        assert process.rpc("system.status")["config_problems"] == []
    return answers


def test_from_units_to_a_wallet_that_was_used(tmp_path: Path) -> None:
    """5 euros; the first use gives 2.50 of bonus and 600 s, and takes half a euro of the bonus: 5 + 2 = 7 euros."""
    assert len(STEPS) == 11
    with running_serve(tmp_path) as process:
        tenant(process)
        made = follow(process, STEPS[:OPENED])["wallet.create"]
        assert (made["state"], made["product"], made["batch"]) == ("preuse", "prepaid", "2026-11")
        with pytest.raises(RpcError, match="wallet_suspended"):
            process.rpc("event.charge", wallet="2001", amount="0.50", request_id="too-soon")
        used = follow(process, STEPS[OPENED:])["wallet.get"]
        assert (used["state"], used["balance"]) == ("active", "7")
        held = {one["balance_type"]: (one["value"], one["unit"], one["expiry"] is None) for one in used["buckets"]}
        assert held["minutes"] == ("600", "second", False)
        assert held["bonus"] == ("2", "EUR", True)
        assert held["cash"] == ("5", "EUR", True)
        assert used["expiry"] is not None
        assert process.rpc("system.audit")["findings"] == []
        assert process.terminate() == 0


def test_what_is_wrong_is_named_with_table_row_and_column_and_nothing_of_it_is_in_force(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        tenant(process)
        follow(process, STEPS[:OPENED])
        generation = process.rpc("system.status")["generation"]
        sql(
            process,
            "UPDATE products SET dormant = 'long'; DELETE FROM cascades;"
            " INSERT INTO parameters (tenant, name, value) VALUES ('example', 'reservation.longest', '1')",
        )
        until(lambda: len(process.rpc("system.status")["config_problems"]) == 3)
        status = process.rpc("system.status")
        assert status["generation"] == generation
        named = " ".join(status["config_problems"])
        for said in ("products", "dormant", "product_cascades", "no cascade calls", "reservation.longest"):
            assert said in named


def test_the_table_of_periods_has_the_product_s_columns() -> None:
    text = (DOCS / "products.md").read_text()
    inserted = re.search(r"INSERT INTO products \(tenant, name, (.*?)\)", text)
    assert inserted is not None
    table = text.partition("| column of `products`")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", table) == inserted[1].split(", ")
