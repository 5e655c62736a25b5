"""RADIUS as a NAS speaks it: Access-Request, accounting, Status-Server."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tollhouse.cli.errors import FAILED, USAGE, CommandError
from tollhouse.cli.exchange import Exchange
from tollhouse.radius import probe
from tollhouse.radius.codec import RadiusError, SharedSecret
from tollhouse.radius.dialects.voice import INTERIM, START, STOP
from tollhouse.radius.dictionary import DictionaryError, load

AUTH_PORT: Final = 1812
ACCOUNTING_PORT: Final = 1813
_STATUS: Final = {"start": START, "interim": INTERIM, "stop": STOP}


def place(given: argparse.Namespace, tables: Path) -> Iterator[Exchange]:
    """The packet of `given.kind`, or a whole call. CommandError where a value has no place in a packet."""
    try:
        steps = _call(given, tables) if given.kind == "call" else [_packet(given, tables)]
    except DictionaryError as error:
        raise CommandError(FAILED, str(error)) from None
    except RadiusError as error:
        raise CommandError(USAGE, str(error)) from None
    for step in steps:
        yield Exchange(step.request, step.reply, step.elapsed, step.error)


def _call(given: argparse.Namespace, tables: Path) -> list[probe.ProbeStep]:
    auth = given.server.port or AUTH_PORT
    return probe.run_probe(
        given.server.host,
        auth,
        given.accounting_port or auth + 1,
        given.secret.encode(),
        given.user,
        given.password,
        given.called,
        given.calling,
        given.seconds,
        given.timeout,
        dictionaries=tables,
    )


def _packet(given: argparse.Namespace, tables: Path) -> probe.ProbeStep:
    names, secret = load(tables), SharedSecret(given.secret.encode())
    identifier, fresh = secrets.randbelow(256), secrets.token_bytes(16)
    port = AUTH_PORT
    if given.kind == "status":
        request = probe.status_request(secret, identifier, fresh)
    elif given.kind == "auth":
        session = given.session or f"probe-{secrets.token_hex(8)}"
        call = probe.Call(given.user, given.password, given.called, given.calling, session)
        request = probe.access_request(names, secret, identifier, fresh, call)
    else:
        port = ACCOUNTING_PORT
        call = probe.Call(given.user, "", given.called, given.calling, given.session)
        length = 0 if given.kind == "start" else given.seconds
        request = probe.accounting_request(names, secret, identifier, _STATUS[given.kind], call, length)
    step, _ = probe.ask(given.server.host, given.server.port or port, request, secret, names, given.timeout)
    return step
