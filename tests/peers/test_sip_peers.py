"""Programs that others wrote against our SIP: sipp calls, tshark reads our answers."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.need import need
from tests.peers.pcap import Packet, write_pcap
from tests.sip.messages import request
from tests.sip.rfc4475 import message
from tests.sip.test_server import Bench

from tollhouse.values.outcomes import Refused
from tollhouse.values.refusals import Refusal

HERE = Path(__file__).parent
pytestmark = pytest.mark.peer


@pytest.fixture
def running() -> Iterator[Bench]:
    """A server turned by a thread of its own, which decides each call at once."""
    bench = Bench()
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            bench.reactor.doIteration(0.02)
            bench.script.answer()

    thread = threading.Thread(target=serve)
    thread.start()
    yield bench
    done.set()
    thread.join()
    bench.close()


@pytest.mark.parametrize("scenario", ["sip_redirect.xml", "sip_options.xml"])
def test_sipp(running: Bench, scenario: str, tmp_path: Path) -> None:
    sipp = need("sipp")
    calls = 200
    (tmp_path / "calls.csv").write_text("SEQUENTIAL\n1001;441234567890\n1002;441234567891\n")
    command = [sipp, f"127.0.0.1:{running.port.getHost().port}", "-sf", str(HERE / scenario), "-i", "127.0.0.1"]
    command += ["-inf", "calls.csv", "-m", str(calls), "-r", "500", "-l", "50", "-timeout", "30", "-timeout_error"]
    run = subprocess.run([*command, "-nostdin"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    if scenario == "sip_redirect.xml":
        assert len(running.script.commands) == calls
        assert running.tally.counts[("sip_answers", "302")] == calls


def conversations(bench: Bench) -> list[bytes]:
    """One of each kind of answer that we give."""
    said = []
    bench.say(request())
    said += bench.wait(0.3) + bench.decide() + bench.say(request("CANCEL")) + bench.decide()
    for number, refusal in enumerate(Refusal):
        bench.script.outcome = Refused(refusal)
        bench.say(request(call_id=f"r{number}", via=f"SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bKr{number}"))
        said += bench.decide()
    said += (
        bench.say(request("OPTIONS")) + bench.say(request("REGISTER")) + bench.say(request("BYE", to="<sip:1@b>;tag=x"))
    )
    for name in ("lwsdisp", "semiuri", "transports", "badinv01", "quotbal", "unkscm", "clerr", "mismatch02"):
        said += bench.say(message(name).replace(b";branch=", b";rport;branch=", 1))
    return said


def test_tshark_has_no_complaint(tmp_path: Path) -> None:
    tshark = need("tshark")
    bench = Bench()
    try:
        answers = conversations(bench)
    finally:
        bench.close()
    packets: list[Packet] = [("udp", 5060, 5070, answer) for answer in answers]
    write_pcap(tmp_path / "answers.pcap", packets)
    command = [tshark, "-r", str(tmp_path / "answers.pcap"), "-T", "fields", "-e", "sip.Status-Code"]
    command += ["-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "_ws.expert.severity"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[0] for row in rows] == [answer[8:11].decode() for answer in answers]
    assert len(rows) >= 30
    assert [row for row in rows if any(row[1:3])] == []
