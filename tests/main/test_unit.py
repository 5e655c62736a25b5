"""systemd/tollhouse.service: systemd takes it, it is closed tightly, and what it forbids the process never asks for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.peers.need import need
from tests.processes import PATIENCE, running_serve, until

from tollhouse.main.serve import BAD_SETTINGS

pytestmark = pytest.mark.peer

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "tollhouse.service"
PROGRAM = "/opt/tollhouse/.venv/bin/tollhouse"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine."""
    text = UNIT.read_text()
    assert text.count(PROGRAM) == 1
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(PROGRAM, str(Path(sys.executable).parent / "tollhouse")))
    return copy


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = [need("systemd-analyze"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def setting(name: str) -> list[str]:
    return re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text())


def test_systemd_takes_the_unit(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_finds_it_closed(unit: Path) -> None:
    """Exposure of at most 1.5 of 10; systemd calls up to 2 "ok"."""
    done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout


def test_what_starting_again_does_not_mend_is_not_tried_again() -> None:
    assert setting("RestartPreventExitStatus") == [f"2 {BAD_SETTINGS}"]


def test_the_process_asks_for_nothing_that_the_unit_forbids(tmp_path: Path) -> None:
    """A first start, an answer, a clean stop: system calls, address families, files written."""
    strace = need("strace")
    sets = _syscall_sets()
    allow, forbid = (line.split() for line in setting("SystemCallFilter"))
    allowed = set().union(*(sets[name] for name in allow))
    forbidden = set().union(*(sets[name.removeprefix("~")] for name in forbid))
    as_root = {"fchown"} if os.geteuid() == 0 else set()  # SQLite gives its files to the database's owner
    trace = tmp_path / "trace"
    with running_serve(tmp_path, under=[strace, "-D", "-f", "-e", "signal=none", "-o", str(trace)]) as process:
        assert process.rpc("wallet.list")["wallets"] == []
        assert process.terminate() == 0
    until(lambda: f"{process.pid} +++ exited with 0" in " ".join(trace.read_text().split()))
    text = trace.read_text()
    assert set(re.findall(r"socket\((AF_\w+)", text)) <= set(setting("RestrictAddressFamilies")[0].split())
    written = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)", O_(?:RDWR|WRONLY)', text)
    beside = [path for path in written if not path.startswith((str(tmp_path), "/dev/")) and "__pycache__" not in path]
    assert (beside, str(tmp_path / "config.sqlite") in written) == ([], True)
    asked = set(re.findall(r"(?m)^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", text))
    assert {"fdatasync", "sendto", "bind"} <= asked
    assert asked - (allowed - forbidden) - as_root == set()


def _syscall_sets() -> dict[str, set[str]]:
    """What systemd means by each @name, all the way down."""
    listed: dict[str, list[str]] = {}
    members: list[str] = []
    for line in analyze("syscall-filter", "--no-pager").stdout.splitlines():
        if line.startswith("@"):
            members = listed.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())

    def flat(name: str) -> set[str]:
        return set().union(*(flat(one) if one.startswith("@") else {one} for one in listed[name]))

    return {name: flat(name) for name in listed if not name.startswith("@known")}
