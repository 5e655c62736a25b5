"""/metrics as Prometheus reads it: names, types, units, what is counted."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest_twisted
from prometheus_client.parser import text_string_to_metric_families
from tests.console.desks import ScriptedCharging, desk, request
from tests.console.http import ask, get, serving
from tests.engine.rig import authorize, caller, rig_with

import tollhouse
from tollhouse.console.metrics import COUNTERS, Gauge, exposition, registry
from tollhouse.engine.tally import STEPS, Tally
from tollhouse.values.commands import Charge
from tollhouse.values.money import Amount
from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

OTHER_UNITS = ("ms", "milliseconds", "us", "microseconds", "minutes", "hours", "kilobytes", "mb", "percent")
"""No base units (prometheus.io/docs/practices/naming)."""


def families(text: str) -> dict[str, Any]:
    """By name, as the independent parser sees them."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(text: str, sample: str, **labels: str) -> float:
    """One sample's value."""
    found = [
        one.value
        for family in families(text).values()
        for one in family.samples
        if one.name == sample and one.labels == labels
    ]
    assert len(found) == 1, (sample, labels, found)
    return float(found[0])


@pytest_twisted.ensureDeferred
async def test_what_is_asked_over_http_is_counted() -> None:
    """Requests by method, errors by code, what HTTP refused; in the text format 0.0.4."""
    at = desk(ScriptedCharging(Refused(Refusal.UNKNOWN_WALLET), Refused(Refusal.INTERNAL_ERROR)))
    async with serving(at, gauges=[Gauge("store_free_bytes", "Free disk", lambda: 2**40)]) as port:
        for body in (request("wallet.get", {"wallet": "1"}), request("wallet.get", {"wallet": "2"}), b"{", b"[]"):
            await ask(port, body)
        await ask(port, request("no.such"))
        await ask(port, request("wallet.get"))
        await get(port, "/jsonrpc")
        answer = await get(port, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.body.decode()
    assert value(text, "tollhouse_jsonrpc_requests_total", method="wallet.get") == 2
    codes = {-32000: 1, -32603: 1, -32700: 1, -32600: 1, -32601: 1, -32602: 1}
    for code, count in codes.items():
        assert value(text, "tollhouse_jsonrpc_errors_total", code=str(code)) == count
    assert value(text, "tollhouse_http_refused_total", reason="method") == 1
    assert value(text, "tollhouse_store_free_bytes") == 2**40


def test_names_follow_the_conventions() -> None:
    """One prefix, counters end in _total, base units last, a meaning for each; labels in lower case."""
    tally = Tally()
    for metric, (label, _) in COUNTERS.items():
        tally.count(metric, "word" if label else "")
    tally.took("store_append", 300)
    for name, family in families(exposition(registry(tally, ())).decode()).items():
        assert name.startswith(("tollhouse_", "process_")), name
        assert family.documentation, name
        assert not name.endswith(OTHER_UNITS), name
        for sample in family.samples:
            assert all(label.islower() for label in sample.labels)
            if family.type == "counter" and name.startswith("tollhouse_"):
                assert sample.name == f"{name}_total"
                assert sample.value == 1, name


def test_spreads_become_histograms_in_seconds() -> None:
    """250 us falls in the first bucket, 251 us in the second, 2 s behind the last; buckets add up, ends ascend."""
    tally = Tally()
    for duration in (0, 250, 251, 2_000_000, -5):
        tally.took("store_append", duration)
    text = exposition(registry(tally, ())).decode()
    name = "tollhouse_store_append_seconds"
    assert value(text, f"{name}_bucket", le="0.00025") == 3
    assert value(text, f"{name}_bucket", le="0.0005") == 4
    assert value(text, f"{name}_bucket", le="1.0") == 4
    assert value(text, f"{name}_bucket", le="+Inf") == 5
    assert value(text, f"{name}_count") == 5
    assert value(text, f"{name}_sum") == 2.000501
    assert list(STEPS) == sorted(set(STEPS))


def test_the_engine_counts_and_times_its_batches() -> None:
    """Five commands in two turns, one of them refused; only what moved money is appended."""
    rig = rig_with()
    before = rig.tally.counts["engine_batches", ""]
    appended = sum(rig.tally.spreads["store_append"].counts)
    for call in ("a", "b", "c"):
        rig.submit(authorize(call, ask=1_000_000))
    rig.submit(Charge(caller("nobody"), "k", Amount(1, "EUR")))
    rig.clock += 1_500
    rig.turn()
    rig.submit(Charge(caller("nobody"), "k", Amount(1, "EUR")))
    rig.turn()
    text = exposition(registry(rig.tally, ())).decode()
    assert value(text, "tollhouse_engine_batches_total") == before + 2
    assert value(text, "tollhouse_engine_refusals_total", refusal="unknown_account") == 2
    assert value(text, "tollhouse_store_append_seconds_count") == appended + 1
    assert value(text, "tollhouse_engine_turn_seconds_count") == before + 2
    assert value(text, "tollhouse_engine_turn_seconds_sum") == 0.0015
    assert value(text, "tollhouse_engine_bugs_total") == 0


def test_engine_time_ahead_of_the_wall_clock() -> None:
    """A wall clock set back by 5 s leaves engine time 5 s ahead, until it has caught up."""
    rig = rig_with()
    rig.clock -= 5_000_000
    assert rig.engine.ahead() == 5_000_000
    rig.clock += 7_000_000
    assert rig.engine.ahead() == 0


def counted(tree: ast.AST) -> list[tuple[str, bool]]:
    """Metrics that a module counts by name, and whether with a label."""
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("count", "trouble")
        ):
            owner = ast.unparse(node.func.value)
            names = (
                [leaf.value for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)] if node.args else []
            )
            if "tally" in owner:
                found += [(str(name), len(node.args) > 1) for name in names]
    return found


def test_every_counter_is_described() -> None:
    """What the rooms count is in the console's list, with a label where they give one; and nothing else is in it."""
    source = Path(tollhouse.__file__).parent
    found = {one for path in source.rglob("*.py") for one in counted(ast.parse(path.read_text()))}
    assert len(found) > 30
    assert found == {(metric, bool(label)) for metric, (label, _) in COUNTERS.items()}
