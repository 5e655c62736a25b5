"""Real `tollhouse` processes on ports that the kernel picked, each with its own directory, stopped by its own pid.

with running_demo(tmp_path, subscribers=100) as process:
    process.rpc("wallet.get", wallet="1001")
    process.kill()
with running_demo(tmp_path) as process: ...     # what is there, started again
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

TOLLHOUSE = (sys.executable, "-m", "tollhouse.main")
PATIENCE = 90
"""Seconds within which a process answers or ends; a bound, not a wait."""
ATTEMPTS = 5
PROTOCOLS = ("radius", "diameter", "sip")


@dataclass(frozen=True)
class Ports:
    """Where a process listens on 127.0.0.1."""

    radius_auth: int
    radius_accounting: int
    diameter: int
    sip: int
    http: int

    @staticmethod
    def shifted(offset: int) -> Ports:
        """The well-known ports plus `offset`, as the demo has them."""
        return Ports(*(port + offset for port in (1812, 1813, 3868, 5060, 2080)))

    @property
    def offset(self) -> int:
        """The demo's `--port-offset`."""
        return self.http - 2080


@dataclass
class Process:
    """A started process. What it printed is in the files `out` and `err`."""

    popen: subprocess.Popen[bytes]
    ports: Ports
    directory: Path
    out: Path
    err: Path
    token_file: Path | None = None
    _ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def radius_auth(self) -> int:
        return self.ports.radius_auth

    @property
    def radius_accounting(self) -> int:
        return self.ports.radius_accounting

    @property
    def diameter(self) -> int:
        return self.ports.diameter

    @property
    def sip(self) -> int:
        return self.ports.sip

    @property
    def http(self) -> int:
        return self.ports.http

    @property
    def token(self) -> str | None:
        """The bearer token; None for the demo."""
        return self.token_file.read_text().strip() if self.token_file else None

    def running(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.popen.kill()
        self.popen.wait(PATIENCE)

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        return self.stop(signal.SIGTERM)

    def stop(self, number: signal.Signals) -> int:
        """That signal; the exit status."""
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """One HTTP request: status and body."""
        connection = HTTPConnection("127.0.0.1", self.http, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def health(self) -> int:
        """The status of GET /health; 0 where nothing answers."""
        try:
            return self.ask("GET", "/health")[0]
        except OSError:
            return 0

    def rpc(self, method: str, **params: Any) -> Any:
        """The result of a JSON-RPC call, with the token where there is one; RpcError where it is refused."""
        call = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        token = self.token
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        status, body = self.ask(
            "POST", "/jsonrpc", json.dumps(call).encode(), Content_Type="application/json", **bearer
        )
        if status != 200:
            raise RpcError({"status": status, "text": body.decode(errors="replace")})
        answer = json.loads(body)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def metrics(self) -> str:
        """GET /metrics."""
        return self.ask("GET", "/metrics")[1].decode()


class RpcError(Exception):
    """A JSON-RPC call was refused; `error` is the error object, or the HTTP status with its text."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error


def until(condition: Callable[[], bool]) -> None:
    """Polls a real process until it holds; PATIENCE is a bound, not a wait."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not come to hold within {PATIENCE} s")
        time.sleep(0.01)


def free_ports() -> Ports:
    """Ports that the kernel had free just now, as far from each other as the demo's."""
    while True:
        with ExitStack() as stack:
            first = _bound(stack, socket.SOCK_STREAM, 0)
            ports = Ports.shifted(first - 2080)
            with suppress(OSError, OverflowError):
                _bound(stack, socket.SOCK_STREAM, ports.diameter)
                for port in (ports.radius_auth, ports.radius_accounting, ports.sip):
                    _bound(stack, socket.SOCK_DGRAM, port)
                return ports


def _bound(stack: ExitStack, kind: socket.SocketKind, port: int) -> int:
    one = stack.enter_context(socket.socket(socket.AF_INET, kind))
    one.bind(("127.0.0.1", port))
    number: int = one.getsockname()[1]
    return number


@contextmanager
def running_demo(
    directory: Path,
    subscribers: int = 0,
    probe: bool = False,
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = TOLLHOUSE,
) -> Iterator[Process]:
    """`tollhouse demo` in `directory`/demo, answering on HTTP; killed at the end where it still runs.

    `program`: what is started as `tollhouse`; where it does not become it (strace -D), it must end with it.
    """

    def command(ports: Ports) -> Sequence[str]:
        options = ["--port-offset", str(ports.offset), "--subscribers", str(subscribers)]
        return [*program, "demo", str(directory / "demo"), *options, *([] if probe else ["--no-probe"])]

    with _running(directory, "demo", command, env or {}) as process:
        yield process


@contextmanager
def running_serve(
    directory: Path,
    more: str = "",
    protocols: Sequence[str] = PROTOCOLS,
    env: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
    address: str = "127.0.0.1",
    realm: str = "example.net",
    program: Sequence[str] | None = None,
) -> Iterator[Process]:
    """`tollhouse serve` on `directory`/tollhouse.toml, `more` at its end, all files in `directory`.

    `under`: a program that becomes it (strace -D); `program`: what to run instead, with the settings file behind it,
    a fault planted in it perhaps. It answers on HTTP; killed at the end where it still runs.
    """
    file = directory / "tollhouse.toml"

    def command(ports: Ports) -> Sequence[str]:
        file.write_text(settings_text(ports, protocols, address, realm) + more)
        return [*under, *([*program, str(file)] if program else serve_command(file))]

    with _running(directory, "serve", command, env or {}, directory / "token") as process:
        yield process


def serve_command(file: Path) -> list[str]:
    """The production start on that settings file."""
    return [*TOLLHOUSE, "serve", "--settings", str(file)]


def settings_text(
    ports: Ports,
    protocols: Sequence[str] = PROTOCOLS,
    address: str = "127.0.0.1",
    realm: str = "example.net",
) -> str:
    """A settings file for these ports on loopback, with every path beside the file."""
    sections = {
        "paths": {"data": "data", "database": "config.sqlite", "key_file": "key", "token_file": "token"},
        "http": {"port": ports.http},
        "radius": {"auth_port": ports.radius_auth, "accounting_port": ports.radius_accounting},
        "diameter": {"port": ports.diameter, "origin_host": f"ocs.{realm}", "origin_realm": realm},
        "sip": {"port": ports.sip},
    }
    lines = []
    for name, section in sections.items():
        if name not in PROTOCOLS or name in protocols:
            lines.append(f"[{name}]")
            where = {} if name == "paths" else {"address": address}
            lines.extend(f"{key} = {json.dumps(value)}" for key, value in {**where, **section}.items())
    return "\n".join(lines) + "\n"


@contextmanager
def _running(
    directory: Path,
    name: str,
    command: Callable[[Ports], Sequence[str]],
    env: Mapping[str, str],
    token_file: Path | None = None,
) -> Iterator[Process]:
    """Started on free ports, and on others where someone was quicker; it answers, or this raises what it said."""
    for _ in range(ATTEMPTS):
        ports = free_ports()
        process = start(command(ports), directory, name, ports, env, token_file)
        try:
            if _answers(process):
                yield process
                return
        finally:
            if process.running():
                process.kill()
        if "Address already in use" not in process.err.read_text():
            break
    raise RuntimeError(f"it ended with {process.popen.returncode}: {process.err.read_text()}")


def start(
    command: Sequence[str],
    directory: Path,
    name: str,
    ports: Ports,
    env: Mapping[str, str] | None = None,
    token_file: Path | None = None,
) -> Process:
    """Started and not waited for; the caller ends it."""
    out, err = directory / f"{name}.out", directory / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env={**os.environ, **(env or {})}
        )
    return Process(popen, ports, directory, out, err, token_file)


def _answers(process: Process) -> bool:
    """Whether it came to answer on HTTP; False when it ended before."""
    end = time.monotonic() + PATIENCE
    while process.running():
        if process.health():
            return True
        if time.monotonic() > end:
            raise TimeoutError(f"no answer within {PATIENCE} s: {process.err.read_text()}")
        time.sleep(0.02 + random.random() / 100)
    return False
