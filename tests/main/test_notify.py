"""What systemd is told by a real process: READY=1, WATCHDOG=1 while the reactor turns, STOPPING=1 (sd_notify(3))."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from tests.processes import PATIENCE, running_serve

from tollhouse.main.notify import notify, watchdog_period


@pytest.fixture
def systemd(tmp_path: Path) -> socket.socket:
    """The other end of $NOTIFY_SOCKET."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(tmp_path / "notify"))
    end.settimeout(PATIENCE)
    return end


def heard(systemd: socket.socket) -> str:
    return systemd.recv(4096).decode()


def test_a_served_process_says_when_it_is_ready_alive_and_stopping(tmp_path: Path, systemd: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
    with systemd, running_serve(tmp_path, env=env) as process:
        assert heard(systemd) == "READY=1"
        assert heard(systemd) == "WATCHDOG=1"
        assert heard(systemd) == "WATCHDOG=1"
        process.popen.send_signal(signal.SIGTERM)
        while (said := heard(systemd)) == "WATCHDOG=1":
            pass
        assert said == "STOPPING=1"
        assert process.popen.wait(PATIENCE) == 0


def test_the_period_is_half_of_what_systemd_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_period() == 15
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_period() == 15


@pytest.mark.parametrize(("wait", "pid"), [("", ""), ("0", ""), ("soon", ""), ("-5", ""), ("30000000", "1")])
def test_without_a_watchdog_of_ours_there_is_no_period(monkeypatch: pytest.MonkeyPatch, wait: str, pid: str) -> None:
    for name, value in (("WATCHDOG_USEC", wait), ("WATCHDOG_PID", pid)):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    assert watchdog_period() is None


def test_abstract_sockets_and_none(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    name = f"tollhouse-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0{name}")
        end.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert heard(end) == "READY=1"
    notify("READY=1")
    assert "systemd was not told READY=1" in caplog.text
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")
