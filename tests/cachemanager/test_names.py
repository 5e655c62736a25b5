"""Names that run together, that are as long as SQL allows, or hold a NUL: nobody else's fault, nobody else's price."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.configdb.support import Compiled, compiled, open_tenant, plain_sql

from tollhouse.configdb.database import ConfigDatabase


def tariff(plan: str, tag: str, rating_plan: str = "RP", timing: str = "*any") -> list[str]:
    """An import of one destination with prefix 1 at one price; nobody is charged by it."""
    return [
        f"INSERT INTO tariff_destinations (plan, tag, prefix) VALUES ('{plan}', '{tag}', '1')",
        "INSERT INTO tariff_rates (plan, tag, connect_fee, rate, rate_unit, rate_increment, slot_start) "
        f"VALUES ('{plan}', 'R', '0', '0.01', '60s', '1s', '0s')",
        "INSERT INTO tariff_destination_rates "
        "(plan, tag, destination, rate, rounding, decimals, max_cost, max_cost_strategy) "
        f"VALUES ('{plan}', 'DR', '{tag}', 'R', '*up', 4, '0', '')",
        "INSERT INTO tariff_rating_plans (plan, tag, destination_rate, timing, weight) "
        f"VALUES ('{plan}', '{rating_plan}', 'DR', '{timing}', '10')",
    ]


@pytest.fixture
def database(tmp_path: Path) -> ConfigDatabase:
    return open_tenant(tmp_path)


def test_the_same_fault_in_two_rows_whose_names_run_together(database: ConfigDatabase, tmp_path: Path) -> None:
    """Timing `c` of import `a b` and timing `b c` of import `a` are both told as `a b c`."""
    with compiled(database, tmp_path) as snapshot:
        for plan, tag in (("a b", "c"), ("a", "b c")):
            timing = "INSERT INTO tariff_timings (plan, tag, years, months, month_days, week_days, time)"
            snapshot.sql(f"{timing} VALUES ('{plan}', '{tag}', '', '', '', '', 'x')", *tariff(plan, "D", "RP", tag))
        assert set(snapshot.problems()) == {("tariff_timings", "a b c", "time")}
        snapshot.sql("UPDATE tariff_timings SET time = '08:00:00'")
        assert snapshot.problems() == []


def test_a_price_of_a_plan_with_long_names_is_in_force_at_once(database: ConfigDatabase, tmp_path: Path) -> None:
    """64 and 98 characters of three octets each: the plan's own names fit, those for other services would not."""
    plan, tag = "國" * 64, "際" * 98
    with compiled(database, tmp_path) as snapshot:
        assert snapshot.sql(*tariff(plan, "D", tag))
        assert snapshot.sql("UPDATE tariff_rates SET rate = '0.02'")
        (found,) = snapshot.reader.rates(f"{plan}/{tag}", "17")
        assert [interval.slots[0].price for interval in found.intervals] == [2]


def test_an_import_named_with_a_nul_takes_no_other_s_price(database: ConfigDatabase, tmp_path: Path) -> None:
    with compiled(database, tmp_path) as snapshot:
        snapshot.sql(*tariff("a", "D"))
        before = list(snapshot.reader.rates("a/RP", "1"))
        assert [one.prefix for one in before] == ["1"]
        snapshot.sql(
            "INSERT INTO tariff_destination_rates "
            "(plan, tag, destination, rate, rounding, decimals, max_cost, max_cost_strategy) "
            "VALUES ('a' || char(0) || '1', 'DR', '*any', 'R', '*up', 4, '0', '')"
        )
        assert list(snapshot.reader.rates("a/RP", "1")) == before


def test_a_prefix_too_long_is_no_fault_any_more_once_it_is_gone(database: ConfigDatabase, tmp_path: Path) -> None:
    with compiled(database, tmp_path) as snapshot:
        long = f"'1' || char(0) || '{'x' * 600}'"
        snapshot.sql(f"INSERT INTO tariff_destinations (plan, tag, prefix) VALUES ('a', 'D', {long})")
        assert snapshot.problems()
        snapshot.sql("DELETE FROM tariff_destinations")
        assert snapshot.problems() == []


def test_a_destination_of_very_many_prefixes_is_read_whole(
    database: ConfigDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As step by step: more prefixes than are read one by one change with one rounding."""
    monkeypatch.setattr("tollhouse.configdb.tariff_reading.MANY", 30)
    more = "INSERT INTO tariff_destinations (plan, tag, prefix) VALUES ('a', 'D', '{}')"
    with compiled(database, tmp_path) as snapshot:
        snapshot.sql(*tariff("a", "D"), *(more.format(number) for number in range(20, 60)))
        plain_sql(database, "UPDATE tariff_destination_rates SET decimals = 3")
        rows = database.rows_since(*_origin(snapshot))
        assert rows.destinations is not None
        assert (rows.destination_prefixes, len(rows.destinations)) == (None, 41)
        assert snapshot.check()
        (tmp_path / "fresh").mkdir()
        fresh = Compiled(database, tmp_path / "fresh")
        assert fresh.rows() == snapshot.rows()
        fresh.close()


def _origin(snapshot: Compiled) -> tuple[str, int]:
    origin = snapshot.cache._writer.origin()
    return origin.database, origin.revision
