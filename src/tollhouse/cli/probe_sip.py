"""SIP as a switch speaks it to a redirect server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tollhouse.cli.exchange import Exchange
from tollhouse.sip.probe import run_probe

PORT: Final = 5060


def place(given: argparse.Namespace, _tables: Path) -> Iterator[Exchange]:
    """OPTIONS, or INVITE and the ACK of its answer."""
    host, port = given.server.host, given.server.port or PORT
    called = given.called if given.kind == "invite" else ""
    for step in run_probe(host, port, given.caller, called, given.timeout, [given.kind.upper()]):
        error = "" if step.answer or step.title == "ACK" else "no answer"
        yield Exchange(step.title, step.answer, step.milliseconds * 1000, error)
