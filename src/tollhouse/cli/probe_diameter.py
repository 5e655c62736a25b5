"""Diameter Credit-Control as a client speaks it: one request on a connection of its own, or a whole session."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tollhouse.cli.errors import FAILED, CommandError
from tollhouse.cli.exchange import Exchange
from tollhouse.diameter import probe
from tollhouse.diameter.dictionary import DictionaryError, load_dictionary
from tollhouse.diameter.names import RequestType

PORT: Final = 3868
_KINDS: Final = {"ccr-i": RequestType.INITIAL, "ccr-u": RequestType.UPDATE, "ccr-t": RequestType.TERMINATION}


def place(given: argparse.Namespace, tables: Path) -> Iterator[Exchange]:
    """CER, the request of `given.kind` (or those of a whole call), DPR."""
    plan = probe.ProbePlan(
        origin_host=given.origin_host,
        origin_realm=given.origin_realm,
        destination_realm=given.realm,
        subscriber=given.subscriber,
        called=given.called,
        seconds=given.seconds if given.kind == "call" else 0,
        session_id=given.session_id or probe.new_session_id(given.origin_host),
    )
    host, port = given.server.host, given.server.port or PORT
    try:
        dictionary = load_dictionary(tables)
        if given.kind == "call":
            steps = probe.run_probe(dictionary, host, port, plan, timeout=given.timeout)
        else:
            request = (given.kind.upper(), _body(given, plan))
            steps = probe.run_requests(dictionary, host, port, plan, [request], timeout=given.timeout)
    except (DictionaryError, probe.ProbeError) as error:
        raise CommandError(FAILED, str(error)) from None
    for step in steps:
        said = f", Session-Id = {plan.session_id}" if step.title.startswith("CCR") else ""
        yield Exchange(f"{step.title}{said}", step.lines, step.elapsed_us)


def _body(given: argparse.Namespace, plan: probe.ProbePlan) -> bytes:
    kind = _KINDS[given.kind]
    first = kind is RequestType.INITIAL
    return probe.ccr_body(plan, kind, 0 if first else given.number, 0 if first else given.used)
