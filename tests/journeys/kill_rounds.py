"""Rounds of kill -9 on one directory: settle and check what the last crash left, load, crash.

Every choice comes from the round's own random source, so a round's plan is repeated by its seed; where exactly in the
process the signal falls is not.
"""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.journeys.kill_calls import FARES, Books, Call, Step, faults
from tests.journeys.kill_lines import LINES, Fuse, Gone, Line, content
from tests.processes import PATIENCE, TOLLHOUSE, Process, free_ports, running_demo, running_serve, start

WALLETS = tuple(f"{number:06}" for number in range(1, 9))
OPENING = Decimal(1_000_000)
WORKERS = ("radius", "radius", "diameter", "diameter", "api", "api")
SETUP_WINDOW = timedelta(seconds=20)
SETTINGS = f"""
[engine]
setup_window = {SETUP_WINDOW.seconds}
[store]
checkpoint_age = 1
checkpoint_entries = 1000
slice_entries = 16
segment_bytes = {2**20}
"""
"""Reservations end within the test, and a checkpoint runs most of the time."""
REPEATED = 12
"""Stops of a round that are sent once more after the crash although they were answered."""
PAGE = 100


@dataclass
class Rounds:
    """What the clients of one directory know. Its processes are started by turns as the demo and with SETTINGS."""

    directory: Path
    calls: dict[str, Call] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in WALLETS})
    seen: Counter[str] = field(default_factory=Counter)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def running(self, number: int) -> AbstractContextManager[Process]:
        """The process of the round of that number."""
        if number % 2:
            return running_serve(self.directory / "demo", SETTINGS)
        return running_demo(self.directory, subscribers=len(WALLETS))

    def crash(self, process: Process, dice: random.Random, unstarted: bool) -> None:
        """Place calls until the process is killed; a quarter of the times while it stops by SIGTERM.

        `unstarted`: some calls are authorised and never heard of again.
        """
        signals = [(dice.random() * 0.003, signal.SIGKILL)]
        if dice.random() < 0.25:
            signals = [(0.0, signal.SIGTERM), (dice.random() * 0.15, signal.SIGKILL)]
        fuse = Fuse(process.pid, dice.randint(1, 600), signals)
        errors: list[BaseException] = []
        threads = [
            threading.Thread(
                target=self._work, args=(process, fuse, name, random.Random(dice.random()), unstarted, errors)
            )
            for name in WORKERS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors
        process.popen.wait(PATIENCE)

    def crash_at_start(self, dice: random.Random) -> None:
        """Start it and kill it at any moment of its recovery."""
        ports = free_ports()
        directory = str(self.directory / "demo")
        command = [*TOLLHOUSE, "demo", directory, "--no-probe", "--port-offset", str(ports.offset)]
        process = start(command, self.directory, "killed", ports)
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(dice.random())
        process.kill()

    def settle(self, process: Process, dice: random.Random) -> None:
        """After a crash: what is in the books is what the answers allow; then every call is brought to its end, what
        was answered is sent again, and the books are exact."""
        self._check(process)
        fuse = Fuse(process.pid, 0, ())
        with ExitStack() as stack:
            lines: dict[str, Line] = {
                name: stack.enter_context(closing(made(process, fuse))) for name, made in LINES.items()
            }
            stopped = [call for call in self.calls.values() if call.steps[-1] is Step.STOP]
            open_ = [call for call in stopped if call.answered < len(call.steps)]
            ended = [call for call in stopped if call.answered == len(call.steps)]
            self._count(open_)
            for call in open_:
                _go_on(call, lines[call.protocol], 5)
            self._check(process)
            for call in dice.sample(ended[-200:], min(REPEATED, len(ended))):
                answer = content(call.protocol, lines[call.protocol].ask(call, Step.STOP, 5))
                before = content(call.protocol, call.answers[Step.STOP])
                assert answer == before, f"another answer to a repeated Stop of {call.number}"
        self._check(process)
        self._check_reservations(process)

    def _count(self, open_: Sequence[Call]) -> None:
        """What this crash met, so that a reader can see that it met something."""
        charged = {
            record["session"]["calling"]
            for records in self.records.values()
            for record in records
            if record["kind"] == "session" and record["session"]["ended"]
        }
        unanswered = [call for call in open_ if call.sent == len(call.steps)]
        self.seen["calls"] = len(self.calls)
        self.seen["under way"] += len(open_)
        self.seen["Stops sent and not answered"] += len(unanswered)
        self.seen["of them charged"] += sum(1 for call in unanswered if call.number in charged)

    def _work(
        self,
        process: Process,
        fuse: Fuse,
        protocol: str,
        dice: random.Random,
        unstarted: bool,
        errors: list[BaseException],
    ) -> None:
        """One client: call after call until the process is gone."""
        try:
            with closing(LINES[protocol](process, fuse)) as line:
                while True:
                    self._place(self._new(protocol, dice, unstarted), line, dice)
        except Gone:
            pass
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            errors.append(error)

    def _new(self, protocol: str, dice: random.Random, unstarted: bool) -> Call:
        steps: list[Step] = [Step.OPEN]
        if not unstarted or protocol == "diameter" or dice.random() < 0.9:
            steps += [Step.START] if protocol != "diameter" else []
            steps += [Step.UPDATE] if dice.random() < 0.4 else []
            steps += [Step.STOP]
        number = str(7_000_000 + next(self.numbers))
        call = Call(number, dice.choice(WALLETS), protocol, dice.choice(FARES), tuple(steps))
        self.calls[number] = call
        return call

    def _place(self, call: Call, line: Line, dice: random.Random) -> None:
        for _ in call.steps:
            answer = _next_step(call, line)
            if dice.random() < 0.15:
                assert line.again() == answer, f"another answer to the same bytes about {call.number}"

    def _check(self, process: Process) -> None:
        """The books against what the clients know. Records that were read stay; only what came after is read."""
        books = {}
        for name, records in self.records.items():
            more: list[dict[str, Any]] = [{}]
            while more:
                more = process.rpc("record.list", wallet=name, after=len(records), limit=PAGE)["records"]
                records += more
            books[name] = Books(tuple(records), Decimal(process.rpc("wallet.get", wallet=name)["balance"]), OPENING)
        found = list(faults(self.calls.values(), books))
        found += [str(finding) for finding in audit(process)]
        assert not found, "\n".join(found)

    def _check_reservations(self, process: Process) -> None:
        """Every call is at its end: what is held is for calls that nobody started, and not for long."""
        waiting = {call.number for call in self.calls.values() if call.steps[-1] is Step.OPEN}
        for session in open_sessions(process):
            assert session["caller"] in waiting, session
            lasts = datetime.fromisoformat(session["until"]) - datetime.fromisoformat(session["created"])
            assert timedelta(0) < lasts <= SETUP_WINDOW, session


def audit(process: Process) -> Sequence[object]:
    """What `system.audit` finds, over all wallets."""
    findings: list[object] = []
    after: str | None = ""
    while after is not None:
        page = process.rpc("system.audit", after=after)
        findings += page["findings"]
        after = page["next"]
    return findings


def open_sessions(process: Process) -> list[dict[str, Any]]:
    """Those that are not closed."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = process.rpc("session.list", after=after, limit=PAGE)
        found += [session for session in page["sessions"] if session["state"] != "closed"]
        after = page["next"]
    return found


def _go_on(call: Call, line: Line, late: int) -> None:
    """The step that was not answered is sent again, the others after it."""
    late = late if call.sent > call.answered else 0
    while call.answered < len(call.steps):
        _next_step(call, line, late)
        late = 0


def _next_step(call: Call, line: Line, late: int = 0) -> Any:
    step = call.steps[call.answered]
    call.sent = call.answered + 1
    answer = line.ask(call, step, late)
    call.answered += 1
    call.answers[step] = answer
    return answer
