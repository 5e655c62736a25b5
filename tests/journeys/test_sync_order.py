"""The whole appliance under strace: no answer that moved money leaves before the fdatasync that covers it.

kill -9 cannot show that, the page cache survives it. The order of the system calls does; where syncing is planted off,
the same check fails for every answer.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.journeys.calls_clients import SipSwitch
from tests.journeys.kill_calls import FARES, Call, Step
from tests.journeys.kill_lines import ApiLine, DiameterLine, Fuse, RadiusLine
from tests.peers.need import need
from tests.processes import TOLLHOUSE, Process, running_demo, until
from tests.store.sync_order import CALLS, Order, sync_order

LAUNCHER = (sys.executable, str(Path(__file__).with_name("sync_launcher.py")))
SWITCHES = 8
CALLS_EACH = 5
ALL_STEPS = (Step.OPEN, Step.START, Step.UPDATE, Step.STOP)


@contextmanager
def traced(directory: Path, program: Sequence[str]) -> Iterator[Process]:
    """The demo under strace, which writes to `directory`/trace and has written all of it when this returns."""
    trace = directory / "trace"
    strace = (need("strace"), "-D", "-f", "-yy", "-e", CALLS, "-o", str(trace))
    with running_demo(directory, subscribers=8, program=(*strace, *program)) as process:
        yield process
        assert process.terminate() == 0
    ended = re.compile(rf"^{process.pid} +\+\+\+ exited with 0 ", re.MULTILINE)
    until(lambda: ended.search(trace.read_text()) is not None)


def place_calls(process: Process) -> Counter[int]:
    """Calls over each protocol, one request at a time. How many answers moved or held money, by port."""
    ports, fuse, moved = process.ports, Fuse(0, 0, ()), Counter[int]()
    with (
        closing(RadiusLine(process, fuse)) as radius,
        closing(DiameterLine(process, fuse)) as diameter,
        closing(ApiLine(process, fuse)) as api,
        closing(SipSwitch(ports.sip)) as sip,
    ):
        for number in range(CALLS_EACH):
            for step in ALL_STEPS:
                radius.ask(Call(f"71{number}", "000001", "radius", FARES[0], ALL_STEPS), step)
                moved[ports.radius_auth if step is Step.OPEN else ports.radius_accounting] += 1
            steps = (Step.OPEN, Step.UPDATE, Step.STOP)
            for step in steps:
                diameter.ask(Call(f"72{number}", "000002", "diameter", FARES[0], steps), step)
                moved[ports.diameter] += 1
            for step in ALL_STEPS:
                api.ask(Call(f"73{number}", "000003", "api", FARES[0], ALL_STEPS), step)
                moved[ports.http] += 1
            status, _ = sip.invite("000004", f"44201{number}", f"call-{number}")
            assert status.startswith("302 "), status
            moved[ports.sip] += 1
            process.rpc("wallet.recharge", wallet="000003", amount="1", request_id=f"top-up-{number}")
            moved[ports.http] += 1
    return moved


def place_calls_at_once(process: Process) -> int:
    """RADIUS calls from several switches at a time. How many answers moved or held money."""

    def one_switch(number: int) -> None:
        with closing(RadiusLine(process, Fuse(0, 0, ()))) as line:
            for place in range(CALLS_EACH):
                call = Call(f"74{number}{place}", f"00000{number}", "radius", FARES[place], ALL_STEPS)
                for step in ALL_STEPS:
                    line.ask(call, step)

    with ThreadPoolExecutor(SWITCHES) as pool:
        list(pool.map(one_switch, range(1, SWITCHES + 1)))
    return SWITCHES * CALLS_EACH * len(ALL_STEPS)


def by_port(order: Order, recorded: bool) -> Counter[int]:
    """How many answers there were, by our own port."""
    return Counter(
        int(answer.socket.partition(":[127.0.0.1:")[2].partition("]")[0].partition("->")[0])
        for answer in order.answers
        if answer.recorded is recorded
    )


@pytest.mark.peer
def test_no_answer_leaves_before_the_sync_that_covers_it(tmp_path: Path) -> None:
    with traced(tmp_path, TOLLHOUSE) as process:
        moved = place_calls(process)
    order = sync_order((tmp_path / "trace").read_text())
    assert order.early == []
    assert by_port(order, recorded=True) == moved
    others = by_port(order, recorded=False)
    del others[process.http]  # GET /health
    assert others == {process.diameter: 1}, "capabilities are exchanged, nothing is charged"
    assert order.syncs >= order.writes >= sum(moved.values())


@pytest.mark.peer
def test_no_answer_leaves_early_when_many_ask_at_once(tmp_path: Path) -> None:
    with traced(tmp_path, TOLLHOUSE) as process:
        moved = place_calls_at_once(process)
    order = sync_order((tmp_path / "trace").read_text())
    assert order.early == []
    answers = by_port(order, recorded=True)
    assert answers[process.radius_auth] + answers[process.radius_accounting] == moved
    others = by_port(order, recorded=False)
    assert (others[process.radius_auth], others[process.radius_accounting]) == (0, 0)


@pytest.mark.peer
def test_the_check_fails_where_syncing_is_planted_off(tmp_path: Path) -> None:
    with traced(tmp_path, LAUNCHER) as process:
        moved = place_calls(process)
    order = sync_order((tmp_path / "trace").read_text())
    assert len(order.early) >= sum(moved.values())
    assert by_port(order, recorded=True) == {}
