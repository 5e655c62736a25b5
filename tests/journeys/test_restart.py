"""A wallet of 10, a call of 85 s, and a process that ends in between: to the last digit, over RADIUS and Diameter.

5700 s: 0.4 + 0.2 for the first minute leave 10 - 0.6 = 9.4; at 0.1 a minute that is 94 minutes more, 95 x 60 = 5700.
85 s: 0.4 + 0.2 + 25 x 0.1 / 60 = 0.64166.., up at 4 decimals 0.6417; 10 - 0.6417 = 9.3583.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Message
from pyrad.packet import Packet
from tests.journeys.kill_calls import Call, Fare, Step
from tests.journeys.kill_lines import DICTIONARY, DiameterLine, Fuse, RadiusLine
from tests.processes import Process, running_demo

FARE = Fare("4420123", 30, Decimal("0.6"), 85, Decimal("0.6417"))
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: str(number.name))
AFTER_THE_CALL = ("9.3583", "0", 2)


def wallet(process: Process) -> tuple[str, str, int]:
    """Balance, what is held, and the number of its records (the first is its opening)."""
    seen = process.rpc("wallet.get", wallet="1001")
    return seen["balance"], seen["held"], seen["records"]


def a_call(protocol: str, *steps: Step) -> Call:
    return Call("7000001", "1001", protocol, FARE, steps)


def radius(process: Process) -> closing[RadiusLine]:
    return closing(RadiusLine(process, Fuse(process.pid, 0, ())))


def diameter(process: Process) -> closing[DiameterLine]:
    return closing(DiameterLine(process, Fuse(process.pid, 0, ())))


def message(answer: bytes) -> Any:
    """An answer of DiameterLine, which leaves out the Hop-by-Hop identifier."""
    return Message.from_bytes(answer[:12] + bytes(4) + answer[12:])


def unchanged(process: Process) -> Callable[[], None]:
    """A check that the wallet, with all its records, is as it is now."""
    before = wallet(process), process.rpc("record.list", wallet="1001")

    def check() -> None:
        assert (wallet(process), process.rpc("record.list", wallet="1001")) == before

    return check


@SIGNALS
def test_radius_a_stop_counts_once_whatever_comes_again(tmp_path: Path, number: signal.Signals) -> None:
    call = a_call("radius", Step.OPEN, Step.START, Step.STOP)
    with running_demo(tmp_path) as process, radius(process) as line:
        assert wallet(process) == ("10", "0", 1)
        accept = Packet(packet=line.ask(call, Step.OPEN), dict=DICTIONARY)
        assert accept["Session-Timeout"] == [5700]
        assert wallet(process) == ("10", "10", 1)
        line.ask(call, Step.START)
        answer = line.ask(call, Step.STOP)
        assert wallet(process) == AFTER_THE_CALL
        check = unchanged(process)
        assert line.again() == answer, "the same bytes get the same bytes"
        check()
        line.ask(call, Step.STOP)
        line.ask(call, Step.STOP, late=7)
        check()
        process.stop(number)
    with running_demo(tmp_path) as process:
        check_restarted = unchanged(process)
        assert wallet(process) == AFTER_THE_CALL
        assert process.rpc("system.audit")["findings"] == []
        with radius(process) as anew:
            anew.ask(call, Step.STOP)
            anew.ask(call, Step.STOP, late=30)
            anew.ask(call, Step.START, late=31)
        check_restarted()
        assert wallet(process) == AFTER_THE_CALL


@SIGNALS
def test_radius_a_call_goes_on_across_a_restart(tmp_path: Path, number: signal.Signals) -> None:
    call = a_call("radius", Step.OPEN, Step.START, Step.STOP)
    with running_demo(tmp_path) as process, radius(process) as line:
        line.ask(call, Step.OPEN)
        line.ask(call, Step.START)
        process.stop(number)
    with running_demo(tmp_path) as process, radius(process) as line:
        assert wallet(process) == ("10", "10", 1)
        line.ask(call, Step.STOP)
        assert wallet(process) == AFTER_THE_CALL
        assert process.rpc("system.audit")["findings"] == []


@SIGNALS
def test_diameter_a_termination_counts_once_and_is_answered_alike(tmp_path: Path, number: signal.Signals) -> None:
    call = a_call("diameter", Step.OPEN, Step.STOP)
    with running_demo(tmp_path) as process, diameter(process) as line:
        opened = line.ask(call, Step.OPEN)
        (service,) = message(opened).multiple_services_credit_control
        assert service.granted_service_unit.cc_time == 5700
        assert wallet(process) == ("10", "10", 1)
        answer = line.ask(call, Step.STOP)
        assert wallet(process) == AFTER_THE_CALL
        check = unchanged(process)
        assert line.again() == answer
        assert line.ask(call, Step.STOP, late=1) == answer
        check()
        process.stop(number)
    with running_demo(tmp_path) as process, diameter(process) as line:
        assert wallet(process) == AFTER_THE_CALL
        check = unchanged(process)
        assert line.ask(call, Step.STOP, late=1) == answer, "T flag, another process: the same bytes"
        check()
        assert process.rpc("system.audit")["findings"] == []


@SIGNALS
def test_diameter_a_call_goes_on_across_a_restart(tmp_path: Path, number: signal.Signals) -> None:
    call = a_call("diameter", Step.OPEN, Step.STOP)
    with running_demo(tmp_path) as process, diameter(process) as line:
        opened = line.ask(call, Step.OPEN)
        process.stop(number)
    with running_demo(tmp_path) as process, diameter(process) as line:
        assert wallet(process) == ("10", "10", 1)
        assert line.ask(call, Step.OPEN, late=1) == opened, "T flag, another process: the same bytes"
        assert wallet(process) == ("10", "10", 1)
        line.ask(call, Step.STOP)
        assert wallet(process) == AFTER_THE_CALL
        assert process.rpc("system.audit")["findings"] == []
