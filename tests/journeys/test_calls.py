"""Whole calls over each protocol against a real process: what is sent, what comes back, how the wallets stand.

The calls are in `calls/*.txt`, to be read by people; every figure there is worked out by hand beside it.

The demo's tariff: to 44.. a connect fee of 0.4, the first minute 0.2 whole, then 0.1 a minute by the second, rounded up
at 4 decimals; to 331.. 0.01 a second. Wallets: 1001 has 10.00, 1002 a credit limit of 100.00, 1003 has 0.50. A grant is
at most 7200 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.calls_transcript import played
from tests.processes import Process, running_demo


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Process]:
    with running_demo(tmp_path) as process:
        yield process


CALLS = Path(__file__).parent / "calls"
TRANSCRIPTS = ("radius", "diameter", "sip", "sip-cancel", "json-rpc", "refused", "accounting-off")


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_call_goes_as_written(demo: Process, name: str) -> None:
    transcript = (CALLS / f"{name}.txt").read_text()
    assert played(demo, transcript) == transcript
    assert demo.rpc("system.audit")["findings"] == []


def test_every_transcript_is_played() -> None:
    assert {path.stem for path in CALLS.iterdir()} == set(TRANSCRIPTS)


def test_every_cent_of_a_call_is_in_a_record(demo: Process) -> None:
    """Opening 10; the interim of 30 s takes 0.6, the Stop of 85 s the rest, 0.6417 - 0.6 = 0.0417."""
    played(demo, (CALLS / "radius.txt").read_text())
    records = demo.rpc("record.list", wallet="1001")["records"]
    assert [(one["kind"], one["amount"], one["balance"]) for one in records] == [
        ("open", "10", "10"),
        ("session", "-0.6", "9.4"),
        ("session", "-0.0417", "9.3583"),
    ]
    call = records[-1]["session"]
    assert (call["called"], call["usage"], call["cost"], call["overdrawn"]) == ("4412345678", "85", "0.6417", "0")
    assert demo.rpc("system.status")["open_sessions"] == 0
