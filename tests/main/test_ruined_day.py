"""Old record files under a real process: one that is whole is brought forward and goes, one that is ruined is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.cli.terminal import tollhouse
from tests.processes import Process, RpcError, running_demo, until

OLD = "2020-01-01"
"""More than 400 days ago, whenever the test runs."""


def aged(tmp_path: Path) -> Path:
    """A demo that was stopped, its records in a file of long ago."""
    with running_demo(tmp_path) as process:
        process.rpc("wallet.recharge", wallet="1001", amount="1.00", request_id="r1")
        assert process.terminate() == 0
    [day] = (tmp_path / "demo" / "data" / "records").glob("*.lmdb")
    (day.parent / f"{day.name}-lock").unlink()
    return day.rename(day.parent / f"{OLD}.lmdb")


def texts(process: Process) -> list[str]:
    return [one["text"] for one in process.rpc("system.audit")["findings"]]


def test_a_day_past_its_retention_goes_and_all_stays_proved(tmp_path: Path) -> None:
    """1001 opened with 10 euros and was given 1: two records, then what stands for them; after kill -9 too."""
    day = aged(tmp_path)
    with running_demo(tmp_path) as process:
        until(lambda: not day.exists())
        assert texts(process) == []
        process.kill()
    with running_demo(tmp_path) as process:
        process.rpc("wallet.recharge", wallet="1001", amount="1.00", request_id="r2")
        first, second = process.rpc("record.list", wallet="1001")["records"]
        assert (first["kind"], first["sequence"], first["balance"]) == ("brought forward", 2, "11")
        assert (second["kind"], second["sequence"], second["balance"]) == ("recharge", 3, "12")
        assert texts(process) == []
        assert process.terminate() == 0
    assert tollhouse("audit", "--data", str(tmp_path / "demo" / "data"), "--url", "http://127.0.0.1:1").status == 0


@pytest.mark.parametrize("left", [0, 4097, 8192])
def test_a_day_that_was_cut_short_is_named_and_the_rest_is_served(tmp_path: Path, left: int) -> None:
    """Two pages of 4096 octets are the head of an LMDB file."""
    day = aged(tmp_path)
    os.truncate(day, left)
    with running_demo(tmp_path) as process:
        assert any(text.startswith(f"records of {OLD} cannot be read: ") for text in texts(process))
        with pytest.raises(RpcError, match=f"-32603.*records of {OLD} cannot be read"):
            process.rpc("record.list", wallet="1001")
        process.rpc("wallet.recharge", wallet="1001", amount="1.00", request_id="r2")
        assert process.rpc("wallet.get", wallet="1001")["balance"] == "12"
        assert [one["sequence"] for one in process.rpc("record.list", wallet="1001", after=2)["records"]] == [3]
        until(lambda: 'tollhouse_store_days_kept_total{reason="unproved"} 1.0' in process.metrics())
        assert process.terminate() == 0
    assert day.stat().st_size == left
    offline = tollhouse("audit", "--data", str(tmp_path / "demo" / "data"), "--url", "http://127.0.0.1:1")
    assert offline.status == 1
    assert f"records of {OLD} cannot be read: " in offline.out
