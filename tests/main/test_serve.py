"""`tollhouse serve` as a real process with its own directory."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.processes import PATIENCE, TOLLHOUSE, free_ports, running_serve, serve_command, settings_text, until

from tollhouse.main.setting_table import DEFAULT_FILE

TENANT = (
    "INSERT INTO units (name, decimals) VALUES ('EUR', 6)",
    "INSERT INTO tenants (name, unit, zone) VALUES ('one', 'EUR', 'UTC')",
    "INSERT INTO balance_types (name, unit, cascade_order) VALUES ('cash', 'EUR', 10)",
)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def refused(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    file = tmp_path / "tollhouse.toml"
    file.write_text(text)
    return subprocess.run(serve_command(file), capture_output=True, text=True, timeout=PATIENCE, check=False)


def _sql(directory: Path, *statements: str) -> None:
    """Plain SQL by another program."""
    with closing(sqlite3.connect(directory / "config.sqlite", timeout=10)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            connection.execute(statement)


def _bound(pid: int) -> set[tuple[str, int]]:
    """The sockets of that process that wait for packets or connections: protocol and port, as the kernel has them."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            inodes.add(os.readlink(descriptor))
    found = set()
    for protocol, waiting in (("udp", "07"), ("tcp", "0A")):
        for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == waiting and f"socket:[{columns[9]}]" in inodes:
                found.add((protocol, int(columns[1].split(":")[1], 16)))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_start_serves_with_nothing_configured(tmp_path: Path, number: signal.Signals) -> None:
    with running_serve(tmp_path) as process:
        assert process.health() == 200
        assert process.rpc("system.status")["config_problems"] == []
        assert process.rpc("wallet.list")["wallets"] == []
        assert process.stop(number) == 0
    assert mode(tmp_path / "token") == mode(tmp_path / "key") == mode(tmp_path / "config.sqlite") == 0o600
    assert mode(tmp_path / "data") & 0o007 == 0


def test_the_api_needs_the_token(tmp_path: Path) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"system.status","params":{}}'
    with running_serve(tmp_path) as process:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert process.ask("POST", "/jsonrpc", body, Content_Type="application/json", **headers)[0] == 401
        assert "generation" in process.rpc("system.status")
        assert process.ask("GET", "/metrics")[0] == 200


def test_the_state_survives_a_clean_stop_and_a_crash(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        empty = process.rpc("system.status")["generation"]
        _sql(tmp_path, *TENANT)
        until(lambda: process.rpc("system.status")["generation"] > empty)
        process.rpc("wallet.create", wallet="a", request_id="1", opening="10.00")
        token = process.token
        assert process.terminate() == 0
    with running_serve(tmp_path) as process:
        assert process.token == token
        assert process.rpc("wallet.get", wallet="a")["balance"] == "10"
        process.rpc("wallet.recharge", wallet="a", request_id="2", amount="0.000001")
        process.kill()
    with running_serve(tmp_path) as process:
        assert process.rpc("wallet.get", wallet="a")["balance"] == "10.000001"
        process.rpc("wallet.recharge", wallet="a", request_id="2", amount="0.000001")
        assert process.rpc("wallet.get", wallet="a")["balance"] == "10.000001"


def test_a_second_start_on_the_same_directory_is_refused_by_name(tmp_path: Path) -> None:
    with running_serve(tmp_path) as process:
        elsewhere = tmp_path / "second.toml"
        elsewhere.write_text(settings_text(free_ports()))
        done = subprocess.run(serve_command(elsewhere), capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 1
        assert done.stderr == f"tollhouse: cannot start: {tmp_path / 'data'} is held by process {process.pid}\n"
        assert process.health() == 200


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    ports = free_ports()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", ports.radius_accounting))
        done = refused(tmp_path, settings_text(ports))
    assert done.returncode == 1
    at = f"tollhouse: cannot start: 127.0.0.1:{ports.radius_accounting}/udp: "
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("tollhouse:")]
    assert line.startswith(at)
    assert line.endswith(f"Address already in use; radius.accounting_port in {tmp_path / 'tollhouse.toml'} moves it")


@pytest.mark.parametrize("protocol", ["radius", "diameter", "sip", ""])
def test_a_protocol_is_served_when_its_section_is_there(tmp_path: Path, protocol: str) -> None:
    with running_serve(tmp_path, protocols=(protocol,) if protocol else ()) as process:
        ports = {
            "radius": {("udp", process.radius_auth), ("udp", process.radius_accounting)},
            "diameter": {("tcp", process.diameter)},
            "sip": {("udp", process.sip)},
            "": set(),
        }
        assert _bound(process.pid) == {("tcp", process.http), *ports[protocol]}
        assert process.rpc("system.status")["peers"] == []
        assert process.terminate() == 0


def test_bad_settings_are_all_said_with_status_78(tmp_path: Path) -> None:
    done = refused(tmp_path, "[engine]\nmax_grnt = 1\non_overrun = 'x'\n[http]\nport = 1.0\n")
    file = tmp_path / "tollhouse.toml"
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        f"{file}: http.port: 1.0 is a fraction; a whole number is expected: 1 to 65535",
        f"{file}: engine.max_grnt: unknown key; the nearest allowed is max_grant",
        f'{file}: engine.on_overrun: "x" is not allowed; allowed: debt, cap',
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tollhouse.toml"]


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    command = serve_command(tmp_path / "none.toml")
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (78, f"{tmp_path / 'none.toml'}: No such file or directory\n")


@pytest.mark.parametrize("name", ["token", "key"])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    secret = tmp_path / name
    secret.touch(mode=0o600)
    secret.write_text("x" * 43 + "\n")
    os.chmod(secret, 0o640)
    done = refused(tmp_path, settings_text(free_ports()))
    assert done.returncode == {"token": 78, "key": 1}[name]
    assert f"{name} file {secret}: " in done.stderr
    assert "chmod 600" in done.stderr
    assert "xxx" not in done.stderr


def test_a_stop_that_breaks_is_said_and_is_no_clean_one(tmp_path: Path) -> None:
    """A fault planted in the store's last step of a stop."""
    plant = (
        "import sys; from pathlib import Path; from tollhouse.engine.timers import Timers;"
        "from tollhouse.main.serve import serve; Timers.finish = lambda self: 1 // 0;"
        "sys.exit(serve(Path(sys.argv[1])))"
    )
    with running_serve(tmp_path, program=[sys.executable, "-c", plant]) as process:
        assert process.terminate() == 1
    assert "tollhouse: no clean stop: " in process.err.read_text()
    assert "ZeroDivisionError" in process.err.read_text()


def test_dictionaries_that_are_not_there_end_the_start(tmp_path: Path) -> None:
    text = settings_text(free_ports()).replace("[http]", 'dictionaries = "none"\n[http]')
    done = refused(tmp_path, text)
    assert done.returncode == 1
    assert f"cannot start: the RADIUS dictionaries under {tmp_path / 'none' / 'radius'} cannot be read" in done.stderr


def test_the_settings_file_has_a_default() -> None:
    """Told no file, it reads /etc/tollhouse/tollhouse.toml; that is what its help says."""
    done = subprocess.run([*TOLLHOUSE, "serve", "--help"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert f"(default: {DEFAULT_FILE})" in " ".join(done.stdout.split())
    assert str(DEFAULT_FILE) == "/etc/tollhouse/tollhouse.toml"
