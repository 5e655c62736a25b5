"""Where the CPU of one request goes, by room: a sampling profile of the appliance under load.

    tools/rooms.py --loadgen DIR [--protocol radius|diameter|sip]      DIR as in tools/bench.py

The demo runs in this process with a sample every 2 ms of its CPU time. A sample counts for the innermost frame that is
one of our rooms; what lies under none of them is Twisted's and the kernel's. Microseconds are the process's CPU time
by requests answered; the sampling itself costs a few percent.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

import tollhouse
from bench import build, options_of, wait_for
from tollhouse.main.demo import demo

PERIOD: Final = 0.002
HOME: Final = str(Path(tollhouse.__file__).parent) + "/"


def room(frame: FrameType | None) -> str:
    """The innermost of our rooms that this frame is in or was called from."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(HOME) and not name.startswith(HOME + "main/"):
            return name[len(HOME) :].partition("/")[0]
        frame = frame.f_back
    return "twisted, kernel"


def drive(loadgen: Path, given: argparse.Namespace, seen: Counter[str]) -> None:
    """In a thread: wait, load while samples are taken, print, end the demo."""
    wait_for(f"http://127.0.0.1:{2080 + given.offset}/health")
    arguments = [*options_of(given.offset, given.subscribers)[given.protocol], "--duration", str(given.seconds)]
    try:
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)
        command = [str(loadgen), *arguments, "--warmup", "0", "--pid", str(os.getpid()), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        signal.setitimer(signal.ITIMER_PROF, 0)
        result = json.loads(done.stdout.splitlines()[-1])
        whole = result["server_cpu_s_per_1000"] * 1000
        samples = sum(seen.values())
        print(f"\n{given.protocol}: {whole:.1f} us of CPU a request, {samples} samples, {result['errors']} errors")
        for name, count in seen.most_common():
            print(f"  {name:18}{whole * count / samples:8.1f} us{100 * count / samples:7.1f} %")
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Sample one protocol's conversation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loadgen", required=True, help="directory of the load generator's source")
    parser.add_argument("--protocol", choices=("radius", "diameter", "sip"), default="radius")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--offset", type=int, default=21_000)
    given = parser.parse_args()
    seen: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, lambda _number, frame: seen.update((room(frame),)))
    with tempfile.TemporaryDirectory() as scratch:
        loadgen = build(Path(given.loadgen), Path(scratch))
        threading.Thread(target=drive, args=(loadgen, given, seen), daemon=True).start()
        return demo(Path(scratch) / "demo", given.offset, False, given.subscribers)


if __name__ == "__main__":
    raise SystemExit(main())
