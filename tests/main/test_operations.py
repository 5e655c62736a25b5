"""docs/operations.md is followed, word for word, from an empty machine to charged calls, a backup and a restore."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.processes import PATIENCE, TOLLHOUSE, Process, running_serve, until

from tollhouse.console.metrics import COUNTERS
from tollhouse.radius.probe import run_probe

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
CALLED = "4412345678"
PACKETS = ["Access-Accept", "Accounting-Response", "Accounting-Response"]


def sealed(process: Process, secret: str) -> str:
    """What the page's own command prints, on this process's settings."""
    (words,) = re.findall(r"(?m)^    sudo .*/bin/tollhouse (secret .*)$", PAGE)
    command = [*TOLLHOUSE, *words.split(), "--settings", str(process.directory / "tollhouse.toml")]
    done = subprocess.run(command, input=secret, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout.strip()


def sql(process: Process, statements: str) -> None:
    """Plain SQL by another program, sealed secrets put where the page leaves them out."""
    for marker, secret in (("<sealed RADIUS secret>", "testing123"), ("<sealed password>", "secret")):
        if marker in statements:
            statements = statements.replace(marker, sealed(process, secret))
    with closing(sqlite3.connect(process.directory / "config.sqlite", timeout=10, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(statements)


def in_force(process: Process, statements: str) -> None:
    """The statements, and the generation that they lead to."""
    before = process.rpc("system.status")["generation"]
    sql(process, statements)
    until(lambda: process.rpc("system.status")["generation"] > before)


def call(process: Process) -> list[str]:
    """85 seconds to 4412345678 by RADIUS: what became of each packet."""
    steps = run_probe(
        "127.0.0.1",
        process.radius_auth,
        process.radius_accounting,
        b"testing123",
        "1001",
        "secret",
        CALLED,
        "1001",
        85,
        1.0,
        dictionaries=ROOT / "dictionaries" / "radius",
    )
    return [one.error or one.reply[0] for one in steps]


def balance(process: Process) -> str:
    found: str = process.rpc("wallet.get", wallet="1001")["balance"]
    return found


def configure(process: Process) -> dict[str, Any]:
    """All that the page does, in its order; the answers by method."""
    for statements in re.findall(r"(?s)```sql\n(.*?)```", PAGE):
        in_force(process, statements)
    folder = process.directory / "tariff"
    shutil.copytree(ROOT / "etc" / "demo" / "tariff", folder)
    profiles = folder / "RatingProfiles.csv"
    profiles.write_text(profiles.read_text().replace("demo,", "example,"))
    answers: dict[str, Any] = {}
    for method, params in re.findall(r"(?m)^    rpc ([a-z.]+) '(.*)'", PAGE):
        answers[method] = process.rpc(method, **json.loads(params.replace("/var/lib/tollhouse/tariff", str(folder))))
    return answers


def test_from_an_empty_machine_to_a_charged_call(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        (refused,) = call(process)
        assert refused not in PACKETS
        assert 'reason="unknown' in process.metrics()
        answers = configure(process)
        assert process.rpc("system.status")["config_problems"] == []
        assert answers["tariff.import"]["loaded"] is True
        assert answers["rating.cost"]["cost"] == "0.6417"
        assert answers["wallet.get"]["balance"] == "16"
        assert answers["system.audit"]["findings"] == []
        assert call(process) == PACKETS
        assert balance(process) == "15.3583"
        at = ["--url", f"http://127.0.0.1:{process.http}", "--token-file", str(tmp_path / "token")]
        for words, said in ((["wallet", "get", "1001"], "15.3583"), (["audit"], "all balanced")):
            done = subprocess.run(
                [*TOLLHOUSE, *words, *at], capture_output=True, text=True, timeout=PATIENCE, check=True
            )
            assert said in done.stdout, done.stdout
        assert process.terminate() == 0


def test_the_configuration_says_who_changed_what(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        configure(process)
        in_force(process, "UPDATE gateways SET require_message_authenticator = 1 WHERE name = 'nas1'")
        with closing(sqlite3.connect(tmp_path / "config.sqlite")) as connection:
            rows = connection.execute("SELECT who, table_name, before, after FROM audit ORDER BY revision").fetchall()
    assert [row[:2] for row in rows if row[0] == "anna"] == [("anna", "accounts")]
    who, table, before, after = rows[-1]
    assert (who, table) == ("sql", "gateways")
    told = [json.loads(side) for side in (before, after)]
    assert [(one["name"], one["secret"], one["require_message_authenticator"]) for one in told] == [
        ("nas1", "***", 0),
        ("nas1", "***", 1),
    ]


def test_a_change_that_cannot_be_used_leaves_the_configuration_before_it_in_force(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        configure(process)
        sql(
            process,
            "UPDATE tenants SET zone = 'Mars/Base'; UPDATE gateways SET cidr = '10.0.0.1/8' WHERE name = 'core'",
        )
        until(lambda: len(process.rpc("system.status")["config_problems"]) == 2)
        assert "tollhouse_config_problems 2.0" in process.metrics()
        assert call(process) == PACKETS
        in_force(
            process, "UPDATE tenants SET zone = 'UTC'; UPDATE gateways SET cidr = '10.0.0.0/8' WHERE name = 'core'"
        )
        assert process.rpc("system.status")["config_problems"] == []


def test_a_snapshot_of_the_running_file_system_restores(tmp_path: Path) -> None:
    """The process stands still while its files are copied: to the copy that is one moment, as to a snapshot."""
    (tmp_path / "first").mkdir()
    with running_serve(tmp_path / "first") as process:
        configure(process)
        assert call(process) == PACKETS
        process.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        shutil.copytree(tmp_path / "first", tmp_path / "second")
        process.popen.send_signal(signal.SIGCONT)
        assert call(process) == PACKETS
        assert balance(process) == "14.7166"
    with running_serve(tmp_path / "second") as restored:
        assert balance(restored) == "15.3583"
        assert restored.rpc("system.audit")["findings"] == []
        assert call(restored) == PACKETS


def test_a_copy_of_a_stopped_directory_restores(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    with running_serve(tmp_path / "first") as process:
        configure(process)
        assert call(process) == PACKETS
        assert process.terminate() == 0
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    with running_serve(tmp_path / "second") as restored:
        assert balance(restored) == "15.3583"
        assert call(restored) == PACKETS


def test_ipv6_wildcards_take_ipv4_too(tmp_path: Path) -> None:
    with running_serve(tmp_path, address="::") as process:
        configure(process)
        assert call(process) == PACKETS
        assert process.terminate() == 0


def test_every_metric_that_the_page_names_is_there(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        there = set(re.findall(r"(?m)^# TYPE (\w+)", process.metrics()))
    named = set(re.findall(r"`((?:tollhouse|process)_[a-z_]+)", PAGE))
    assert named - there - {f"tollhouse_{name}_total" for name in COUNTERS} == set()
    assert len(named) > 15
