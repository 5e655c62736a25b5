"""A real process: plain SQL and imports come into force by themselves; status and metrics tell what is broken."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.configdb.support import edit, tutorial
from tests.processes import Process, running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running_demo(tmp_path_factory.mktemp("demo")) as process:
        yield process


def sql(process: Process, statement: str) -> None:
    with closing(sqlite3.connect(process.directory / "demo" / "config.sqlite")) as connection, connection:
        connection.execute(statement)


def until(condition: Callable[[], bool]) -> None:
    """Ask until it holds; a minute bounds it, on a machine however busy."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def cost(process: Process, destination: str, subject: str = "1001", usage: str = "20") -> str:
    answer = process.rpc(
        "rating.cost", subject=subject, destination=destination, usage=usage, answer_time="2026-11-23T12:00:00Z"
    )
    return str(answer["cost"])


def test_a_price_by_plain_sql(demo: Process) -> None:
    assert cost(demo, "33155") == "0.2"
    sql(demo, "UPDATE tariff_rates SET rate = '0.02' WHERE tag = 'RT_1CNT_PER_SEC'")
    until(lambda: cost(demo, "33155") == "0.4")
    sql(demo, "UPDATE tariff_rates SET rate = '0.01' WHERE tag = 'RT_1CNT_PER_SEC'")
    until(lambda: cost(demo, "33155") == "0.2")


def test_a_broken_change_is_named_and_the_old_prices_stay(demo: Process) -> None:
    generation = demo.rpc("system.status")["generation"]
    sql(demo, "UPDATE tariff_rates SET rate = '0.5', rate_unit = 'x' WHERE tag = 'RT_1CNT_PER_SEC'")
    until(lambda: demo.rpc("system.status")["config_problems"] != [])
    assert demo.rpc("system.status")["config_problems"] == [
        "tariff_rates tariff RT_1CNT_PER_SEC: rate_unit: 'x' is no duration (such as 60s, 1m30s) (as voice)"
    ]
    assert demo.rpc("system.status")["generation"] == generation
    assert cost(demo, "33155") == "0.2"
    assert 'tollhouse_config_compile_failed_total{reason="problems"} 1.0' in demo.metrics()
    assert "tollhouse_config_problems 1.0" in demo.metrics()
    sql(demo, "UPDATE tariff_rates SET rate = '0.01', rate_unit = '1s' WHERE tag = 'RT_1CNT_PER_SEC'")
    until(lambda: demo.rpc("system.status")["config_problems"] == [])
    assert cost(demo, "33155") == "0.2"
    assert "tollhouse_config_problems 0.0" in demo.metrics()


def test_an_import(demo: Process, tmp_path: Path) -> None:
    folder = tutorial(tmp_path)
    for file in ("RatingProfiles.csv", "AccountActions.csv"):
        edit(folder, file, lambda text: text.replace(b"example.org", b"demo").replace(b"2014-01-14", b"2015-01-14"))
    edit(folder, "RatingProfiles.csv", lambda text: text.replace(b"1389657600", b"1421193600"))
    edit(folder, "AccountActions.csv", lambda text: text.replace(b",1001,", b",3001,"))
    dry = demo.rpc("tariff.import", path=str(folder), dry_run=True)
    assert (dry["loaded"], dry["problems"], dry["tasks_new"]) == (False, [], 5)
    assert cost(demo, "1002", "1003") == "0.6"
    report = demo.rpc("tariff.import", path=str(folder))
    assert (report["loaded"], report["in_force"]) == (True, True)
    assert [one["done"] for one in report["tasks"]] == [True] * 5
    # In force at once: 1003 pays 0.8 + 30 s of 0.4/min by day, the others 0.4 + 0.2.
    assert (cost(demo, "1002", "1003"), cost(demo, "1002")) == ("1", "0.6")
    assert cost(demo, "1002", usage="85") == "0.6417"
    assert demo.rpc("wallet.get", wallet="3001")["balance"] == "12.5"
    again = demo.rpc("tariff.import", path=str(folder))
    assert (again["tasks_done"], again["tasks"]) == (5, [])
    assert demo.rpc("wallet.get", wallet="3001")["balance"] == "12.5"
