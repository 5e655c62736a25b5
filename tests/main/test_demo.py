"""`tollhouse demo` as a real process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.processes import PATIENCE, TOLLHOUSE, Ports, free_ports, running_demo, until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running_demo(tmp_path) as process:
        assert process.health() == 200
        assert process.rpc("wallet.get", wallet="1001")["balance"] == "10"
        assert process.stop(number) == 0
    assert process.err.read_text() == ""


def test_a_taken_port_is_named_with_the_option_that_moves_it(tmp_path: Path) -> None:
    ports: Ports = free_ports()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", ports.diameter))
        other.listen()
        command = [*TOLLHOUSE, "demo", str(tmp_path / "demo"), "--no-probe", "--port-offset", str(ports.offset)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    line = rf"tollhouse: cannot start: 127\.0\.0\.1:{ports.diameter}/tcp: .*Address already in use; --port-offset N"
    assert re.search(line, done.stderr)


def test_a_second_ctrl_c_is_not_taken_ill(tmp_path: Path) -> None:
    """An operator who presses it again while the first stop is under way."""
    with running_demo(tmp_path) as process:
        for _ in range(5):
            process.popen.send_signal(signal.SIGINT)
        assert process.stop(signal.SIGINT) == 0
    assert process.err.read_text() == ""


def test_it_serves_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    """As in `tollhouse demo DIR | head -1`: the calls are placed all the same, and no trace is left."""
    unread = ("bash", "-c", 'exec "$@" > >(true)', "bash", *TOLLHOUSE)
    with running_demo(tmp_path, probe=True, program=unread) as process:
        until(lambda: len(process.rpc("session.list")["sessions"]) == 3)
        assert process.rpc("wallet.get", wallet="1001")["balance"] == "9.3583"
        assert process.stop(signal.SIGTERM) == 0
    assert process.err.read_text() == ""
