"""The probe against a server that runs in a thread of its own: one real call."""

from __future__ import annotations

import socket
import threading

from tests.sip.test_server import Bench

from tollhouse.sip.probe import run_probe


def test_a_call_by_the_probe() -> None:
    bench = Bench()
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            bench.reactor.doIteration(0.02)
            bench.script.answer()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        steps = run_probe("127.0.0.1", bench.port.getHost().port, "1001", "441234567890", 5.0)
    finally:
        done.set()
        thread.join()
        bench.close()
    assert [(step.title, step.ok) for step in steps] == [
        ("OPTIONS", True),
        ("INVITE 1001 -> 441234567890", True),
        ("ACK", True),
    ]
    assert steps[0].answer == ("SIP/2.0 200 OK", "Allow: INVITE, ACK, CANCEL, OPTIONS")
    assert steps[1].answer == (
        "SIP/2.0 302 Moved Temporarily",
        "Contact: <sip:441234567890@a.invalid:5080>;q=0.99",
        "Contact: <sip:00441234567890@b.invalid>;q=0.98",
    )


def test_silence_is_reported() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        steps = run_probe("127.0.0.1", deaf.getsockname()[1], "1001", "44", 0.05)
    assert [(step.answer, step.ok) for step in steps] == [((), False), ((), False)]
