"""Requests/s, CPU per request and latency of the running appliance, beside a Twisted UDP echo in the same run.

    tools/bench.py --loadgen DIR        DIR = the source of a load generator (C; `make` builds it)

The generator checks every answer and prints one JSON line a run. Each figure is the median of `--runs` runs. CPU is
that of the whole process, system calls included. Afterwards no reservation may be open.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
ECHO = """
import sys
from twisted.internet import epollreactor
epollreactor.install()
from twisted.internet import protocol, reactor
class Echo(protocol.DatagramProtocol):
    def datagramReceived(self, data, address):
        self.transport.write(data, address)
reactor.listenUDP(int(sys.argv[1]), Echo(), interface="127.0.0.1")
reactor.run()
"""


def build(source: Path, scratch: Path) -> Path:
    """The generator, built in a copy of its source."""
    copy = scratch / "loadgen"
    shutil.copytree(source, copy)
    subprocess.run(["make", "-s", "-C", str(copy), "loadgen"], check=True)
    return copy / "loadgen"


def run(loadgen: Path, label: str, pid: int, arguments: list[str], runs: int, seconds: int) -> dict[str, Any]:
    """Medians of several runs of one kind."""
    results = []
    for _ in range(runs):
        command = [str(loadgen), *arguments, "--duration", str(seconds), "--warmup", "1", "--pid", str(pid), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            raise SystemExit(f"{label}: the generator failed: {done.stderr[-500:]}")
        results.append(json.loads(done.stdout.splitlines()[-1]))
    median = statistics.median
    return {
        "label": label,
        "rps": median(one["rps"] for one in results),
        "cpu": median(one["server_cpu_s_per_1000"] * 1000 for one in results),
        "p50": median(one["lat_us"]["p50"] for one in results),
        "p99": median(one["lat_us"]["p99"] for one in results),
        "bad": sum(one["errors"] + one["timeouts"] for one in results),
        "other": max(0, *(one["other_cpu_s"] for one in results)) / seconds,
    }


def wait_for(url: str, alive: Callable[[], bool] = lambda: True) -> None:
    """Until the appliance answers /health; ten minutes at most (many subscribers are made first)."""
    for _ in range(1200):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if not alive():
                break
            time.sleep(0.5)
    raise SystemExit("the appliance did not start")


def options_of(offset: int, subscribers: int) -> dict[str, list[str]]:
    """How the generator speaks each protocol to a demo: 64 requests outstanding over all subscribers."""
    users = ["--subs", str(subscribers), "--digits", "6", "--called", "44", "--window", "64"]
    ports = ["--port", str(1812 + offset), "--port2", str(1813 + offset)]
    diameter = ["diameter", "--port", str(3868 + offset), "--dest-realm", "demo.invalid"]
    return {
        "radius": ["radius", *ports, "--secret", "testing123", "--cycle", "ASP", "--need-timeout", *users],
        "diameter": [*diameter, "--cycle", "IUT", "--mscc", "--need-grant", *users],
        "sip": ["sip", "--port", str(5060 + offset), "--pai", *users],
    }


def open_sessions(http: int) -> int:
    """How many sessions the appliance still holds open."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "system.status", "params": {}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{http}/jsonrpc", json.dumps(call).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(json.loads(answer.read())["result"]["open_sessions"])


def main() -> int:
    """Build, start, load, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loadgen", default="", help="directory of the load generator's source")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--offset", type=int, default=20_000)
    parser.add_argument("--directory", type=Path, default=Path("var"), help="on the disk to measure (default: ./var)")
    given = parser.parse_args()
    missing = [program for program in ("gcc", "make") if shutil.which(program) is None]
    if not given.loadgen or not Path(given.loadgen, "loadgen.c").exists():
        missing.append("the source of a load generator (--loadgen DIR)")
    if missing:
        print(f"load: skipped, missing: {', '.join(missing)}")
        return 0
    given.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.directory, prefix="bench-") as scratch:
        return load(given, Path(scratch))


def table(rows: list[dict[str, Any]], given: argparse.Namespace) -> str:
    """The figures under each other; `others` is the CPU that everything else on the machine took: above 15% spoils."""
    names = f"{'p50 us':>10}{'p99 us':>10}{'errors':>8}{'others':>8}"
    lines = [
        f"\n{os.cpu_count()} cores; medians of {given.runs} runs of {given.seconds} s; window 64; ratio: to echo",
        f"{'':26}{'requests/s':>12}{'CPU us/req':>12}{'ratio':>8}{names}",
    ]
    for row in rows:
        speed = f"{row['label']:26}{row['rps']:12,.0f}{row['cpu']:12.1f}{row['cpu'] / rows[0]['cpu']:8.1f}"
        lines.append(f"{speed}{row['p50']:10,.0f}{row['p99']:10,.0f}{row['bad']:8}{row['other']:8.0%}")
    return "\n".join(lines)


def load(given: argparse.Namespace, scratch: Path) -> int:
    """The appliance and an echo under the same generator."""
    loadgen = build(Path(given.loadgen), scratch)
    offset = given.offset
    options = ["--port-offset", str(offset), "--no-probe", "--subscribers", str(given.subscribers)]
    start = [str(BIN / "tollhouse"), "demo", str(scratch / "demo"), *options]
    demo = subprocess.Popen(start, stdout=subprocess.DEVNULL)
    echo = subprocess.Popen([sys.executable, "-c", ECHO, str(9000 + offset)])
    try:
        wait_for(f"http://127.0.0.1:{2080 + offset}/health", lambda: demo.poll() is None)
        said = options_of(offset, given.subscribers)
        plans = [
            ("UDP echo (Twisted)", echo.pid, ["echo", "--port", str(9000 + offset)]),
            ("RADIUS auth+start+stop", demo.pid, said["radius"]),
            ("Diameter CCR I/U/T", demo.pid, said["diameter"]),
            ("SIP INVITE -> 302 -> ACK", demo.pid, said["sip"]),
        ]
        rows = [run(loadgen, label, pid, options, given.runs, given.seconds) for label, pid, options in plans]
        print(table(rows, given))
        for _ in range(180):  # setup_window, sip_hold and a sweep are over within 90 s
            left = open_sessions(2080 + offset)
            if not left:
                break
            time.sleep(0.5)
        print(f"open reservations afterwards: {left}")
        return 1 if left or any(row["bad"] for row in rows) else 0
    finally:
        for process in (demo, echo):
            process.send_signal(signal.SIGTERM)
        for process in (echo, demo):
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
